"""Journal of tag changes: one line per change, written to disk before the file is replaced."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from genrekit.errors import DatasetError, OutputExistsError, UnknownSourceError
from genrekit.files import naming
from genrekit.library.tags.base import texts
from genrekit.library.tags.fields import Field
from genrekit.text import system_name, utf8_name

_VERSION = 2
_MAX_LINE = 1 << 24


@dataclass(frozen=True, slots=True)
class Entry:
    """One change.

    Attributes
    ----------
    path : str
        The file, absolute, links followed.
    format : str
        The kind of file, as `genrekit.library.tags.base.TagFile.format`.
    before : dict
        State for `genrekit.library.tags.base.TagFile.restore`.
    values : Mapping of Field to (tuple of str, tuple of str)
        The fields that change, before and after, in readable form.
    sha256_before, sha256_after : str
        Hashes of the whole file.
    """

    path: str
    format: str
    before: dict[str, Any]
    values: Mapping[Field, tuple[tuple[str, ...], tuple[str, ...]]]
    sha256_before: str
    sha256_after: str


class Journal:
    """A journal to write to, a context manager; its file appears with the first entry, and never replaces another.

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
            If a file with the name of the journal exists.
        OSError
            If it cannot be written.
        """
        if self._file is None:
            self._file = self._create()
        line = json.dumps(_fields(entry), ensure_ascii=True, allow_nan=False)
        with naming(self.path or "the journal"):
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
            with naming(self.path or "the journal"):
                self._file.close()

    def _create(self) -> BinaryIO:
        if self.path is not None:
            try:
                return self.path.open("xb")
            except FileExistsError:
                raise OutputExistsError(
                    f"{self.path} exists; a journal is never overwritten.", "Choose another --journal."
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
    """Read the entries of a journal, latest first, in the order of undoing.

    An incomplete last line, cut short by a crash, is left out: its file was never replaced.

    Raises
    ------
    DatasetError
        If the file is missing, not a journal, or damaged.
    """
    return list(_entries(path))[::-1]


def _entries(path: Path) -> Iterator[Entry]:
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise UnknownSourceError(
            f"There is no journal {path}.", "Each run with --write names its own."
        ) from None
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
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
                raise DatasetError(
                    f"{path} is not a journal of 'genrekit tag', or is damaged: see line {number}."
                ) from None


def _fields(entry: Entry) -> dict[str, Any]:
    return {
        "genrekit_tags": _VERSION,
        "path": utf8_name(entry.path),
        "format": entry.format,
        "before": entry.before,
        "values": {field.value: [list(old), list(new)] for field, (old, new) in entry.values.items()},
        "sha256_before": entry.sha256_before,
        "sha256_after": entry.sha256_after,
    }


def _entry(fields: Any) -> Entry:
    if not isinstance(fields, dict):
        raise ValueError("not an entry")
    version = fields.pop("genrekit_tags", None)
    if version == 1:
        _modernise(fields)
    elif version != _VERSION:
        raise ValueError("not an entry")
    pairs = fields.pop("values")
    values = {Field(name): (tuple(texts(old)), tuple(texts(new))) for name, (old, new) in pairs.items()}
    fields["path"] = system_name(fields["path"])
    entry = Entry(values=values, **fields)
    words = (entry.path, entry.format, entry.sha256_before, entry.sha256_after)
    if not values or not all(isinstance(word, str) for word in words):
        raise ValueError("not text")
    return entry


def _modernise(fields: dict[str, Any]) -> None:
    """Convert an entry of version 1, which had no field except the genre."""
    state = fields["before"]
    fields["before"] = {**state, "fields": {"genre": state["genre"]}} if "genre" in state else {}
    fields["values"] = {"genre": [fields.pop("genres_before"), fields.pop("genres_after")]}
