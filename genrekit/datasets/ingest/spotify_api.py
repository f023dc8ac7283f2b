"""Playlists over Spotify's Web API, for those who have access: through spotipy, with keys from the environment.

What comes from there is marked, and training on it is refused (`genrekit.datasets.terms`). Since 2026-02 an application
in development needs an owner with Premium, and reads ``playlists/ID/items`` only.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from genrekit.datasets.ingest.track import Problem, Track, isrc, milliseconds, text
from genrekit.datasets.terms import SPOTIFY_NOTE
from genrekit.errors import DatasetError, UsageError
from genrekit.remote import redact

KEYS = ("SPOTIPY_CLIENT_ID", "SPOTIPY_CLIENT_SECRET")
PAGE = 100
MAX_PAGES = 1_000
_PLAYLIST = re.compile(
    r"(?:spotify:playlist:|https?://open\.spotify\.com/(?:intl-\w+/)?playlist/)([0-9A-Za-z]{22})(?:\?.*)?"
)


def playlist_of(word: str) -> str | None:
    """Return the id of a playlist in an address of Spotify; None for anything else.

    Raises
    ------
    UsageError
        If it begins as an address of Spotify, and names no playlist.
    """
    if found := _PLAYLIST.fullmatch(word):
        return found[1]
    if re.match(r"spotify:|https?://open\.spotify\.com/", word):
        raise UsageError(
            f"{redact(word)} is not a playlist of Spotify.",
            "Write spotify:playlist:ID or the address of a playlist; or export it with Exportify and pass the CSV.",
        )
    return None


def read(identity: str) -> Iterator[Track | Problem]:
    """Read a playlist.

    Raises
    ------
    UsageError
        If spotipy or the keys are missing.
    DatasetError
        If Spotify refuses, or does not answer.
    """
    missing = [name for name in KEYS if not os.environ.get(name)]
    if missing:
        raise UsageError(
            f"Spotify's Web API needs keys, and {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set.",
            "Without an application of your own: export the playlist with Exportify or Spotify's 'download your data', "
            "and pass that file.",
        )
    try:
        spotipy = import_module("spotipy")
    except ImportError:
        raise UsageError(
            "Spotify's Web API needs a package that is not installed.",
            'Install it: pip install "genrekit[spotify-api]"',
        ) from None
    memory = import_module("spotipy.cache_handler").MemoryCacheHandler()  # no token on the disk
    client = spotipy.Spotify(
        auth_manager=import_module("spotipy.oauth2").SpotifyClientCredentials(cache_handler=memory),
        requests_timeout=30,
        retries=3,
    )
    try:
        name = text(client.playlist(identity, fields="name").get("name")) or identity
        for page in range(MAX_PAGES):
            found = client.playlist_items(
                identity, limit=PAGE, offset=page * PAGE, additional_types=("track",)
            )
            for number, item in enumerate(found.get("items") or [], page * PAGE + 1):
                yield _track(item, name) or (
                    f"{name}, entry {number}",
                    "is not a track of Spotify's catalogue",
                )
            if not found.get("next"):
                return
    except spotipy.SpotifyException as error:
        reason = {
            401: "the keys are not accepted",
            403: "access is refused",
            404: "there is no such playlist",
        }
        words = reason.get(error.http_status, f"HTTP status {error.http_status}")
        raise DatasetError(
            f"Spotify's Web API: {words}.", "Export the playlist instead, and pass that file."
        ) from None
    except (OSError, import_module("spotipy.oauth2").SpotifyOauthError) as error:
        # Whatever a library says of a request with keys stays out of the message.
        raise DatasetError(f"Spotify's Web API cannot be asked ({type(error).__name__}).") from None


def _track(item: Any, name: str) -> Track | None:
    # 'item' since 2026-02, 'track' before.
    found: Any = (item.get("item") or item.get("track")) if isinstance(item, dict) else None
    if not isinstance(found, dict) or not (title := text(found.get("name"))):
        return None
    identity = text(found.get("id"))
    return Track(
        "spotify-web-api",
        name,
        title=title,
        artist=text(
            ", ".join(text(one.get("name")) for one in found.get("artists") or [] if isinstance(one, dict))
        ),
        album=text((found.get("album") or {}).get("name")),
        isrc=isrc((found.get("external_ids") or {}).get("isrc")),
        track_id=identity,
        space="spotify" if identity else "",
        duration_ms=milliseconds(found.get("duration_ms")),
        note=SPOTIFY_NOTE,
    )
