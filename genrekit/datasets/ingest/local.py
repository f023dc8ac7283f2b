"""The user's own sound files, found by their tags, so that a playlist becomes a training set without copying."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from genrekit.datasets.folder import walk
from genrekit.datasets.ingest.track import Track, isrc, name_key
from genrekit.errors import MediaError
from genrekit.media import AUDIO_SUFFIXES, read_song_tags

SAME_S = 2.0


class Library:
    """The songs below a folder, by ISRC and by artist and title.

    Parameters
    ----------
    folder : Path
    advance : callable
        Called after every file.

    Attributes
    ----------
    count : int
        Songs with tags that name them.
    unreadable : int
        Sound files whose tags cannot be read.
    """

    def __init__(self, folder: Path, advance: Callable[[], None] = lambda: None) -> None:
        self._by_isrc: dict[str, str] = {}
        self._by_name: dict[str, list[tuple[float, str]]] = {}
        self.count = self.unreadable = 0
        for path in walk(folder, []):
            if path.suffix.lower() in AUDIO_SUFFIXES and not path.name.startswith("."):
                self._add(path)
                advance()

    def find(self, track: Track) -> str:
        """Return the absolute path of a track, or ''; a song of another length is another one."""
        if track.isrc in self._by_isrc:
            return self._by_isrc[track.isrc]
        found = self._by_name.get(name_key(track.artist, track.title), [])
        seconds = track.duration_ms / 1000
        fitting = [path for length, path in found if not seconds or abs(length - seconds) <= SAME_S]
        return fitting[0] if fitting else ""

    def _add(self, path: Path) -> None:
        try:
            tags = read_song_tags(path)
        except MediaError:
            self.unreadable += 1
            return
        place = os.path.abspath(path)  # noqa: PTH100 - links stay as they are
        if code := isrc(tags.isrc):
            self._by_isrc.setdefault(code, place)
        key = name_key(tags.artist, tags.title)
        if key:
            self._by_name.setdefault(key, []).append((tags.length_s, place))
        self.count += bool(key or code)
