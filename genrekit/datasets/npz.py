"""Arrays out of an ``.npz`` file without trust: nothing is unpickled, nothing unpacked beyond what it declares.

An ``.npz`` is a zip of ``.npy`` members, and a ``.npy`` is a header with dtype and shape before the bytes of the
array (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html). Directory and headers are checked
before an array is made, so a small file cannot claim more memory than ``MAX_BYTES``.
"""

from __future__ import annotations

import math
import re
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from genrekit.errors import DatasetError
from genrekit.text import printable, visible

MAX_BYTES = 2**32
MAX_MEMBERS = 64
MAX_DIRECTORY_BYTES = 2**16
CHUNK_BYTES = 2**20

_MEMBER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\.npy")
# The last record of a zip file: APPNOTE.TXT 6.3.10, section 4.3.16,
# https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
_END = struct.Struct("<4s4H2LH")
_HINT = "Write it with numpy.savez or numpy.savez_compressed."
# What zipfile, zlib and numpy raise on damaged files beyond their own errors.
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, TypeError, KeyError,
    NotImplementedError, OverflowError, RuntimeError, SyntaxError, MemoryError, tokenize.TokenError,
)  # fmt: skip


@dataclass(frozen=True)
class Header:
    """What a member says of itself: the dtype, the shape, the order in memory, and where its values start."""

    dtype: np.dtype
    shape: tuple[int, ...]
    fortran: bool
    offset: int


class Arrays:
    """The arrays of an open ``.npz`` file, each read when it is asked for.

    Attributes
    ----------
    names : tuple of str
        The names of the arrays, in the order of the file.
    """

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self._path, self._archive = path, archive
        infos = archive.infolist()
        for info in infos:
            if not _MEMBER.fullmatch(info.orig_filename):
                raise self._wrong(f"has a member {visible(info.orig_filename[:80])!r}, which is no array")
            if info.flag_bits & 0x1:
                raise self._wrong(f"has an encrypted member {info.filename!r}")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise self._wrong(f"has a member {info.filename!r} that is packed in a way NumPy does not")
        self._members = {info.filename.removesuffix(".npy"): info for info in infos}
        if len(self._members) < len(infos):
            raise self._wrong("has two arrays of one name")
        total = sum(info.file_size for info in infos)
        if total > MAX_BYTES:
            raise self._wrong(f"unpacks to {total:,} bytes; {MAX_BYTES:,} are allowed", "Split it.")
        self.names = tuple(self._members)

    def header(self, name: str) -> Header:
        """Return what an array says of itself, unpacking no more than that.

        Raises
        ------
        DatasetError
            If it holds Python objects, or its size is not that of its dtype and shape.
        """
        info = self._members[name]
        with self._archive.open(info) as stream:
            header = _read_header(stream)
        if header.dtype.hasobject or header.dtype.itemsize == 0:
            raise self._wrong(f"has an array '{name}' of dtype {header.dtype}; objects are never read")
        n_bytes = math.prod(header.shape) * header.dtype.itemsize
        if min(header.shape, default=0) < 0 or n_bytes != info.file_size - header.offset:
            raise self._wrong(
                f"is damaged: '{name}' with dtype {header.dtype} and shape {header.shape} has "
                f"{info.file_size - header.offset:,} bytes"
            )
        return header

    def read(self, name: str) -> np.ndarray:
        """Return an array, in C order.

        Raises
        ------
        DatasetError
            As for `header`, or if the member is shorter or longer than it says, or its checksum is wrong.
        """
        header = self.header(name)
        size = math.prod(header.shape) * header.dtype.itemsize
        data = np.empty(size, np.uint8)
        with self._archive.open(self._members[name]) as stream:
            stream.read(header.offset)
            at = 0
            while at < size and (chunk := stream.read(min(CHUNK_BYTES, size - at))):
                data.data[at : at + len(chunk)] = chunk
                at += len(chunk)
            if at < size or stream.read(1):  # reading to the end is what compares the checksum
                raise self._wrong(f"is damaged: '{name}' ends after {at:,} of {size:,} bytes")
        array = data.view(header.dtype).reshape(header.shape, order="F" if header.fortran else "C")
        return np.ascontiguousarray(array).reshape(header.shape)

    def _wrong(self, what: str, hint: str = _HINT) -> DatasetError:
        return DatasetError(f"{printable(self._path)} {what}.", hint)


@contextmanager
def open_arrays(path: Path) -> Iterator[Arrays]:
    """Open an ``.npz`` file.

    Parameters
    ----------
    path : Path

    Yields
    ------
    Arrays

    Raises
    ------
    DatasetError
        If it is no ``.npz`` file, is damaged, has other members than arrays, or unpacks to more than
        ``MAX_BYTES``; also from within the block, where an array turns out to be damaged.
    """
    try:
        with path.open("rb") as file:
            _check_end(path, file)
            with zipfile.ZipFile(file) as archive:
                yield Arrays(path, archive)
    except _DAMAGE as error:
        reason = visible(" ".join(str(error).split())[:300]) or type(error).__name__
        raise DatasetError(f"{printable(path)} cannot be read as .npz: {reason}.", _HINT) from error


def _check_end(path: Path, file: IO[bytes]) -> None:
    """Look at the end of the file before zipfile makes an object of every entry of the directory."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _END.size))
    magic, _, _, _, entries, n_bytes, *_ = _END.unpack(file.read(_END.size).rjust(_END.size))
    if magic != b"PK\x05\x06":
        raise DatasetError(f"{printable(path)} is no .npz file, or the end of it is missing.", _HINT)
    if entries > MAX_MEMBERS or n_bytes > MAX_DIRECTORY_BYTES:
        raise DatasetError(f"{printable(path)} has {entries:,} members; {MAX_MEMBERS} are allowed.", _HINT)
    file.seek(0)


def _read_header(stream: IO[bytes]) -> Header:
    version = npy.read_magic(stream)
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"the version {version} of a member is not 1.0 or 2.0")
    with warnings.catch_warnings():  # headers written by Python 2 are read with a warning
        warnings.simplefilter("ignore")
        shape, fortran, dtype = readers[version](stream)
    return Header(dtype, tuple(int(n) for n in shape), fortran, stream.tell())
