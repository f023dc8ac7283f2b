"""How many values a Parquet file declares in its columns, read from the footer without Arrow.

Arrow tells it too (``RowGroupMetaData.column``), but Arrow 26 ends the whole process there where a footer
contradicts itself, since its Python side lets a C++ exception pass. Reading such a file is a plain error.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

# Thrift's compact protocol:
# https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
_TRUE, _FALSE, _BYTE, _INTS, _DOUBLE, _BINARY, _LISTS, _STRUCT = 1, 2, 3, (4, 5, 6), 7, 8, (9, 10), 12
_MAX_DEPTH = 32

# https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
_ROW_GROUPS, _COLUMNS, _META_DATA, _NUM_VALUES = 4, 1, 3, 5


def declared_values(path: Path) -> list[int]:
    """Return the most values that a column of each row group declares.

    Parameters
    ----------
    path : Path
        A Parquet file whose footer is not encrypted.

    Raises
    ------
    ValueError
        If the footer is damaged.
    OSError
        If the file cannot be read.
    """
    with path.open("rb") as file:
        end = file.seek(0, io.SEEK_END)
        file.seek(max(end - 8, 0))
        size = int.from_bytes(file.read(4), "little")
        if size + 8 > end:
            raise ValueError("its footer is longer than the file")
        file.seek(end - 8 - size)
        footer = file.read(size)
    try:
        groups = _struct(io.BytesIO(footer), 0)[_ROW_GROUPS]
        return [max((_n_values(column) for column in group[_COLUMNS]), default=0) for group in groups]
    except (LookupError, TypeError):
        raise ValueError("its footer is damaged") from None


def _n_values(column: dict[int, Any]) -> int:
    count = column[_META_DATA][_NUM_VALUES]
    if not isinstance(count, int) or count < 0:
        raise ValueError("its footer is damaged")
    return count


def _struct(data: io.BytesIO, depth: int) -> dict[int, Any]:
    if depth > _MAX_DEPTH:
        raise ValueError("its footer is nested too deeply")
    fields: dict[int, Any] = {}
    number = 0
    while kind := (head := data.read(1)[0]) & 0x0F:
        number = number + (head >> 4) if head >> 4 else _integer(data)
        fields[number] = kind == _TRUE if kind in (_TRUE, _FALSE) else _value(data, kind, depth)
    return fields


def _value(data: io.BytesIO, kind: int, depth: int) -> Any:
    if kind in (_TRUE, _FALSE, _BYTE):
        return data.read(1)[0]
    if kind in _INTS:
        return _integer(data)
    if kind == _DOUBLE:
        return data.read(8)
    if kind == _BINARY:
        return data.read(_varint(data))
    if kind in _LISTS:
        head = data.read(1)[0]
        size = _varint(data) if head >> 4 == 15 else head >> 4
        if depth > _MAX_DEPTH:
            raise ValueError("its footer is nested too deeply")
        return [_value(data, head & 0x0F, depth + 1) for _ in range(size)]
    if kind == _STRUCT:
        return _struct(data, depth + 1)
    raise ValueError("its footer is damaged")  # it has no maps


def _integer(data: io.BytesIO) -> int:
    zigzag = _varint(data)
    return zigzag >> 1 ^ -(zigzag & 1)


def _varint(data: io.BytesIO) -> int:
    value = shift = 0
    while shift < 70:
        byte = data.read(1)[0]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value
        shift += 7
    raise ValueError("its footer has a number of more than 64 bits")
