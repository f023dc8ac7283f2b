"""A CSV, TSV or Parquet file as cells of text: bounded, nothing guessed, every row with its number.

Cells stay text until a loader knows what they mean; a label ``1`` or ``007`` is never made a number.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from genrekit.errors import DatasetError
from genrekit.text import column_name, printable, quote_all

MAX_TABLE_BYTES = 2**30
MAX_CELLS = 50_000_000
MAX_COLUMNS = 10_000
MAX_CELL_CHARACTERS = 100_000
MAX_HEADER_CHARACTERS = 2**18

PATH_COLUMNS = ("path", "file", "filename", "file_name", "filepath", "file_path")
LABEL_COLUMNS = ("label", "labels", "genre", "genres")
GROUP_COLUMNS = ("group", "artist")
SPLIT_COLUMNS = ("split",)


@dataclass(frozen=True)
class Cells:
    """The text of a table.

    Attributes
    ----------
    path : Path
        The file.
    columns : tuple of str
        The column names as they are written; blank ones (a saved index) are ''.
    rows : tuple of (int, list of str)
        Row number as a spreadsheet shows it (the header is row 1) and one cell a column.
    broken : tuple of (str, str)
        ``row N`` and reason of the rows whose width is not the header's.
    """

    path: Path
    columns: tuple[str, ...]
    rows: tuple[tuple[int, list[str]], ...]
    broken: tuple[tuple[str, str], ...] = ()

    @property
    def names(self) -> dict[str, int]:
        """Position of every named column, by its name in lower case with ``_`` for white space."""
        return {column_name(column): i for i, column in enumerate(self.columns) if column.strip()}

    def find(self, aliases: tuple[str, ...]) -> int | None:
        """Position of the first column of ``aliases`` that the table has, or None."""
        return next((self.names[alias] for alias in aliases if alias in self.names), None)

    @property
    def group_note(self) -> tuple[str, ...]:
        """What to say where another column than ``group`` speaks for the groups."""
        at = self.find(GROUP_COLUMNS)
        if at is None or "group" in self.names:
            return ()
        return (f"the column '{printable(self.columns[at])}' was read as the group",)


def read_cells(path: Path) -> Cells:
    """Read a table as text.

    Parameters
    ----------
    path : Path
        A ``.parquet`` file, or delimited text: the delimiter (comma, semicolon or tab) is the one that the
        header has most of; UTF-8 with or without a byte order mark, or UTF-16 with one.

    Raises
    ------
    DatasetError
        If the file cannot be read, is empty, is no table, is too large, or has two columns of one name.
    """
    try:
        size = path.stat().st_size
        if size == 0:
            raise DatasetError(f"{printable(path)} is empty.", "A table starts with a line of column names.")
        if size > MAX_TABLE_BYTES:
            raise DatasetError(
                f"{printable(path)} has {size:,} bytes; a table may have {MAX_TABLE_BYTES:,} at most.",
                "Split it, or keep only the columns that are needed.",
            )
        with path.open("rb") as file:
            head = file.read(4096)
        lines = _parquet_rows(path) if head.startswith(b"PAR1") else _text_rows(path, head)
        return _collect(path, lines)
    except (OSError, csv.Error, pa.ArrowException, ValueError, OverflowError) as error:
        raise DatasetError(
            f"{printable(path)} cannot be read as a table: {printable(' '.join(str(error).split())[:300])}.",
            "Give a CSV, TSV or Parquet file.",
        ) from error


def _text_rows(path: Path, head: bytes) -> Iterator[list[str]]:
    encoding = encoding_of(head)
    if b"\0" in head and encoding != "utf-16":
        raise DatasetError(f"{printable(path)} is not text.", "Give a CSV, TSV or Parquet file.")
    # Paths may hold bytes that are no UTF-8; surrogateescape gives the file system the same bytes back.
    errors = "strict" if encoding == "utf-16" else "surrogateescape"
    with path.open(encoding=encoding, errors=errors, newline="") as file:
        header = read_header(path, file)
        yield header.names
        yield from csv.reader(file, delimiter=header.delimiter)


def encoding_of(head: bytes) -> str:
    """Return the encoding of a text from its first bytes: UTF-16 with a byte order mark, else UTF-8."""
    return "utf-16" if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"


@dataclass(frozen=True)
class Header:
    """What the first line of a delimited text says.

    Attributes
    ----------
    names : list of str
        The column names as they are written; empty where the text has no line that is not blank.
    delimiter : str
        Comma, semicolon or tab.
    lines : int
        How many lines were read: the header and the blank ones above it.
    """

    names: list[str]
    delimiter: str
    lines: int


def read_header(path: Path, file: TextIO) -> Header:
    """Read the first line that is not blank; the delimiter is the one that it has most of.

    Parameters
    ----------
    path : Path
        The name of the file; in a ``.tsv`` the delimiter is the tab.
    file : text file
        Opened with ``newline=""``, at its start; afterwards it stands behind the header.

    Raises
    ------
    DatasetError
        If the line is longer than ``MAX_HEADER_CHARACTERS``.
    """
    lines = 0
    for header in iter(lambda: file.readline(MAX_HEADER_CHARACTERS), ""):
        lines += 1
        if len(header) == MAX_HEADER_CHARACTERS:
            raise DatasetError(
                f"The first line of {printable(path)} has more than {MAX_HEADER_CHARACTERS:,} characters.",
                "A table starts with a line of column names.",
            )
        if header.strip():
            delimiter = "\t" if path.suffix.lower() == ".tsv" else max(",;\t", key=header.count)
            return Header(next(csv.reader(io.StringIO(header), delimiter=delimiter)), delimiter, lines)
    return Header([], ",", lines)


def _parquet_rows(path: Path) -> Iterator[list[str]]:
    with pq.ParquetFile(path) as file:
        facts = file.metadata
        stored = sum(facts.row_group(i).total_byte_size for i in range(facts.num_row_groups))
        if facts.num_rows * facts.num_columns > MAX_CELLS or stored > MAX_TABLE_BYTES:
            raise DatasetError(
                f"{printable(path)} has {facts.num_rows:,} rows of {facts.num_columns:,} columns, "
                f"{stored:,} bytes; {MAX_CELLS:,} cells and {MAX_TABLE_BYTES:,} bytes are allowed.",
                "Split it, or keep only the columns that are needed.",
            )
        yield list(file.schema_arrow.names)
        for batch in file.iter_batches(batch_size=1000):
            columns = [column.to_pylist() for column in batch.columns]
            for row in zip(*columns, strict=True):
                yield ["" if value is None else str(value) for value in row]


def _collect(path: Path, lines: Iterator[list[str]]) -> Cells:
    header = next(lines, [])
    check_header(path, header)
    rows: list[tuple[int, list[str]]] = []
    broken: list[tuple[str, str]] = []
    for number, row in enumerate(lines, start=2):
        if not any(cell.strip() for cell in row):
            continue
        while len(row) > len(header) and not row[-1].strip():
            row.pop()
        if len(row) != len(header):
            broken.append((f"row {number}", f"has {len(row)} cells; the header has {len(header)}"))
        elif max(map(len, row)) > MAX_CELL_CHARACTERS:
            broken.append((f"row {number}", f"has a cell of more than {MAX_CELL_CHARACTERS:,} characters"))
        else:
            rows.append((number, row))
        if len(rows) * len(header) > MAX_CELLS:
            raise DatasetError(f"{printable(path)} has more than {MAX_CELLS:,} cells.", "Split it.")
    return Cells(path, tuple(header), tuple(rows), tuple(broken))


def check_header(path: Path, header: Sequence[str]) -> None:
    """Refuse column names that make no table.

    Raises
    ------
    DatasetError
        If none has a name, there are more than ``MAX_COLUMNS``, or two have one name.
    """
    if not any(name.strip() for name in header):
        raise DatasetError(f"{printable(path)} has no line of column names.", "Write one as its first line.")
    if len(header) > MAX_COLUMNS:
        raise DatasetError(f"{printable(path)} has {len(header):,} columns; {MAX_COLUMNS:,} are allowed.")
    refuse_doubled(path, header)


def refuse_doubled(path: Path, header: Sequence[str]) -> None:
    """Refuse two columns of one name.

    Raises
    ------
    DatasetError
        If two names are the same but for upper and lower case and white space.
    """
    seen: dict[str, str] = {}
    for column in header:
        name = column_name(column)
        if name and name in seen:
            raise DatasetError(
                f"{printable(path)} has two columns of one name: {quote_all([seen[name], column])}.",
                "Rename or remove one; upper and lower case do not count.",
            )
        seen[name] = column
