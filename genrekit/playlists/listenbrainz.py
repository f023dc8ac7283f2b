"""Playlists of ListenBrainz by their names: ``GET /1/playlist/search``, which needs no key.

https://listenbrainz.readthedocs.io/en/latest/users/api/playlist.html. Its radio by tag asks for a user's token since
2026-08, and makes a new playlist per request; it is not used.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from genrekit.playlists.playlist import Playlist, entries
from genrekit.playlists.regions import Region
from genrekit.playlists.secret import secret
from genrekit.remote import QUICK, Service

BASE = "https://api.listenbrainz.org/"
TOKEN = "LISTENBRAINZ_TOKEN"  # noqa: S105 - the name of a variable
_PLAYLIST = re.compile(r"https?://(?:www\.)?listenbrainz\.org/playlist/([0-9a-f-]{36})/?")
INTERVAL_S = 1.0


class ListenBrainz:
    """Searches playlists."""

    name = "listenbrainz"
    title = "ListenBrainz"
    asks = True
    frames: tuple[str, ...] = ()
    media: tuple[str, ...] = ()

    def __init__(self) -> None:
        token = secret(TOKEN)
        self._service = Service(
            BASE, INTERVAL_S, {"Authorization": f"Token {token}"} if token else None, QUICK
        )

    def check(self) -> None:
        """Do nothing: nothing is needed."""

    def find(self, genre: str, region: Region, limit: int) -> Sequence[Playlist]:
        """Search once."""
        found = self._service.get(
            "1/playlist/search", {"query": region.query(genre), "count": str(limit), "offset": "0"}
        )
        items = found.get("playlists") if isinstance(found, dict) else None
        return [one for item in entries(items, self.title) if (one := self._playlist(item, region))]

    def _playlist(self, item: Any, region: Region) -> Playlist | None:
        try:
            identity = _PLAYLIST.fullmatch(item["playlist"]["identifier"])
            if identity is None:
                return None
            url = f"https://listenbrainz.org/playlist/{identity[1]}/"
            return Playlist(region.name, item["playlist"]["title"], url, self.name)
        except (KeyError, TypeError, ValueError, AttributeError):
            return None
