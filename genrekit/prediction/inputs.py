"""Expansion of the arguments of a command line into files, in order, one entry per file."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from genrekit.errors import MediaError
from genrekit.media import PassedOver, found_modality, walk
from genrekit.prediction.cue import Track
from genrekit.prediction.playlists import CUE, is_playlist, local_path, songs_of, tracks_of
from genrekit.remote import is_remote
from genrekit.types import Modality

if TYPE_CHECKING:
    from genrekit.tables import Table

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)
_SCHEMES = (
    "addresses are s3://, gs://, http://, https://, zip:// and tar://; anything else must be fetched first"
)


@dataclass(frozen=True, slots=True)
class Input:
    """One local or remote file, or the reason why an argument names none; a table may be open already.

    A track of a cue sheet is the part of its file from ``start_s`` to ``end_s`` (None: to the end), in seconds; ``extra``
    has what identifies it.
    """

    name: str
    path: Path | None = None
    error: str | None = None
    address: str | None = field(default=None, repr=False)
    table: Table | None = field(default=None, repr=False, compare=False)
    start_s: float = 0.0
    end_s: float | None = None
    extra: Mapping[str, str] = field(default_factory=dict)


def expand(
    words: Iterable[str | Path],
    *,
    kinds: Collection[Modality] = tuple(Modality),
    passed: PassedOver | None = None,
    tracks: bool = True,
) -> Iterator[Input]:
    """Find what paths, folders, playlists, glob patterns and addresses (``s3://``, ``https://`` ...) mean.

    A folder means the songs and pictures below it by their content, recursively and sorted; tables, playlists,
    archives and hidden files in folders are passed over, and so is a kind of file that is not in ``kinds``. A zip
    archive is such a folder. A playlist (m3u, m3u8, pls, cue) means the files that it lists, and a cue sheet of
    several tracks in one file means these tracks. Any other file
    that is named itself is always an input. A word that means nothing gives one entry with an error, so that no
    input is lost.

    Parameters
    ----------
    words : iterable of str or Path
    kinds : collection of Modality
        Kinds of files to take from folders.
    passed : PassedOver, optional
        Gets what is passed over in folders.
    tracks : bool
        Whether tracks within a file are inputs of their own, or the file is one.

    Yields
    ------
    Input
    """
    search = _Search(set(kinds) - {Modality.TABLE}, passed or PassedOver(), tracks)
    for word in words:
        yield from search.meaning(os.fspath(word))


@dataclass(frozen=True)
class _Search:
    wanted: set[Modality]
    passed: PassedOver
    tracks: bool

    def meaning(self, name: str) -> Iterator[Input]:
        if not name:
            yield Input(name, error="is an empty name")
            return
        if is_remote(name):
            yield from self._remote(name)
            return
        scheme = _SCHEME.match(name)
        path = Path(local_path(name) if scheme and scheme[1].lower() == "file" else name)
        try:
            if path.is_dir():
                yield from self._below(path)
            elif is_playlist(path) and path.is_file():
                yield from self._listed(name, path)
            elif (suffix := path.suffix.lower()) in (".zip", ".tar") and path.is_file():
                yield from self._remote(f"{suffix[1:]}://::{path}")
            elif os.path.lexists(path):
                yield Input(str(path) if scheme else name, path)
            elif scheme and scheme[1].lower() != "file":
                yield Input(name, error=f"the scheme {scheme[1].lower()}:// is not read; {_SCHEMES}")
            elif glob.has_magic(name):
                yield from self._matching(name)
            else:
                yield Input(name, path)
        except (OSError, ValueError) as error:
            yield Input(name, error=f"cannot be opened: {getattr(error, 'strerror', None) or error}")

    def _remote(self, name: str) -> Iterator[Input]:
        from genrekit.remote import expand_remote

        for one in expand_remote(name, self.wanted, self.passed):
            yield Input(one.name, error=one.error, address=one.address)

    def _listed(self, name: str, playlist: Path) -> Iterator[Input]:
        empty = True
        try:
            is_cue = self.tracks and playlist.suffix.lower() == CUE
            for track in tracks_of(playlist) if is_cue else map(Track, songs_of(playlist)):
                empty = False
                song = track.file
                if is_remote(song):
                    yield from self._remote(song)
                elif Path(song).is_dir():
                    yield Input(song, error=f"is a folder, listed by {name}; a playlist names files")
                elif is_playlist(song):
                    yield Input(song, error=f"is a playlist in the playlist {name}; pass it by its own name")
                else:
                    yield _part(name, track) if track.is_part else Input(song, Path(song))
        except MediaError as error:
            yield Input(name, error=str(error))
            return
        if empty:
            yield Input(name, error="the playlist lists no songs")

    def _below(self, folder: Path) -> Iterator[Input]:
        empty = True
        for path in walk(folder, self.passed):
            if path.is_dir():
                empty = False
                yield Input(str(path), error="the folder cannot be listed")
            elif found_modality(path) in self.wanted:
                empty = False
                yield Input(str(path), path)
            else:
                self.passed.add_file(path)
        if empty:
            yield Input(str(folder), error=f"the folder holds no {_any_of(self.wanted)}")

    def _matching(self, pattern: str) -> Iterator[Input]:
        paths = sorted(glob.glob(pattern, recursive=True), key=os.fsencode)
        for name in paths:
            if Path(name).is_dir():
                yield from self._below(Path(name))
            else:
                yield Input(name, Path(name))
        if not paths:
            yield Input(pattern, error="no file matches the pattern")


def _part(sheet: str, track: Track) -> Input:
    """Return the input of a track within a file."""
    facts = {"file": track.file, "start_s": f"{track.start_s:g}"}
    facts |= {"performer": track.performer, "title": track.title}
    name = f"{sheet}#{track.number:02} {track.title}".rstrip()
    return Input(name, Path(track.file), start_s=track.start_s, end_s=track.end_s, extra=facts)


def _any_of(kinds: set[Modality]) -> str:
    words = {Modality.AUDIO: "audio file", Modality.IMAGE: "picture"}
    return " or ".join(words[kind] for kind in sorted(kinds)) or "file that a model takes"
