"""PLS: ``File1=...``, ``Title1=...``, ``Length1=...`` below ``[playlist]``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from genrekit.datasets.ingest.files import check_size, lines, place_of
from genrekit.datasets.ingest.m3u import STREAM
from genrekit.datasets.ingest.track import Problem, Track, milliseconds, text

_LINE = re.compile(r"\s*(File|Title|Length)(\d{1,9})\s*=(.*)", re.IGNORECASE)


def read(path: Path) -> Iterator[Track | Problem]:
    """Read a playlist; its name is that of the file."""
    check_size(path)
    found: dict[int, dict[str, str]] = {}
    for line in lines(path):
        if match := _LINE.fullmatch(line):
            found.setdefault(int(match[2]), {})[match[1].lower()] = match[3].strip()
    for number, entry in sorted(found.items()):
        if not entry.get("file"):
            yield f"entry {number}", "names no file"
            continue
        place = place_of(entry["file"], path.parent)
        artist, mark, title = text(entry.get("title")).partition(" - ")
        if not place and not mark:
            yield entry["file"], STREAM
            continue
        yield Track(
            "pls",
            text(path.stem),
            title=title if mark else artist or text(Path(place or entry["file"]).stem),
            artist=artist if mark else "",
            duration_ms=milliseconds(entry.get("length"), 1000),
            folder=path.parent.name,
            path=place,
        )
