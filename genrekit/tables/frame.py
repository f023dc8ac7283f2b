"""Consecutive rows of a table, and the checks of rows that all formats share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

MAX_FRAME_ROWS = 32_768
MAX_CELL_CHARACTERS = 100_000

TOO_LONG = f"has a cell of more than {MAX_CELL_CHARACTERS:,} characters"


@dataclass(frozen=True, eq=False)
class Frame:
    """Consecutive rows of a table.

    Attributes
    ----------
    numbers : np.ndarray
        int64 of shape (n_rows,), ascending: row numbers as a spreadsheet shows them (the header is
        row 1); for an array of JSON objects the position from 1, for JSON Lines the line.
    table : pa.Table
        The cells, one column per requested column, in that order. Text is ``pa.string()``, valid
        UTF-8; Parquet and JSON also have numbers and booleans as such. Missing cells are null, and in delimited
        text empty strings.
    broken : tuple of (int, str)
        Number and reason of the rows that could not be read, which are before, between or right behind
        the rows of ``table``.
    position_bytes : int
        Position of the reader in the file, in bytes.
    """

    numbers: np.ndarray
    table: pa.Table
    broken: tuple[tuple[int, str], ...]
    position_bytes: int


Read = Callable[[tuple[int, ...]], Iterator[Frame]]
"""A callable that reads a table from its start: the columns at these positions."""


def frames_of(
    numbers: np.ndarray,
    table: pa.Table,
    broken: list[tuple[int, str]],
    position_bytes: int,
    *,
    skip_blank: bool = True,
) -> Iterator[Frame]:
    """Yield one frame, or none if no row is left.

    Parameters
    ----------
    numbers, table, broken, position_bytes
        As in `Frame`; a row of ``table`` with a cell of more than ``MAX_CELL_CHARACTERS`` goes to ``broken``.
    skip_blank : bool
        Whether rows of blank cells are left out; saved spreadsheets often end with some.
    """
    at, long = _blank_rows(table) if skip_blank else np.empty(0, np.int64), _long_rows(table)
    if len(at) or len(long):
        broken = sorted([*broken, *((int(numbers[i]), TOO_LONG) for i in long)])
        keep = np.ones(len(numbers), bool)
        keep[at] = keep[long] = False
        numbers, table = numbers[keep], table.filter(pa.array(keep))
    if len(numbers) or broken:
        yield Frame(numbers, table, tuple(broken), position_bytes)


def _blank_rows(table: pa.Table) -> np.ndarray:
    at = np.arange(table.num_rows)
    for column in table.columns:
        cells = column if len(at) == len(column) else column.take(at)
        blank = pc.is_null(cells)
        if pa.types.is_string(cells.type):
            blank = pc.fill_null(pc.equal(pc.utf8_trim_whitespace(cells), ""), True)
        at = at[blank.to_numpy()]
        if not len(at):
            break
    return at


def _long_rows(table: pa.Table) -> np.ndarray:
    found = np.zeros(0, np.int64)
    for column in table.columns:
        # A character has at least one byte, and the length in bytes is known without reading the text.
        if pa.types.is_string(column.type) and _longest(pc.binary_length(column)) > MAX_CELL_CHARACTERS:
            long = pc.fill_null(pc.greater(pc.utf8_length(column), MAX_CELL_CHARACTERS), False)
            found = np.union1d(found, np.flatnonzero(long.to_numpy()))
    return found


def _longest(lengths: pa.ChunkedArray) -> int:
    return pc.max(lengths).as_py() or 0
