"""Parquet as frames: a few thousand rows at a time; columns are text, numbers or booleans."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from genrekit.errors import DatasetError
from genrekit.tables.columns import check_columns
from genrekit.tables.frame import MAX_FRAME_ROWS, Frame, Read, frames_of
from genrekit.text import printable, quote_all

MAX_ROW_GROUP_BYTES = 2**31
MAX_ROW_GROUP_ROWS = 50_000_000
MAX_COLUMN_BYTES = 2**28

_TEXTS = (
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_string_view,
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_binary_view,
)


def open_parquet(path: Path) -> tuple[tuple[str, ...], tuple[str, ...], Read]:
    """Open a Parquet file.

    Returns
    -------
    columns : tuple of str
        The names of its columns; nested ones (lists, structures) are not read.
    notes : tuple of str
        Remarks on columns that are not read.
    read : callable
        Reads the rows from the start; the first is row 2, as a spreadsheet would show it. Numbers and
        booleans keep their type, everything else becomes text.

    Raises
    ------
    DatasetError
        If it has no readable column, two columns with the same name, or a row group that is too large.
    pa.ArrowException, OSError, ValueError
        If it is damaged.
    """
    with pq.ParquetFile(path) as file:
        schema = file.schema_arrow
        nested = [field.name for field in schema if _is_nested(field.type)]
        names = [field.name for field in schema if not _is_nested(field.type)]
        notes = (f"{quote_all(nested)}: nested, and not read",) if nested else ()
        if nested and not names:
            raise DatasetError(f"{printable(path)} has nested columns only.", "Write a column per value.")
        check_columns(printable(path), names)
        groups = [file.metadata.row_group(k) for k in range(file.metadata.num_row_groups)]
        for group in groups:
            # Only nested columns have more values than rows.
            _check_row_group(path, group.total_byte_size, group.num_rows)
        # As a dictionary, a long text that a small file repeats takes memory once.
        texts = [field.name for field in schema if _is_text(field.type)]

    def read(places: tuple[int, ...]) -> Iterator[Frame]:
        total_bytes, number = path.stat().st_size, 2
        chosen = [names[i] for i in places]
        wanted = chosen if nested or len(chosen) < len(names) else None
        with pq.ParquetFile(path, read_dictionary=texts, buffer_size=2**20) as file:
            n_rows = max(file.metadata.num_rows, 1)
            for batch in file.iter_batches(batch_size=MAX_FRAME_ROWS, columns=wanted, use_threads=False):
                numbers = np.arange(number, number + batch.num_rows, dtype=np.int64)
                number += batch.num_rows
                # A name with a point may select another column too.
                read = batch.columns if wanted is None else [batch.column(name) for name in chosen]
                cells = [_plain(path, *pair) for pair in zip(chosen, read, strict=True)]
                position_bytes = min(total_bytes * (number - 2) // n_rows, total_bytes)
                yield from frames_of(numbers, pa.Table.from_arrays(cells, chosen), [], position_bytes)

    return tuple(names), notes, read


def _check_row_group(path: Path, n_bytes: int, n_rows: int) -> None:
    if n_bytes > MAX_ROW_GROUP_BYTES or n_rows > MAX_ROW_GROUP_ROWS:
        raise DatasetError(
            f"{printable(path)} has a row group of {n_bytes:,} bytes and {n_rows:,} rows; "
            f"{MAX_ROW_GROUP_BYTES:,} bytes and {MAX_ROW_GROUP_ROWS:,} rows are allowed.",
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
                "Remove it, or write shorter texts.",
            )
        column = column.dictionary_decode()
    kind = column.type
    if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return column
    if pa.types.is_timestamp(kind):
        # Without its time zone it is written in UTC, which needs no time zone database.
        column = column.cast(pa.timestamp(kind.unit))
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return _decoded(column)
    text = column.cast(pa.string())
    try:
        # Arrow does not check that text in the file is UTF-8.
        text.validate(full=True)
    except pa.ArrowInvalid:
        return _decoded(text.cast(pa.binary()))
    return text


def _is_nested(kind: pa.DataType) -> bool:
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_nested(kind))


def _is_text(kind: pa.DataType) -> bool:
    return any(is_kind(kind) for is_kind in _TEXTS)


def _decoded(column: pa.Array) -> pa.Array:
    cells = (None if v is None else v.decode("utf-8", "backslashreplace") for v in column.to_pylist())
    return pa.array(list(cells), pa.string())
