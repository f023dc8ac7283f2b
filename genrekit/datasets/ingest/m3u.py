"""M3U and M3U8: a file per line, with ``#EXTINF:seconds,Artist - Title`` above it where the player writes that."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from genrekit.datasets.ingest.files import lines, place_of
from genrekit.datasets.ingest.track import Problem, Track, milliseconds, text

_INFO = re.compile(r"#EXTINF:\s*(-?\d+(?:\.\d+)?)[^,]*,(.*)", re.IGNORECASE)
# https://en.wikipedia.org/wiki/M3U lists them under "File format".
STREAM = "is an address without an artist: a stream and not a song"
_FIELDS = {"#EXTART:": "artist", "#EXTALB:": "album"}


def read(path: Path) -> Iterator[Track | Problem]:
    """Read a playlist; its name is that of ``#PLAYLIST:``, else that of the file."""
    name = text(path.stem)
    known: dict[str, str] = {}
    duration_ms = 0
    for line in lines(path):
        line = line.strip()
        upper = line[:10].upper()
        if found := _INFO.fullmatch(line):
            duration_ms = milliseconds(found[1], 1000)
            artist, mark, title = text(found[2]).partition(" - ")
            known |= {"artist": artist, "title": title} if mark else {"title": artist}
        elif upper == "#PLAYLIST:":
            name = text(line[10:]) or name
        elif upper.startswith("#EXTGENRE:"):
            known["genre"] = text(line[10:])
        elif upper[:8] in _FIELDS:
            known[_FIELDS[upper[:8]]] = text(line[8:])
        elif line and not line.startswith("#"):
            yield _track(path, name, line, known, duration_ms) or (line, STREAM)
            known, duration_ms = {}, 0


def _track(path: Path, name: str, location: str, known: dict[str, str], duration_ms: int) -> Track | None:
    place = place_of(location, path.parent)
    if not place and not known.get("artist"):
        return None
    genre = known.get("genre", "")
    return Track(
        "m3u",
        name,
        title=known.get("title") or text(Path(place or location).stem),
        artist=known.get("artist", ""),
        album=known.get("album", ""),
        duration_ms=duration_ms,
        genres=(genre,) if genre else (),
        folder=path.parent.name,
        path=place,
    )
