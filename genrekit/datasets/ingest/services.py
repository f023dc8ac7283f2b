"""Playlists of open services: ListenBrainz, MusicBrainz and Deezer, each at its own pace, without a key.

ListenBrainz: ``GET /1/playlist/MBID`` answers in JSPF. MusicBrainz asks for one request a second and a User-Agent that
names the program. Deezer allows 50 requests in 5 s, and answers errors with status 200 and an object ``error``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from genrekit.datasets.ingest.track import Problem, Track, isrc, milliseconds, text
from genrekit.datasets.ingest.xspf import playlist
from genrekit.errors import DatasetError, UsageError
from genrekit.remote import Service, Tries
from genrekit.text import printable

LISTENBRAINZ = "https://api.listenbrainz.org/"
MUSICBRAINZ = "https://musicbrainz.org/ws/2/"
DEEZER = "https://api.deezer.com/"
PAGE = 100
MAX_PAGES = 1_000
DEEZER_QUOTA = 4  # the code of "Quota limit exceeded"
DEEZER_NOTE = "listed by Deezer; its 30 s previews are promotion and not training data"

_MBID = r"([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})"
_ADDRESSES = {
    "listenbrainz": (
        re.compile(rf"(?:listenbrainz:|https?://(?:www\.)?listenbrainz\.org/playlist/){_MBID}/?"),
        "listenbrainz:MBID, as in the address of the playlist",
    ),
    "musicbrainz": (
        re.compile(
            rf"(?:musicbrainz:(?:collection/)?|https?://(?:www\.)?musicbrainz\.org/collection/){_MBID}/?"
        ),
        "musicbrainz:MBID of a collection of recordings",
    ),
    "deezer": (
        re.compile(
            r"(?:deezer:(?:playlist/)?|https?://(?:www\.)?deezer\.com/(?:\w+/)?playlist/)(\d{1,20})(?:\?.*)?"
        ),
        "deezer:ID, the number in the address of the playlist",
    ),
}


def service_of(word: str) -> tuple[str, str] | None:
    """Return the service and the id that an address means; None for anything else.

    Raises
    ------
    UsageError
        If it begins as an address of a service, and is not one.
    """
    for name, (pattern, form) in _ADDRESSES.items():
        if found := pattern.fullmatch(word):
            return name, found[1].lower()
        if word.lower().startswith(f"{name}:"):
            raise UsageError(f"{printable(word)} is not a playlist of {name}.", f"Write {form}.")
    return None


def read(service: str, identity: str) -> Iterator[Track | Problem]:
    """Read a playlist from a service.

    Parameters
    ----------
    service : {'listenbrainz', 'musicbrainz', 'deezer'}
        Name of the service.
    identity : str
        Identifier of the playlist or collection at that service.

    Yields
    ------
    Track or (str, str)
        An entry, or the name of an entry that cannot be used with the reason.

    Raises
    ------
    DatasetError
        If it does not answer, or does not have the playlist.
    """
    readers: dict[str, Callable[[str], Iterator[Track | Problem]]] = {
        "listenbrainz": _listenbrainz,
        "musicbrainz": _musicbrainz,
        "deezer": _deezer,
    }
    return readers[service](identity)


def _listenbrainz(identity: str) -> Iterator[Track | Problem]:
    token = os.environ.get("LISTENBRAINZ_TOKEN", "")  # private playlists; public ones need none
    service = Service(LISTENBRAINZ, 1.0, {"Authorization": f"Token {token}"} if token else None)
    found = service.get(f"1/playlist/{identity}")
    if not isinstance(found, dict) or not isinstance(found.get("playlist"), dict):
        raise DatasetError(f"ListenBrainz answered something else than a playlist for {identity}.")
    yield from playlist(found["playlist"], identity, Path(), "listenbrainz")


def _musicbrainz(identity: str) -> Iterator[Track | Problem]:
    service = Service(MUSICBRAINZ, 1.0)
    name = text(_object(service.get(f"collection/{identity}", {"fmt": "json"})).get("name")) or identity
    for page in range(MAX_PAGES):
        found = _object(
            service.get(
                "recording",
                {
                    "collection": identity,
                    "limit": str(PAGE),
                    "offset": str(page * PAGE),
                    "inc": "artist-credits+isrcs",
                    "fmt": "json",
                },
            )
        )
        recordings = found.get("recordings")
        for number, one in enumerate(recordings if isinstance(recordings, list) else [], page * PAGE + 1):
            yield _recording(one, name) or (f"{name}, entry {number}", "has no title")
        count = found.get("recording-count")
        if not recordings or not isinstance(count, int) or (page + 1) * PAGE >= count:
            return


def _recording(found: Any, name: str) -> Track | None:
    title = text(found.get("title")) if isinstance(found, dict) else ""
    if not title:
        return None
    credits = found.get("artist-credit") or []
    codes = found.get("isrcs") or []
    return Track(
        "musicbrainz",
        name,
        title=title,
        artist=text(", ".join(text(one.get("name")) for one in credits if isinstance(one, dict))),
        isrc=next((code for one in codes if (code := isrc(one))), ""),
        track_id=text(found.get("id")),
        space="musicbrainz",
        duration_ms=milliseconds(found.get("length")),
    )


def _deezer(identity: str) -> Iterator[Track | Problem]:
    service = Service(DEEZER, 0.1)
    name = text(_deezer_get(service, f"playlist/{identity}", {}).get("title")) or identity
    for page in range(MAX_PAGES):
        window = {"index": str(page * PAGE), "limit": str(PAGE)}
        found = _deezer_get(service, f"playlist/{identity}/tracks", window)
        tracks = found.get("data")
        for number, one in enumerate(tracks if isinstance(tracks, list) else [], page * PAGE + 1):
            title = text(one.get("title")) if isinstance(one, dict) else ""
            if not title:
                yield f"{name}, entry {number}", "has no title"
                continue
            yield Track(
                "deezer",
                name,
                title=title,
                artist=text(_object(one.get("artist")).get("name")),
                album=text(_object(one.get("album")).get("title")),
                isrc=isrc(one.get("isrc")),
                track_id=text(one.get("id")),
                space="deezer",
                duration_ms=milliseconds(one.get("duration"), 1000),
                note=DEEZER_NOTE,
            )
        if not tracks or not found.get("next"):
            return


def _deezer_get(service: Service, path: str, params: dict[str, str]) -> dict[str, Any]:
    tries = Tries(service.base + path)
    while True:
        found = _object(service.get(path, params))
        error = found.get("error")
        if not isinstance(error, dict):
            return found
        if error.get("code") != DEEZER_QUOTA:
            raise DatasetError(f"Deezer does not return {path}: {text(error.get('message')) or 'an error'}.")
        tries.failed("the server says that there were too many requests", "5")


def _object(found: Any) -> dict[str, Any]:
    return found if isinstance(found, dict) else {}
