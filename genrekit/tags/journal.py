"""What was in the files before: a line a change, on the disk before the file is replaced."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from genrekit.errors import DatasetError, OutputExistsError

_VERSION = 1
_MAX_LINE = 1 << 24


@dataclass(frozen=True, slots=True)
class Entry:
    """One change.

    Attributes
    ----------
    path : str
        The file, absolute, links followed.
    format : str
        Its kind, as `genrekit.tags.base.TagFile.format`.
    before : dict
        What `genrekit.tags.base.TagFile.restore` takes.
    genres_before, genres_after : list of str
    sha256_before, sha256_after : str
        Of the whole file.
    """

    path: str
    format: str
    before: dict[str, Any]
    genres_before: list[str]
    genres_after: list[str]
    sha256_before: str
    sha256_after: str


class Journal:
    """A journal that is being written, a context manager; its file appears with the first entry, and never replaces another.

    Parameters
    ----------
    path : Path, optional
        By default ``genrekit-tags-YYYYmmdd-HHMMSS.jsonl`` in the current folder.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.count = 0
        self._file: BinaryIO | None = None

    def append(self, entry: Entry) -> None:
        """Write an entry and wait until it is on the disk.

        Raises
        ------
        OutputExistsError
            If a file of the journal's name is there.
        OSError
            If it cannot be written.
        """
        if self._file is None:
            self._file = self._create()
        line = json.dumps({"genrekit_tags": _VERSION} | asdict(entry), ensure_ascii=True, allow_nan=False)
        self._file.write(line.encode("ascii") + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self.count += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def _create(self) -> BinaryIO:
        if self.path is not None:
            try:
                return self.path.open("xb")
            except FileExistsError:
                raise OutputExistsError(
                    f"{self.path} exists; a journal is never overwritten.", "Give another --journal."
                ) from None
        stem, number = time.strftime("genrekit-tags-%Y%m%d-%H%M%S"), 1
        while True:
            path = Path(f"{stem}.jsonl" if number == 1 else f"{stem}-{number}.jsonl")
            try:
                file = path.open("xb")
            except FileExistsError:
                number += 1
            else:
                self.path = path
                return file


def read_journal(path: Path) -> list[Entry]:
    """The entries of a journal, latest first: the order in which they are undone.

    A last line that a crash cut short is left out: its file was never replaced.

    Raises
    ------
    DatasetError
        If the file is missing, no journal, or damaged.
    """
    return list(_entries(path))[::-1]


def _entries(path: Path) -> Iterator[Entry]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise DatasetError(f"The journal {path} cannot be read: {error.strerror or error}.") from None
    with file:
        number = 0
        while line := file.readline(_MAX_LINE):
            number += 1
            if not line.endswith(b"\n") and len(line) < _MAX_LINE and number > 1:
                return
            try:
                yield _entry(json.loads(line))
            except (ValueError, TypeError, RecursionError):
                raise DatasetError(
                    f"{path} is no journal of 'genrekit tag', or is damaged: see line {number}."
                ) from None


def _entry(fields: Any) -> Entry:
    if not isinstance(fields, dict) or fields.pop("genrekit_tags", None) != _VERSION:
        raise ValueError("no entry")
    entry = Entry(**fields)
    words = (entry.path, entry.format, entry.sha256_before, entry.sha256_after)
    if not all(isinstance(word, str) for word in (*words, *entry.genres_before, *entry.genres_after)):
        raise ValueError("no text")
    return entry
