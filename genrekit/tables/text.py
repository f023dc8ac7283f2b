"""Delimited text as frames: Arrow splits it, every row keeps its number, bad rows are reported and left out."""

from __future__ import annotations

import csv
import io
import zlib
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from genrekit.errors import DatasetError
from genrekit.tables.columns import check_columns
from genrekit.tables.dialect import Dialect, read_dialect
from genrekit.tables.encoding import BLOCK_BYTES, Utf8, suffix_of
from genrekit.tables.frame import MAX_CELL_CHARACTERS, MAX_FRAME_ROWS, TOO_LONG, Frame, Read, frames_of
from genrekit.text import counted, printable

# Arrow reads up to 16 blocks ahead, and a row may cross the end of one block but not of two.
MIN_FRAME_ROWS = 16_384
MAX_BROKEN_AHEAD = 1_000_000


def open_text(path: Path, n_headers: int = 1) -> tuple[tuple[str, ...], Read]:
    """Open delimited text.

    Parameters
    ----------
    path : Path
        The file, compressed by gzip or not; ``.tsv`` makes the tab the delimiter where the header leaves it open.
    n_headers : int >= 1
        Number of lines of column names.

    Returns
    -------
    columns : tuple of str
        The names in the header.
    read : callable
        Reads the rows from the start. A row may end with more empty cells than the header has, and may omit cells
        of the last unnamed columns; a row of any other width is broken.

    Raises
    ------
    DatasetError
        If it is not text, or has no usable header.
    """
    tabs = suffix_of(path) == ".tsv"
    with Utf8(path) as stream, stream.text() as file:
        dialect = read_dialect(printable(path), file, tabs=tabs, n_headers=n_headers)
    check_columns(printable(path), dialect.columns)

    def read(places: tuple[int, ...]) -> Iterator[Frame]:
        # Arrow raises an error for a text without rows.
        if dialect.has_rows:
            with Utf8(path) as stream:
                yield from _Rows(path, dialect, places).read(stream)

    return dialect.columns, read


class _Rows:
    """One pass over a text: the rows that Arrow split, and the numbers of those that it could not."""

    def __init__(self, path: Path, dialect: Dialect, places: tuple[int, ...]) -> None:
        self._path = path
        self._places = places
        self._names = list(dialect.columns)
        self._n_named = max(i for i, name in enumerate(self._names, start=1) if name.strip())
        self._delimiter = dialect.delimiter
        self._lines = dialect.n_lines
        self._next = 2
        # Rows whose width differs from the header: a reason, repaired cells, or None for a blank row.
        self._odd: deque[tuple[int, str | list[str] | None]] = deque()

    def read(self, stream: Utf8) -> Iterator[Frame]:
        held: list[pa.RecordBatch] = []
        problem: Exception | None = None
        try:
            for batch in self._batches(stream):
                held.append(batch)
                if max(sum(b.num_rows for b in held), len(self._odd)) >= MIN_FRAME_ROWS:
                    yield from self._frames(held, stream.position())
                    held = []
        except (pa.ArrowInvalid, DatasetError, OSError, EOFError, zlib.error) as error:
            problem = error
        yield from self._frames(held, stream.position())
        if problem is not None:
            raise self._refusal(str(problem)) if isinstance(problem, pa.ArrowInvalid) else problem

    def _batches(self, stream: Utf8) -> Iterator[pa.RecordBatch]:
        names = [str(i) for i in range(len(self._names))]
        options = {
            "read_options": pa_csv.ReadOptions(
                use_threads=False, block_size=BLOCK_BYTES, skip_rows=self._lines, column_names=names
            ),
            "parse_options": pa_csv.ParseOptions(
                delimiter=self._delimiter,
                newlines_in_values=True,
                ignore_empty_lines=False,
                invalid_row_handler=self._take_odd,
            ),
            "convert_options": pa_csv.ConvertOptions(
                check_utf8=False,
                column_types=dict.fromkeys(names, pa.string()),
                include_columns=[names[i] for i in self._places],
            ),
        }
        with pa_csv.open_csv(stream, **options) as reader:
            yield from reader

    def _take_odd(self, row: pa_csv.InvalidRow) -> str:
        # Arrow counts every line above the rows; the header is row 1 even below blank lines.
        self._odd.append((row.number - self._lines + 1, self._judge(row.text)))
        return "skip" if len(self._odd) <= MAX_BROKEN_AHEAD else "error"

    def _judge(self, text: str) -> str | list[str] | None:
        try:
            cells = next(csv.reader(io.StringIO(text, newline=""), delimiter=self._delimiter), [])
        except csv.Error:
            return TOO_LONG
        if not any(cell.strip() for cell in cells):
            return None
        while len(cells) > len(self._names) and not cells[-1].strip():
            cells.pop()
        if self._n_named <= len(cells) < len(self._names):
            cells += [""] * (len(self._names) - len(cells))
        if len(cells) != len(self._names):
            return f"has {counted(len(cells), 'cell')}; the header has {len(self._names)}"
        cells = [cells[i] for i in self._places]
        return cells if max(map(len, cells)) <= MAX_CELL_CHARACTERS else TOO_LONG

    def _frames(self, held: list[pa.RecordBatch], position_bytes: int) -> Iterator[Frame]:
        empty = pa.schema([(str(i), pa.string()) for i in self._places])
        whole = pa.Table.from_batches(held, empty)
        for start in range(0, max(whole.num_rows, 1), MAX_FRAME_ROWS):
            table = whole.slice(start, MAX_FRAME_ROWS)
            numbers = self._numbers(table.num_rows)
            broken: list[tuple[int, str]] = []
            mended: dict[int, list[str]] = {}
            while self._odd and self._odd[0][0] <= self._next:
                number, found = self._odd.popleft()
                self._next = max(self._next, number + 1)
                if isinstance(found, str):
                    broken.append((number, found))
                elif found is not None:
                    mended[number] = found
            if mended:
                cells = [pa.array(column, pa.string()) for column in zip(*mended.values(), strict=True)]
                table = pa.concat_tables([table, pa.Table.from_arrays(cells, schema=empty)])
                numbers = np.concatenate([numbers, np.fromiter(mended, np.int64)])
                order = np.argsort(numbers)
                numbers, table = numbers[order], table.take(order)
            table = table.rename_columns([self._names[i] for i in self._places])
            yield from frames_of(numbers, table, broken, position_bytes)

    def _numbers(self, n_rows: int) -> np.ndarray:
        """Return the numbers of the next rows that Arrow could split, skipping those that it could not."""
        odd = np.fromiter((number for number, _ in self._odd), np.int64, len(self._odd))
        good_before = odd - self._next - np.arange(len(odd))
        at = np.arange(n_rows, dtype=np.int64)
        numbers = self._next + at + np.searchsorted(good_before, at, side="right")
        self._next = int(numbers[-1]) + 1 if n_rows else self._next
        return numbers

    def _refusal(self, problem: str) -> DatasetError:
        after = f"{printable(self._path)} cannot be read beyond row {self._next - 1:,}"
        if "straddling" in problem:
            return DatasetError(
                f"{after}: the next row is longer than the allowed {BLOCK_BYTES:,} bytes.",
                "A quotation mark that opens a cell may not be closed.",
            )
        return DatasetError(f"{after}: {printable(problem[:300])}.", "Check how the rows are delimited.")
