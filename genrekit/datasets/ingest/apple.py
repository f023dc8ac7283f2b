"""Apple Music's and iTunes' library or playlist as XML: a property list of tracks and of playlists over them."""

from __future__ import annotations

import plistlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError

from genrekit.datasets.ingest.files import check_size, place_of
from genrekit.datasets.ingest.track import Problem, Track, milliseconds, text
from genrekit.errors import DatasetError
from genrekit.text import printable

LIBRARY = "library"


def read(path: Path) -> Iterator[Track | Problem]:
    """Read the playlists that a user made; where there is none, the whole library as one."""
    check_size(path)
    try:
        with path.open("rb") as file:
            document = plistlib.load(file, fmt=plistlib.FMT_XML)
    except (
        plistlib.InvalidFileException,
        ExpatError,
        ValueError,
        TypeError,
        AttributeError,
        RecursionError,
    ) as error:
        raise DatasetError(
            f"{printable(path)} is not a library of Apple Music: {str(error)[:100]}."
        ) from error
    tracks = document.get("Tracks") if isinstance(document, dict) else None
    if not isinstance(tracks, dict):
        raise DatasetError(f"{printable(path)} is not a library of Apple Music: it has no 'Tracks'.")
    playlists = [one for one in document.get("Playlists", []) if isinstance(one, dict) and not _is_own(one)]
    for playlist in playlists:
        name = text(playlist.get("Name"))
        for number, item in enumerate(playlist.get("Playlist Items", []), 1):
            found = tracks.get(str(item.get("Track ID"))) if isinstance(item, dict) else None
            yield _track(found, name, path) or (f"{name}, entry {number}", "names no track of the library")
    if not playlists:
        for number, found in tracks.items():
            yield _track(found, LIBRARY, path) or (f"track {printable(number)}", "has no name")


def _is_own(playlist: dict[str, Any]) -> bool:
    """Return whether Apple made the playlist: the whole library, music, films."""
    return bool(playlist.get("Master") or "Distinguished Kind" in playlist or playlist.get("Folder"))


def _track(found: Any, name: str, path: Path) -> Track | None:
    title = text(found.get("Name")) if isinstance(found, dict) else ""
    if not title:
        return None
    genre = text(found.get("Genre"))
    location = found.get("Location")
    return Track(
        "apple",
        name,
        title=title,
        artist=text(found.get("Artist")),
        album=text(found.get("Album")),
        duration_ms=milliseconds(found.get("Total Time")),
        genres=(genre,) if genre else (),
        folder=path.parent.name,
        path=place_of(location, path.parent) if isinstance(location, str) else "",
    )
