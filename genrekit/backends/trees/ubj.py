"""UBJSON as XGBoost writes it: a reader that believes no length, and the writer.

XGBoost's own reader is not made for hostile files: given a few changed bytes, version 3.2 aborted the process, and
asked for more memory than the machine had. Here a length must fit into the bytes that are there.

The format: https://ubjson.org/type-reference/, with keys and strings whose lengths are always int64, typed arrays
``[$t#L``, and untyped arrays ``[#L`` (https://github.com/dmlc/xgboost, src/common/json.cc).
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

MAX_DEPTH = 16

_ARRAYS = {b"d": ">f4", b"D": ">f8", b"U": ">u1", b"i": ">i1", b"I": ">i2", b"l": ">i4", b"L": ">i8"}
_SCALARS = {b"d": ">f", b"D": ">d", b"U": ">B", b"i": ">b", b"I": ">h", b"l": ">i", b"L": ">q"}
_CONSTANTS: dict[bytes, bool | None] = {b"Z": None, b"T": True, b"F": False}


def loads(data: bytes) -> Any:
    """Read a document: dict, list, str, int, float, bool, None, and np.ndarray for a typed array.

    Raises
    ------
    ValueError
        If it is no such document, ends early, or goes on after its end.
    """
    reader = _Reader(data)
    value = reader.value(0)
    if reader.at != len(data):
        raise ValueError(f"{len(data) - reader.at} bytes after the end")
    return value


def dumps(value: Any) -> bytes:
    """Write a document of the types that `loads` gives."""
    parts: list[bytes] = []
    _write(value, parts)
    return b"".join(parts)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, n: int) -> bytes:
        if not 0 <= n <= len(self.data) - self.at:
            raise ValueError(f"{n} bytes at {self.at} of {len(self.data)}")
        self.at += n
        return self.data[self.at - n : self.at]

    def length(self) -> int:
        if self.take(1) != b"L":
            raise ValueError(f"no length at {self.at - 1}")
        return int(struct.unpack(">q", self.take(8))[0])

    def text(self) -> str:
        return self.take(self.length()).decode("utf-8")

    def value(self, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise ValueError(f"nested more than {MAX_DEPTH} deep")
        marker = self.take(1)
        if marker == b"{":
            return self.mapping(depth)
        if marker == b"[":
            return self.array(depth)
        if marker == b"S":
            return self.text()
        if marker in _SCALARS:
            layout = _SCALARS[marker]
            return struct.unpack(layout, self.take(struct.calcsize(layout)))[0]
        if marker in _CONSTANTS:
            return _CONSTANTS[marker]
        raise ValueError(f"unknown marker {marker!r} at {self.at - 1}")

    def mapping(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while self.data[self.at : self.at + 1] != b"}":
            key = self.text()
            if key in found:
                raise ValueError(f"the key {key!r} stands twice")
            found[key] = self.value(depth + 1)
        self.at += 1
        return found

    def array(self, depth: int) -> Any:
        kind = self.take(1)
        if kind == b"$":
            name = self.take(1)
            if name not in _ARRAYS or self.take(1) != b"#":
                raise ValueError(f"no array of numbers at {self.at}")
            dtype = np.dtype(_ARRAYS[name])
            return np.frombuffer(self.take(self.length() * dtype.itemsize), dtype).astype(
                dtype.newbyteorder("=")
            )
        if kind != b"#":
            raise ValueError(f"an array without a length at {self.at}")
        n = self.length()
        if not 0 <= n <= len(self.data) - self.at:  # an element has a byte at least
            raise ValueError(f"{n} elements at {self.at} of {len(self.data)}")
        return [self.value(depth + 1) for _ in range(n)]


def _write(value: Any, parts: list[bytes]) -> None:
    if isinstance(value, dict):
        parts.append(b"{")
        for key, element in value.items():
            parts.append(_text(key))
            _write(element, parts)
        parts.append(b"}")
    elif isinstance(value, np.ndarray):
        big_endian = value.astype(value.dtype.newbyteorder(">"))
        (name,) = [name for name, dtype in _ARRAYS.items() if np.dtype(dtype) == big_endian.dtype]
        parts += [b"[$", name, b"#L", struct.pack(">q", len(value)), big_endian.tobytes()]
    elif isinstance(value, list):
        parts += [b"[#L", struct.pack(">q", len(value))]
        for element in value:
            _write(element, parts)
    elif isinstance(value, str):
        parts += [b"S", _text(value)]
    elif value is None or isinstance(value, bool):
        parts.append({None: b"Z", True: b"T", False: b"F"}[value])
    elif isinstance(value, int):
        parts += [b"L", struct.pack(">q", value)]
    else:
        parts += [b"d", struct.pack(">f", value)]


def _text(text: str) -> bytes:
    encoded = text.encode("utf-8")
    return b"L" + struct.pack(">q", len(encoded)) + encoded
