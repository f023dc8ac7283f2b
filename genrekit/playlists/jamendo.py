"""Tracks under Creative Commons by tag from Jamendo: ``GET /v3.0/tracks``.

https://developer.jamendo.com/v3.0/tracks. A client id is free; it travels in the query, as the service has it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from genrekit.errors import DatasetError, UsageError
from genrekit.labels import canonical
from genrekit.playlists.playlist import Embed, Playlist, QuotaError, entries
from genrekit.playlists.regions import Region
from genrekit.playlists.secret import secret
from genrekit.remote import QUICK, Service

BASE = "https://api.jamendo.com/v3.0/"
CLIENT_ID = "GENREKIT_JAMENDO_CLIENT_ID"
INTERVAL_S = 0.5
RATE_LIMIT = 6  # "Rate Limit Exceeded" of https://developer.jamendo.com/v3.0/response-codes
_TAGS = {"r&b": "rnb", "drum and bass": "drumnbass"}


class Jamendo:
    """Finds tracks with a genre's tag and those of the region, the most popular first."""

    name = "jamendo"
    title = "Jamendo"
    asks = True
    frames: tuple[str, ...] = ()
    media: tuple[str, ...] = ("https://*.jamendo.com",)

    def __init__(self) -> None:
        self._service = Service(BASE, INTERVAL_S, None, QUICK)

    def check(self) -> None:
        """Refuse to work without a client id."""
        if not secret(CLIENT_ID):
            raise UsageError(
                "Jamendo's API needs a client id, which is free at https://devportal.jamendo.com.",
                f"Set {CLIENT_ID}, or {CLIENT_ID}_FILE to a file that holds it; --provider links needs none.",
            )

    def find(self, genre: str, region: Region, limit: int) -> Sequence[Playlist]:
        """Ask once."""
        self.check()
        tags = [tag_of(genre), *(tag_of(tag) for tag in region.tags)]
        found = self._service.get(
            "tracks/",
            {
                "client_id": secret(CLIENT_ID),
                "format": "json",
                "limit": str(limit),
                "tags": " ".join(tags),  # all of them; sent as +
                "order": "popularity_total",
                "audioformat": "mp32",
            },
        )
        headers = found.get("headers") if isinstance(found, dict) else None
        if not isinstance(headers, dict) or headers.get("status") != "success":
            code = headers.get("code") if isinstance(headers, dict) else None
            if code == RATE_LIMIT:
                raise QuotaError("Jamendo was asked too often.")
            raise DatasetError(f"Jamendo refuses the question: response code {code!r}.")
        results = entries(found.get("results"), self.title)
        return [one for item in results if (one := self._track(item, region))]

    def _track(self, item: Any, region: Region) -> Playlist | None:
        try:
            title = f"{item['artist_name']}: {item['name']}"
            embed = Embed("audio", item["audio"]) if item.get("audio") else None
            return Playlist(region.name, title, item["shareurl"], self.name, embed)
        except (KeyError, TypeError, ValueError, AttributeError):
            return None


def tag_of(genre: str) -> str:
    """Return the tag of a genre: letters and digits only.

    Examples
    --------
    >>> tag_of("Hip Hop"), tag_of("R&B"), tag_of("jazz")
    ('hiphop', 'rnb', 'jazz')
    """
    name = canonical(genre)
    return _TAGS.get(name) or re.sub(r"\W|_", "", name)
