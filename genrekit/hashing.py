"""The content hash of cache keys, fingerprints and the search for duplicates: SHA-256."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genrekit.errors import MediaError
from genrekit.types import Content

if TYPE_CHECKING:
    import numpy as np


def hash_bytes(data: bytes) -> str:
    """Return the SHA-256 of bytes as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def hash_array(array: np.ndarray) -> str:
    """Return the SHA-256 of dtype, shape and values of an array as 64 hexadecimal digits, equal on every machine."""
    values = array.astype(array.dtype.newbyteorder("<"), copy=False)
    head = f"{values.dtype.str} {values.shape} ".encode()
    return hash_bytes(head + values.tobytes())


def hash_file(path: str | Path) -> str:
    """Return the SHA-256 of the content of a file, read in blocks, as 64 hexadecimal digits.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    return _read(path).sha256


def content_of(path: str | Path) -> Content:
    """Return size and SHA-256 of a file.

    Raises
    ------
    MediaError
        If it cannot be read.
    """
    try:
        return _read(path)
    except (OSError, ValueError) as error:  # a ValueError is a NUL in the path
        raise MediaError(f"The file cannot be read: {getattr(error, 'strerror', None) or error}.") from None


def _read(path: str | Path) -> Content:
    with open(path, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return Content(file.tell(), sha256)


def hash_json(value: Mapping[str, Any] | list[Any]) -> str:
    """Return the SHA-256 of a JSON-able value, independent of the order of its keys."""
    return hash_bytes(json.dumps(value, sort_keys=True, separators=(",", ":")).encode())
