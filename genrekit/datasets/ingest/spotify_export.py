"""Spotify's own "download your data": ``Playlist1.json`` and ``YourLibrary.json``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from genrekit.datasets.ingest.files import read_json
from genrekit.datasets.ingest.tables import NOTE
from genrekit.datasets.ingest.track import Problem, Track, spotify_id, text
from genrekit.errors import DatasetError
from genrekit.text import printable

LIBRARY = "liked songs"


def read(path: Path) -> Iterator[Track | Problem]:
    """Read an export; podcasts and local files of a playlist are named and left out."""
    document = read_json(path)
    playlists = document.get("playlists") if isinstance(document, dict) else None
    library = document.get("tracks") if isinstance(document, dict) else None
    if not isinstance(playlists, list) and not isinstance(library, list):
        raise DatasetError(
            f"{printable(path)} is not an export of playlists: it has neither 'playlists' nor 'tracks'.",
            "Of Spotify's export, Playlist1.json and YourLibrary.json hold playlists.",
        )
    for playlist in playlists if isinstance(playlists, list) else []:
        if not isinstance(playlist, dict) or not isinstance(playlist.get("items"), list):
            yield "a playlist", "has no items"
            continue
        name = text(playlist.get("name"))
        for number, item in enumerate(playlist["items"], 1):
            track = item.get("track") if isinstance(item, dict) else None
            yield _track(track, name, path) or (
                f"{name}, entry {number}",
                "is not a track of Spotify's catalogue",
            )
    for number, track in enumerate(library if isinstance(library, list) else [], 1):
        yield _track(track, LIBRARY, path) or (
            f"{LIBRARY}, entry {number}",
            "is not a track of Spotify's catalogue",
        )


def _track(found: Any, name: str, path: Path) -> Track | None:
    if not isinstance(found, dict):
        return None
    title = text(found.get("trackName") or found.get("track"))
    if not title:
        return None
    identity = spotify_id(found.get("trackUri") or found.get("uri"))
    return Track(
        "spotify-export",
        name,
        title=title,
        artist=text(found.get("artistName") or found.get("artist")),
        album=text(found.get("albumName") or found.get("album")),
        track_id=identity,
        space="spotify" if identity else "",
        folder=path.parent.name,
        note=NOTE,
    )
