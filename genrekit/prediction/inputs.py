"""Expansion of the arguments of a command line into files, in order, one entry per file."""

from __future__ import annotations

import glob
import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from genrekit.media import suffix_modality, walk
from genrekit.remote import is_remote
from genrekit.types import Modality

if TYPE_CHECKING:
    from genrekit.tables import Table


@dataclass(frozen=True, slots=True)
class Input:
    """One local or remote file, or the reason why an argument names none; a table may be open already."""

    name: str
    path: Path | None = None
    error: str | None = None
    address: str | None = field(default=None, repr=False)
    table: Table | None = field(default=None, repr=False, compare=False)


def expand(words: Iterable[str | Path], *, kinds: Collection[Modality] = tuple(Modality)) -> Iterator[Input]:
    """Expand paths, folders, glob patterns and addresses (``s3://``, ``https://`` ...) into files.

    A folder means the audio files and pictures below it, recursively and sorted; tables, hidden files and
    kinds that are not in ``kinds`` are skipped in folders. A file that is named itself is always an input. An
    argument that matches nothing becomes one entry with an error, so that no input is lost.

    Parameters
    ----------
    words : iterable of str or Path
    kinds : collection of Modality
        Kinds of files to take from folders.

    Yields
    ------
    Input
    """
    wanted = set(kinds) - {Modality.TABLE}
    for word in words:
        name = os.fspath(word)
        if not name:
            yield Input(name, error="is an empty name")
            continue
        if is_remote(name):
            from genrekit.remote import expand_remote

            yield from (
                Input(one.name, error=one.error, address=one.address) for one in expand_remote(name, wanted)
            )
            continue
        path = Path(name)
        try:
            if path.is_dir():
                yield from _below(path, wanted)
            elif os.path.lexists(path) or not glob.has_magic(name):
                yield Input(name, path)
            else:
                yield from _matching(name, wanted)
        except (OSError, ValueError) as error:
            yield Input(name, error=f"cannot be opened: {getattr(error, 'strerror', None) or error}")


def _below(folder: Path, wanted: set[Modality]) -> Iterator[Input]:
    empty = True
    for path in walk(folder):
        if path.is_dir():
            empty = False
            yield Input(str(path), error="the folder cannot be listed")
        elif suffix_modality(path) in wanted:
            empty = False
            yield Input(str(path), path)
    if empty:
        yield Input(str(folder), error=f"the folder holds no {_any_of(wanted)}")


def _matching(pattern: str, wanted: set[Modality]) -> Iterator[Input]:
    paths = sorted(glob.glob(pattern, recursive=True), key=os.fsencode)
    for name in paths:
        if Path(name).is_dir():
            yield from _below(Path(name), wanted)
        else:
            yield Input(name, Path(name))
    if not paths:
        yield Input(pattern, error="no file matches the pattern")


def _any_of(kinds: set[Modality]) -> str:
    words = {Modality.AUDIO: "audio file", Modality.IMAGE: "picture"}
    return " or ".join(words[kind] for kind in sorted(kinds)) or "file that a model takes"
