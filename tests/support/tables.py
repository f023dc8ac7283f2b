"""Tables as tests write and read them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genrekit.errors import DatasetError
from genrekit.tables import Frame, Table, open_table

Rows = dict[int, list[Any]]


def save(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def rows_of(frames: Sequence[Frame]) -> Rows:
    """Every readable row by its number."""
    rows: Rows = {}
    for frame in frames:
        assert frame.numbers.dtype == np.int64
        assert len(frame.numbers) == frame.table.num_rows
        frame.table.validate(full=True)
        cells = [column.to_pylist() for column in frame.table.columns]
        rows.update(zip(frame.numbers.tolist(), map(list, zip(*cells, strict=True)), strict=True))
    assert list(rows) == sorted(rows)
    return rows


def broken_of(frames: Sequence[Frame]) -> dict[int, str]:
    return {number: reason for frame in frames for number, reason in frame.broken}


def read(path: Path) -> tuple[Table, Rows, dict[int, str]]:
    """Return a table, its readable rows and the reasons of the others, by number."""
    table = open_table(path)
    pieces = list(table.frames())
    return table, rows_of(pieces), broken_of(pieces)


def read_until_error(path: Path) -> tuple[list[Frame], DatasetError]:
    pieces: list[Frame] = []
    table = open_table(path)
    with pytest.raises(DatasetError) as caught:
        pieces.extend(table.frames())
    return pieces, caught.value
