"""Members of archives at addresses: ``zip://MEMBER::ARCHIVE`` and ``tar://MEMBER::ARCHIVE``, few archives kept open."""

from __future__ import annotations

import tarfile
import weakref
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from genrekit.errors import MediaError

MAX_DIRECTORY_BYTES = 32 * 2**20  # about 300,000 members of a zip archive
MAX_MEMBERS = 300_000
KINDS = ("zip", "tar")
Opener = Callable[[str], Any]


@contextmanager
def member(kind: str, archive: str, stamp: str, name: str, opener: Opener) -> Iterator[tuple[Any, int]]:
    """Open a member for reading, with its length in bytes.

    Parameters
    ----------
    kind : {'zip', 'tar'}
    archive : str
        Address or path of the archive.
    stamp : str
        Changes when the archive does.
    name : str
    opener : callable
        Opens the archive, given ``archive``, as a file that can seek.

    Raises
    ------
    FileNotFoundError
        If there is no such member.
    MediaError
        If the archive is compressed as a whole, or its directory is too long.
    """
    opened = _open(kind, archive, stamp, opener)
    try:
        found = opened.members[name]
    except KeyError:
        raise FileNotFoundError(name) from None
    with opened.read(found) as file:
        yield file, opened.size(found)


def member_sizes(kind: str, archive: str, stamp: str, opener: Opener) -> dict[str, int]:
    """Return the lengths of the members in bytes, by name."""
    opened = _open(kind, archive, stamp, opener)
    return {name: opened.size(found) for name, found in opened.members.items()}


class _Zip:
    def __init__(self, file: Any) -> None:
        self._archive = zipfile.ZipFile(_Frugal(file))
        self.members: dict[str, zipfile.ZipInfo] = self._archive.NameToInfo

    def read(self, found: zipfile.ZipInfo) -> Any:
        return self._archive.open(found)

    def size(self, found: zipfile.ZipInfo) -> int:
        return found.file_size


class _Tar:
    """A tar archive that is not compressed: the headers are read once, and then every member where it lies."""

    def __init__(self, file: Any) -> None:
        try:
            # A hostile header may claim to be of any length.
            self._archive = tarfile.open(fileobj=_Frugal(file), mode="r:")  # noqa: SIM115
        except tarfile.ReadError:
            raise MediaError(
                "the archive is not a tar archive, or is compressed as a whole; unpack it first"
            ) from None
        self.members: dict[str, tarfile.TarInfo] = {}
        try:
            while (found := self._archive.next()) is not None:
                # Links, devices and sparse files are no members; nothing is ever written by these names.
                if found.isreg() and not found.issparse():
                    self.members[found.name] = found
                if len(self._archive.members) > MAX_MEMBERS:  # type: ignore[attr-defined]
                    raise MediaError("the archive has too many members")
        except (tarfile.TarError, ValueError, OverflowError) as error:
            raise MediaError(f"the archive is damaged: {error}") from None

    def read(self, found: tarfile.TarInfo) -> Any:
        return self._archive.extractfile(found)

    def size(self, found: tarfile.TarInfo) -> int:
        return found.size


@lru_cache(maxsize=4)
def _open(kind: str, archive: str, stamp: str, opener: Opener) -> Any:
    """Return an archive, which stays open for the next member until it changes."""
    return (_Zip if kind == "zip" else _Tar)(opener(archive))


class _Frugal:
    """A file that limits each read: zipfile reads a directory in one piece, however long it claims to be."""

    def __init__(self, file: Any) -> None:
        self._file = file
        # Unlike __del__, this is called before the garbage collector finalizes a file of a cycle, which would warn.
        weakref.finalize(self, file.close)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def read(self, size: int = -1) -> bytes:
        data: bytes = self._file.read(size if 0 <= size <= MAX_DIRECTORY_BYTES else MAX_DIRECTORY_BYTES + 1)
        if len(data) > MAX_DIRECTORY_BYTES:
            raise MediaError("the directory of the archive is too long")
        return data
