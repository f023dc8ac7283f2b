"""Untrusted zip and tar archives: checked before anything is written, unpacked one member at a time, resumable.

What leads out of the folder, is not a plain file, unfolds to far more than it is, or is there twice is refused whole.
"""

from __future__ import annotations

import hashlib
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import IO, Any

from genrekit.errors import DatasetError
from genrekit.text import printable

MAX_MEMBERS = 2_000_000
MAX_RATIO = 100  # text of tables reaches 10; a bomb of one layer 1,000
MAX_NAME = 1_000
SLACK_BYTES = 100 * 2**20  # what a small archive may unfold to at any rate
BLOCK = 2**20

_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    LZMAError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


class Refused(DatasetError):
    """An archive is damaged or hostile: fetching it again, from elsewhere, is all that helps."""


@dataclass(frozen=True, slots=True)
class Member:
    """A plain file in an archive: its name with ``/`` between folders, and its length when unpacked."""

    name: str
    size: int


def is_archive(name: str) -> bool:
    """Return whether a name is that of an archive that is unpacked."""
    return name.lower().endswith((".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz"))


def members(path: Path) -> list[Member]:
    """List the files of an archive, all of them checked.

    Raises
    ------
    Refused
        If the archive is damaged or hostile; the message names the member.
    """
    found: list[Member] = []
    total, limit = 0, path.stat().st_size * MAX_RATIO + SLACK_BYTES
    seen: dict[str, bool] = {}
    with _reading(path):
        for name, size, kind in _entries(path):
            if kind == "other":
                raise _refused(path, name, "is a link, a device or encrypted")
            _check_name(path, name)
            _check_place(path, name.rstrip("/"), kind == "file", seen)
            if kind == "file":
                total += size
                found.append(Member(_plain(name), size))
            if len(seen) > MAX_MEMBERS or total > limit:
                raise Refused(
                    f"{printable(path)} unpacks to more than {MAX_RATIO} times its size, or has more than "
                    f"{MAX_MEMBERS:,} members; it was refused.",
                    "Nothing was written.",
                )
    return found


def unpack(path: Path, folder: Path, skip: set[str], done: Callable[[Member, str], None]) -> None:
    """Write the files of an archive below a folder; every one appears whole or not at all.

    Parameters
    ----------
    path : Path
        An archive that `members` has passed.
    folder : Path
    skip : set of str
        Members that are there already.
    done : callable
        Gets every member that was written, and its SHA-256.

    Raises
    ------
    Refused
        If a member does not match its checksum, or has another length than the directory says.
    OSError
        If it cannot be written.
    """
    for member, source in _opened(path, skip):
        target = folder / member.name
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name[:100]}.part")
        sha256, size = hashlib.sha256(), 0
        with beside.open("wb") as file:
            while block := _read(path, source, min(BLOCK, member.size - size + 1)):
                size += len(block)
                if size > member.size:
                    break
                sha256.update(block)
                file.write(block)
        if size != member.size:
            beside.unlink()
            raise _refused(path, member.name, "has another length than the archive says")
        beside.replace(target)
        done(member, sha256.hexdigest())


def _read(path: Path, source: IO[bytes], size: int) -> bytes:
    with _reading(path):
        return source.read(size)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Put into words what the standard library raises over a damaged archive; an OSError without a number is such."""
    try:
        yield
    except (*_DAMAGE, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise Refused(
            f"{printable(path)} is damaged, or is not an archive: {' '.join(str(error).split())[:200] or type(error).__name__}.",
            "Fetch it again.",
        ) from error


def _is_zip(path: Path) -> bool:
    return path.name.lower().endswith(".zip")


def _entries(path: Path) -> Iterator[tuple[str, int, str]]:
    """Yield name, length and kind ('file', 'folder', 'other') of everything in an archive."""
    if _is_zip(path):
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                mode = stat.S_IFMT(info.external_attr >> 16)
                plain = mode in (0, stat.S_IFREG, stat.S_IFDIR) and not info.flag_bits & 1
                # orig_filename is the name before zipfile cuts it at a NUL.
                name = info.filename if "\0" not in info.orig_filename else info.orig_filename
                kind = "folder" if name.endswith("/") else "file"
                yield name, info.file_size, kind if plain else "other"
        return
    with tarfile.open(path) as tar:
        for entry in tar:
            kind = "file" if entry.isreg() else "folder" if entry.isdir() else "other"
            # Sparse files say what they are not.
            yield entry.name, entry.size, kind if not entry.issparse() else "other"


def _opened(path: Path, skip: set[str]) -> Iterator[tuple[Member, IO[bytes]]]:
    """Yield every file that is not to be skipped, open for reading."""
    is_zip = _is_zip(path)
    with _reading(path):
        packed: Any = zipfile.ZipFile(path) if is_zip else tarfile.open(path)  # noqa: SIM115
    with packed:
        infos = iter(packed.infolist() if is_zip else packed)
        while True:
            with _reading(path):
                info = next(infos, None)
                if info is None:
                    return
                name, size = (info.filename, info.file_size) if is_zip else (info.name, info.size)
                if info.is_dir() if is_zip else not info.isreg():
                    continue
                if (member := Member(_plain(name), size)).name in skip:
                    continue
                source = packed.open(info) if is_zip else packed.extractfile(info)
            with source:
                yield member, source


def _plain(name: str) -> str:
    """Return a name without ``./`` and doubled ``/``."""
    return str(PurePosixPath(name))


def _check_name(path: Path, name: str) -> None:
    parts = PurePosixPath(name).parts
    clean = name.rstrip("/").removeprefix("./")
    if (
        not clean
        or name.startswith("/")
        or ".." in parts
        or "\\" in name
        or (len(name) > 1 and name[1] == ":")
    ):
        raise _refused(path, name, "leads out of the folder")
    if (
        len(name) > MAX_NAME
        or not name.isprintable()
        or any(len(part.encode("utf-8", "replace")) > 240 for part in parts)
    ):
        raise _refused(path, name, "has a name that is too long or cannot be printed")


def _check_place(path: Path, name: str, is_file: bool, seen: dict[str, bool]) -> None:
    """Refuse a file that is there twice, or is a folder too; upper and lower case are one on some systems."""
    key = str(PurePosixPath(name)).casefold()
    if seen.get(key, False) or (is_file and key in seen):
        raise _refused(path, name, "is there twice")
    seen[key] = is_file
    for above in PurePosixPath(key).parents:
        if str(above) != "." and seen.setdefault(str(above), False):
            raise _refused(path, name, "lies below a file")


def _refused(path: Path, name: str, why: str) -> Refused:
    return Refused(
        f"{printable(path)} was refused: {printable(name[:200])!r} {why}.", "Nothing of it was kept."
    )
