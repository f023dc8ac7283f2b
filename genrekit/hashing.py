"""The content hash of cache keys, fingerprints and the search for duplicates: SHA-256."""

from __future__ import annotations

import errno
import hashlib
import json
import stat
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
        If the file cannot be read, or is a pipe, socket or device.
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
    mode = Path(path).stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):  # a pipe waits for its writer, a device has no end
        raise OSError(errno.EINVAL, "it is not a regular file but a pipe, socket or device", str(path))
    with open(path, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return Content(file.tell(), sha256)


def hash_json(value: Mapping[str, Any] | list[Any]) -> str:
    """Return the SHA-256 of a JSON-able value, independent of the order of its keys."""
    return hash_bytes(json.dumps(value, sort_keys=True, separators=(",", ":")).encode())


KEY_BYTES = 7
"""The length of a content key: 56 bits of a SHA-256."""


def key_of(kind: str, content: bytes) -> int:
    """Return the first `KEY_BYTES` of the SHA-256 of some bytes of a kind, as a number.

    Parameters
    ----------
    kind : str
        Part of what is hashed, so that equal bytes of two kinds have different keys.
    content : bytes
        The bytes.

    Returns
    -------
    int in [0, 2**56)
    """
    return int.from_bytes(hashlib.sha256(f"{kind} ".encode() + content).digest()[:KEY_BYTES], "big")


def row_keys(rows: np.ndarray) -> list[int]:
    """Return the content keys of rows of numbers.

    A number counts with 6 significant digits after it was made a float32, so that float64, float32 and their texts
    agree, as do 0 and -0; every NaN is the same.

    Parameters
    ----------
    rows : np.ndarray [shape=(n, n_features)]

    Returns
    -------
    list of int
        One per row, each from 0 to 2**56 - 1.

    Examples
    --------
    >>> import numpy as np
    >>> row_keys(np.array([[0.1, -0.0]])) == row_keys(np.array([["0.10000000149", 0]], dtype=np.float32))
    True
    """
    narrow = rows.astype("<f4") + 0  # -0 + 0 is 0
    line = "%.5e " * narrow.shape[1]
    return [key_of("row", (line % tuple(row)).encode()) for row in narrow.astype("<f8").tolist()]
