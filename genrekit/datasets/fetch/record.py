"""Records of fetched files with lengths and hashes: written while they arrive, read by ``datasets verify``.

A record is ``DIR/.genrekit/ARCHIVE.jsonl``: a line that says what it is of, then a line per file. While the files are
still arriving it is called ``ARCHIVE.jsonl.part``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genrekit.errors import DatasetError
from genrekit.hashing import hash_file
from genrekit.text import printable

FOLDER = ".genrekit"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """A file below the folder: its path with ``/``, its length in bytes, its SHA-256."""

    path: str
    size: int
    sha256: str


class Record:
    """The record of one archive or file.

    Parameters
    ----------
    folder : Path
        Folder of the data set.
    name : str
        The name of the archive.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.path = folder / FOLDER / f"{name}.jsonl"
        self.unfinished = self.path.with_name(f"{self.path.name}.part")

    @property
    def complete(self) -> bool:
        """True if everything has arrived."""
        return self.path.is_file()

    def holds(self, name: str) -> bool:
        """Return whether a complete record lists a file; an archive that was not unpacked lists itself."""
        return self.complete and name in (_read(self.path, None) or {})

    def begin(self, facts: dict[str, Any]) -> dict[str, Entry]:
        """Start a record, or take up one that was interrupted, if it has the same facts; what it has by path."""
        known = _read(self.unfinished, facts) if self.unfinished.is_file() else None
        if known is None:
            self.unfinished.parent.mkdir(exist_ok=True)
            self.unfinished.write_text(json.dumps({"format": FORMAT, **facts}) + "\n", encoding="utf-8")
            known = {}
        else:
            # A kill may have left half a line, to which the next must not be joined.
            with self.unfinished.open("a", encoding="utf-8") as file:
                file.write("\n")
        return known

    def add(self, entry: Entry) -> None:
        """Add a file to the record."""
        with self.unfinished.open("a", encoding="utf-8") as file:
            file.write(json.dumps([entry.path, entry.size, entry.sha256]) + "\n")

    def finish(self) -> None:
        """Mark the record as complete."""
        self.unfinished.replace(self.path)

    def discard(self) -> None:
        """Delete the record."""
        self.unfinished.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)


@dataclass(frozen=True)
class Verified:
    """The result of `verify`.

    Attributes
    ----------
    files : int
        Number of files compared with the records.
    missing, changed, extra : tuple of str
        Paths below the folder.
    """

    files: int
    missing: tuple[str, ...]
    changed: tuple[str, ...]
    extra: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """True if every file is unchanged since it was fetched."""
        return not (self.missing or self.changed or self.extra)


def entries(folder: Path) -> list[Entry]:
    """Return what the records of a folder list.

    Raises
    ------
    DatasetError
        If there is no record, or it cannot be read.
    """
    paths = sorted((folder / FOLDER).glob("*.jsonl")) if folder.is_dir() else []
    if not paths:
        raise DatasetError(
            f"{printable(folder)} holds nothing that 'genrekit datasets fetch' got: there is no record in {FOLDER}.",
            "For data of your own, 'genrekit datasets check' opens every file.",
        )
    found: dict[str, Entry] = {}
    for path in paths:
        known = _read(path, None)
        if known is None:
            raise DatasetError(f"{printable(path)} is not a record of a fetch.", "Fetch the data set again.")
        found |= known
    return list(found.values())


def verify(folder: Path, listed: list[Entry], advance: Callable[[], None] = lambda: None) -> Verified:
    """Compare a folder with its records.

    Parameters
    ----------
    folder : Path
    listed : list of Entry
        From `entries`.
    advance : callable
        Called after every file.
    """
    missing, changed = [], []
    for entry in listed:
        path = folder / entry.path
        try:
            same = path.stat().st_size == entry.size and hash_file(path) == entry.sha256
            if not same:
                changed.append(entry.path)
        except (FileNotFoundError, NotADirectoryError):
            missing.append(entry.path)
        except OSError:
            changed.append(entry.path)
        advance()
    known = {entry.path for entry in listed}
    tops = sorted({entry.path.split("/")[0] for entry in listed if "/" in entry.path})
    extra = [path for top in tops for path in _files(folder, top) if path not in known]
    return Verified(len(listed), tuple(missing), tuple(changed), tuple(extra))


def _files(folder: Path, top: str) -> Iterator[str]:
    for path in sorted((folder / top).rglob("*")):
        if path.is_symlink() or not path.is_dir():
            yield printable(path.relative_to(folder).as_posix())


def _read(path: Path, facts: dict[str, Any] | None) -> dict[str, Entry] | None:
    """Return the files of a record by path; None if it is not one, or of something else than ``facts``."""
    found: dict[str, Entry] = {}
    with path.open(encoding="utf-8", errors="replace") as file:
        try:
            head = json.loads(file.readline(10_000))
            if head.pop("format", None) != FORMAT or (facts is not None and head != facts):
                return None
        except (ValueError, AttributeError):
            return None
        while line := file.readline(10_000):
            try:
                name, size, sha256 = json.loads(line)
                found[str(name)] = Entry(str(name), int(size), str(sha256))
            except (ValueError, TypeError):
                continue  # half a line, where a run was killed
    return found
