"""Parquet as frames: a few thousand rows at a time, every column as text, a number or a boolean."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from genrekit.errors import DatasetError
from genrekit.tables.cells import MAX_CELLS, check_header
from genrekit.tables.frame import MAX_FRAME_ROWS, Frame, frames_of
from genrekit.tables.parquet_footer import declared_values
from genrekit.text import printable

MAX_ROW_GROUP_BYTES = 2**31
MAX_COLUMN_BYTES = 2**28

_TEXTS = (
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_string_view,
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_binary_view,
)


def open_parquet(path: Path) -> tuple[tuple[str, ...], Callable[[], Iterator[Frame]]]:
    """Open a Parquet file.

    Returns
    -------
    columns : tuple of str
        The names of its columns.
    read : callable
        Reads its rows from the start; the first is row 2, as a spreadsheet would show it. Numbers and
        booleans stay what they are, lists and other nested values become JSON, all else becomes text.

    Raises
    ------
    DatasetError
        If it has no column, two of one name, or a row group that is too large to be read.
    pa.ArrowException, OSError, ValueError
        If it is damaged.
    """
    with pq.ParquetFile(path) as file:
        names = list(file.schema_arrow.names)
        check_header(path, names)
        groups = [file.metadata.row_group(k) for k in range(file.metadata.num_row_groups)]
        # Only lists have more values than rows.
        has_lists = any(file.schema.column(i).max_repetition_level for i in range(len(file.schema)))
        counts = declared_values(path) if has_lists else [group.num_rows for group in groups]
        for group, n_values in zip(groups, counts, strict=True):
            _check_row_group(path, group.total_byte_size, n_values)
        # As a dictionary a long text that a small file repeats takes its room once.
        texts = [f.name for f in file.schema_arrow if _is_text(f.type)]

    def read() -> Iterator[Frame]:
        total_bytes, number = path.stat().st_size, 2
        with pq.ParquetFile(path, read_dictionary=texts, buffer_size=2**20) as file:
            n_rows = max(file.metadata.num_rows, 1)
            for batch in file.iter_batches(batch_size=MAX_FRAME_ROWS, use_threads=False):
                numbers = np.arange(number, number + batch.num_rows, dtype=np.int64)
                number += batch.num_rows
                cells = [_plain(path, *pair) for pair in zip(names, batch.columns, strict=True)]
                position_bytes = min(total_bytes * (number - 2) // n_rows, total_bytes)
                yield from frames_of(numbers, pa.Table.from_arrays(cells, names), [], position_bytes)

    return tuple(names), read


def _check_row_group(path: Path, n_bytes: int, n_values: int) -> None:
    if n_bytes > MAX_ROW_GROUP_BYTES or n_values > MAX_CELLS:
        raise DatasetError(
            f"{printable(path)} has a row group of {n_bytes:,} bytes and {n_values:,} values a column; "
            f"{MAX_ROW_GROUP_BYTES:,} bytes and {MAX_CELLS:,} values are allowed.",
            "Write it again with smaller row groups.",
        )


def _plain(path: Path, name: str, column: pa.Array) -> pa.Array:
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if isinstance(column, pa.DictionaryArray):
        sizes = pc.binary_length(column.dictionary) if _is_text(column.dictionary.type) else None
        if sizes is not None and (pc.sum(sizes.take(column.indices)).as_py() or 0) > MAX_COLUMN_BYTES:
            raise DatasetError(
                f"The column '{printable(name)}' of {printable(path)} has more than {MAX_COLUMN_BYTES:,} bytes "
                f"in {len(column):,} rows.",
                "Leave it out, or write shorter texts.",
            )
        column = column.dictionary_decode()
    kind = column.type
    if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return column
    if pa.types.is_nested(kind):
        return pa.array([_json(value) for value in column.to_pylist()], pa.string())
    if pa.types.is_timestamp(kind):
        # Without its zone it is written in UTC, and no list of zones is needed.
        column = column.cast(pa.timestamp(kind.unit))
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return _decoded(column)
    text = column.cast(pa.string())
    try:
        # Arrow believes the file that its text is UTF-8.
        text.validate(full=True)
    except pa.ArrowInvalid:
        return _decoded(text.cast(pa.binary()))
    return text


def _is_text(kind: pa.DataType) -> bool:
    return any(is_kind(kind) for is_kind in _TEXTS)


def _decoded(column: pa.Array) -> pa.Array:
    cells = (None if v is None else v.decode("utf-8", "backslashreplace") for v in column.to_pylist())
    return pa.array(list(cells), pa.string())


def _json(value: object) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, default=str)
