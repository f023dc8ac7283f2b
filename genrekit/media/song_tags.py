"""Identifying tags of a song: artist, title, genres and recording code."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genrekit.errors import MediaError

# mutagen's easy names; wav and aiff have the frames of ID3 only, wma and APEv2 names of their own.
_NAMES = {
    "artist": ("artist", "TPE1", "Author"),
    "title": ("title", "TIT2", "Title"),
    "genre": ("genre", "TCON", "WM/Genre"),
    "isrc": ("isrc", "TSRC", "WM/ISRC"),
}


@dataclass(frozen=True, slots=True)
class SongTags:
    """Texts as the file has them.

    Attributes
    ----------
    artist, title, isrc : str
        The first value; empty where there is none.
    genres : tuple of str
    length_s : float
        Length of the sound as its header has it, in seconds; 0 if it has none.
    """

    artist: str = ""
    title: str = ""
    isrc: str = ""
    genres: tuple[str, ...] = ()
    length_s: float = 0.0


def read_song_tags(path: Path) -> SongTags:
    """Read the tags of a sound file of any kind.

    Raises
    ------
    MediaError
        If the file is of no kind that has tags, or is damaged.
    """
    import mutagen

    try:
        sound: Any = mutagen.File(path, easy=True)
        tags = sound.tags or {}
        texts = {name: _values(tags, name) for name in _NAMES}
        length_s = float(getattr(sound.info, "length", 0.0))
    except Exception:  # mutagen raises anything over a damaged file
        raise MediaError("The tags of the file cannot be read.") from None
    artist, title, isrc = (next(iter(texts[name]), "") for name in ("artist", "title", "isrc"))
    return SongTags(artist, title, isrc, tuple(texts["genre"]), length_s)


def _values(tags: Any, name: str) -> list[str]:
    for key in _NAMES[name]:
        try:
            values = tags.get(key)
        except (KeyError, ValueError):
            continue
        if values:
            # The frame of a genre spells the numbers of ID3v1 out in an attribute of its own.
            return [str(value) for value in getattr(values, "genres", values)]
    return []
