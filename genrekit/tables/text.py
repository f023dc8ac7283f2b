"""Delimited text as frames: Arrow splits it, every row keeps its number, a bad row is named and left out."""

from __future__ import annotations

import codecs
import csv
import io
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from genrekit.errors import DatasetError
from genrekit.tables.cells import MAX_CELL_CHARACTERS, check_header, encoding_of, read_header
from genrekit.tables.frame import MAX_FRAME_ROWS, TOO_LONG, Frame, frames_of
from genrekit.text import printable

# Arrow reads up to 16 blocks ahead, and a row may cross the end of one block but not of two.
BLOCK_BYTES = 2**20
MIN_FRAME_ROWS = 16_384
MAX_BROKEN_AHEAD = 1_000_000


def open_text(path: Path, head: bytes) -> tuple[tuple[str, ...], Callable[[], Iterator[Frame]]]:
    """Open delimited text.

    Parameters
    ----------
    path : Path
        The file.
    head : bytes
        Its first few thousand bytes.

    Returns
    -------
    columns : tuple of str
        The names in its header.
    read : callable
        Reads its rows from the start. A row has a broken width where, without the empty cells at its end
        that go beyond the header, it has another number of cells than the header.

    Raises
    ------
    DatasetError
        If it is not text, or has no usable header.
    """
    encoding = encoding_of(head)
    if b"\0" in head and encoding != "utf-16":
        raise DatasetError(f"{printable(path)} is not text.", "Give a CSV, TSV, Parquet or JSON file.")
    with path.open(encoding=encoding, errors="backslashreplace", newline="") as file:
        header = read_header(path, file)
        has_rows = bool(file.read(1))
    check_header(path, header.names)

    def read() -> Iterator[Frame]:
        # Arrow takes a text without any row for an error.
        if has_rows:
            rows = _Rows(path, header.names, header.delimiter, header.lines)
            with path.open("rb") as file:
                yield from rows.read(_Utf8(file, encoding))

    return tuple(header.names), read


class _Utf8(io.RawIOBase):
    r"""A text in any encoding as valid UTF-8 without NUL: what is neither becomes ``\xe9``, ``\x00``."""

    def __init__(self, file: io.BufferedReader, encoding: str) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder(encoding)("backslashreplace")
        self._is_utf8 = encoding != "utf-16"
        self._ready = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = BLOCK_BYTES) -> bytes:
        # Half of it at least: a row may cross the end of one block. Never more: Arrow copies what it is given.
        while len(self._ready) < max(size // 2, 1) and (data := self._file.read(size)):
            self._ready += self._valid(data)
        self._ready += self._valid(b"") if not self._ready else b""
        given, self._ready = self._ready[:size], self._ready[size:]
        return given

    def _valid(self, data: bytes) -> bytes:
        if self._is_utf8 and not self._decoder.getstate()[0] and b"\0" not in data and _is_utf8(data):
            return data
        return self._decoder.decode(data, final=not data).replace("\0", r"\x00").encode()

    def position(self) -> int:
        return self._file.tell()


def _is_utf8(data: bytes) -> bool:
    # Six times as quick as data.decode().
    ends = np.array([0, len(data)], np.int32)
    try:
        pa.StringArray.from_buffers(1, pa.py_buffer(ends), pa.py_buffer(data)).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


class _Rows:
    """One reading of a text: what Arrow split, and the numbers of what it could not."""

    def __init__(self, path: Path, names: list[str], delimiter: str, lines: int) -> None:
        self._path = path
        self._names = names
        self._delimiter = delimiter
        self._lines = lines
        self._next = 2
        # Rows of another width than the header's: a reason, cells that fit after all, or None for a blank row.
        self._odd: deque[tuple[int, str | list[str] | None]] = deque()

    def read(self, stream: _Utf8) -> Iterator[Frame]:
        held: list[pa.RecordBatch] = []
        problem = ""
        try:
            for batch in self._batches(stream):
                held.append(batch)
                if max(sum(b.num_rows for b in held), len(self._odd)) >= MIN_FRAME_ROWS:
                    yield from self._frames(held, stream.position())
                    held = []
        except pa.ArrowInvalid as error:
            problem = str(error)
        yield from self._frames(held, stream.position())
        if problem:
            raise self._refusal(problem)

    def _batches(self, stream: _Utf8) -> Iterator[pa.RecordBatch]:
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
                check_utf8=False, column_types=dict.fromkeys(names, pa.string())
            ),
        }
        with pa_csv.open_csv(stream, **options) as reader:
            yield from reader

    def _take_odd(self, row: pa_csv.InvalidRow) -> str:
        # Arrow counts every line above the rows; the header is row 1 also where blank lines stand above it.
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
        if len(cells) != len(self._names):
            return f"has {len(cells)} cells; the header has {len(self._names)}"
        return cells if max(map(len, cells)) <= MAX_CELL_CHARACTERS else TOO_LONG

    def _frames(self, held: list[pa.RecordBatch], position_bytes: int) -> Iterator[Frame]:
        empty = pa.schema([(str(i), pa.string()) for i in range(len(self._names))])
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
            yield from frames_of(numbers, table.rename_columns(self._names), broken, position_bytes)

    def _numbers(self, n_rows: int) -> np.ndarray:
        """Number the next rows that Arrow could split, past those that it could not."""
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
                f"{after}: what follows is longer than a row may be, {BLOCK_BYTES:,} bytes.",
                "Perhaps a quotation mark that opens a cell is not closed.",
            )
        return DatasetError(f"{after}: {printable(problem[:300])}.", "Check how the rows are delimited.")
