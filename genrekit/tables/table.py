"""Tables of any length, opened once: CSV, TSV, Parquet, JSON Lines and JSON, as frames or rows of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from heapq import merge
from pathlib import Path
from typing import Literal

import pyarrow as pa

from genrekit.errors import DatasetError
from genrekit.tables.columns import Columns
from genrekit.tables.encoding import Utf8, suffix_of
from genrekit.tables.frame import Frame, Read
from genrekit.tables.json import SUFFIXES, open_json
from genrekit.tables.parquet import open_parquet
from genrekit.tables.refusal import refused
from genrekit.tables.text import open_text
from genrekit.text import printable

MAX_TABLE_BYTES = 2**30
MAX_CELLS = 50_000_000

Row = tuple[int, list[str], str]
"""Row number, the text of every cell, and why the row cannot be read ('' if it can)."""


@dataclass(frozen=True)
class Cells(Columns):
    """A whole table as text.

    Attributes
    ----------
    rows : tuple of (int, list of str)
        The number of every row, as in `Frame`, and one cell per column; missing cells are ''.
    broken : tuple of (str, str)
        ``row N`` and reason of the rows that could not be read.
    """

    rows: tuple[tuple[int, list[str]], ...]
    broken: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Table(Columns):
    """A table whose columns are known, and whose rows are read from the start on every request.

    Attributes
    ----------
    kind : {'csv', 'parquet', 'json'}
        The format.
    total_bytes : int
        The size of the file.
    """

    kind: Literal["csv", "parquet", "json"]
    total_bytes: int
    _read: Read = field(repr=False)

    def frames(self, columns: Sequence[str] | None = None) -> Iterator[Frame]:
        """Yield the rows in their order, in bounded memory.

        Parameters
        ----------
        columns : sequence of str, optional
            The columns to read, by their names as written; all by default.

        Raises
        ------
        DatasetError
            If the rest of the file cannot be read; the rows before it have been yielded.
        """
        with refused(self.path):
            places = range(len(self.columns)) if columns is None else map(self.columns.index, columns)
            yield from self._read(tuple(places))

    def rows(self, columns: Sequence[str] | None = None) -> Iterator[Row]:
        """Yield the rows as text in their order, including those that cannot be read.

        Parameters and errors are those of `frames`.
        """
        for frame in self.frames(columns):
            cells = zip(*(texts(column) for column in frame.table.columns), strict=True)
            good = ((n, list(row), "") for n, row in zip(frame.numbers.tolist(), cells, strict=True))
            if frame.broken:
                yield from merge(good, ((n, [], why) for n, why in frame.broken), key=lambda row: row[0])
            else:
                yield from good

    def cells(self) -> Cells:
        """Read all rows as text.

        Raises
        ------
        DatasetError
            If the table cannot be read to its end, or has more than ``MAX_TABLE_BYTES`` or ``MAX_CELLS``.
        """
        if self.total_bytes > MAX_TABLE_BYTES:
            raise self._too_large()
        rows: list[tuple[int, list[str]]] = []
        broken: list[tuple[str, str]] = []
        n_characters = 0
        for number, cells, problem in self.rows():
            if problem:
                broken.append((f"row {number}", problem))
            else:
                rows.append((number, cells))
                n_characters += sum(map(len, cells))
            if n_characters > MAX_TABLE_BYTES or len(rows) * len(self.columns) > MAX_CELLS:
                raise self._too_large()
        return Cells(
            self.path,
            self.columns,
            self.notes,
            tuple(rows),
            tuple(broken),
            folder=self.folder,
            title=self.title,
        )

    def _too_large(self) -> DatasetError:
        return DatasetError(
            f"{self.shown} is too large to be read whole: {MAX_TABLE_BYTES:,} bytes and {MAX_CELLS:,} cells "
            "are allowed.",
            "Split it, or keep only the columns that are needed.",
        )


def open_table(path: Path, *, n_headers: int = 1) -> Table:
    """Open a table; its format is recognised from the first bytes and the suffix.

    Parameters
    ----------
    path : Path
        A Parquet file; JSON Lines or JSON as `json.read_values` reads it; or delimited text in any `Dialect` and
        the encodings of `Utf8`. Text may be compressed by gzip.
    n_headers : int >= 1
        Number of lines of column names in delimited text; names of one column are joined by points.

    Raises
    ------
    DatasetError
        If the file cannot be read, is empty, is not a table, or has two columns with the same name.
    """
    notes: tuple[str, ...] = ()
    kind: Literal["csv", "parquet", "json"]
    with refused(path):
        total_bytes = path.stat().st_size
        if total_bytes == 0:
            raise DatasetError(f"{printable(path)} is empty.", "A table starts with a line of column names.")
        with path.open("rb") as file:
            is_parquet = file.read(4) == b"PAR1"
        if is_parquet:
            kind, (columns, notes, read) = "parquet", open_parquet(path)
        elif _is_json(path):
            kind, (columns, read) = "json", open_json(path)
        else:
            kind, (columns, read) = "csv", open_text(path, n_headers)
    return Table(path, columns, notes, kind, total_bytes, read)


def _is_json(path: Path) -> bool:
    if suffix_of(path) in SUFFIXES:
        return True
    with Utf8(path) as stream, stream.text() as file:
        return file.read(4096).lstrip().startswith(("{", "["))


def texts(column: pa.ChunkedArray) -> list[str]:
    """Return the cells of a column as text, a missing one as ''."""
    values: list[str] = column.to_pylist()
    if pa.types.is_string(column.type) and not column.null_count:
        return values
    return ["" if value is None else str(value) for value in values]
