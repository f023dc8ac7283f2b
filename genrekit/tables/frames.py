"""Tables of any length, read a few thousand rows at a time: CSV, TSV, Parquet, JSON and JSON Lines.

Where `tabular.read_cells` reads a whole table as text, this reads millions of rows in little memory.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pyarrow as pa

from genrekit.errors import DatasetError
from genrekit.tables.frame import Frame
from genrekit.tables.json import open_json
from genrekit.tables.parquet import open_parquet
from genrekit.tables.records import is_json
from genrekit.tables.text import open_text
from genrekit.text import printable

__all__ = ["Frame", "Frames", "open_frames"]

_UNREADABLE = (OSError, csv.Error, pa.ArrowException, ValueError, OverflowError, RecursionError, MemoryError)


@dataclass(frozen=True)
class Frames:
    """A table that is read from its start each time it is iterated over.

    Attributes
    ----------
    path : Path
        The file.
    kind : {'csv', 'parquet', 'json'}
        How it is written.
    columns : tuple of str
        The column names as they are written; blank ones (a saved index) are ''.
    total_bytes : int
        The size of the file.
    """

    path: Path
    kind: Literal["csv", "parquet", "json"]
    columns: tuple[str, ...]
    total_bytes: int
    _read: Callable[[], Iterator[Frame]] = field(repr=False)

    def __iter__(self) -> Iterator[Frame]:
        """Give the rows in their order; nothing where the table has none.

        Raises
        ------
        DatasetError
            If the rest of the file cannot be read; the rows before it have been given.
        """
        try:
            yield from self._read()
        except _UNREADABLE as error:
            raise _refusal(self.path, error) from error


def open_frames(path: Path) -> Frames:
    """Open a table, recognised by its first bytes, to read it in bounded memory.

    Parameters
    ----------
    path : Path
        A Parquet file; JSON as `frames_json.open_json` reads it; or delimited text: the delimiter (comma,
        semicolon or tab) is the one that the header has most of, UTF-8 with or without a byte order mark, or
        UTF-16 with one. A byte that is no UTF-8 is read as ``\\xe9``.

    Raises
    ------
    DatasetError
        If the file cannot be read, is empty, is no table, or has two columns of one name.
    """
    try:
        total_bytes = path.stat().st_size
        if total_bytes == 0:
            raise DatasetError(f"{printable(path)} is empty.", "A table starts with a line of column names.")
        with path.open("rb") as file:
            head = file.read(4096)
        kind: Literal["csv", "parquet", "json"]
        if head.startswith(b"PAR1"):
            kind, (columns, read) = "parquet", open_parquet(path)
        elif is_json(path):
            kind, (columns, read) = "json", open_json(path)
        else:
            kind, (columns, read) = "csv", open_text(path, head)
    except _UNREADABLE as error:
        raise _refusal(path, error) from error
    return Frames(path, kind, columns, total_bytes, read)


def _refusal(path: Path, error: BaseException) -> DatasetError:
    return DatasetError(
        f"{printable(path)} cannot be read as a table: {printable(' '.join(str(error).split())[:300])}.",
        "Give a CSV, TSV, Parquet, JSON or JSON Lines file.",
    )
