"""Playlists by YouTube's Data API: ``search.list`` with ``type=playlist``.

https://developers.google.com/youtube/v3/docs/search/list. Since 2026 searches have a quota of their own: 100 a day.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from genrekit.errors import DatasetError, UsageError
from genrekit.playlists.embeds import YOUTUBE_FRAMES
from genrekit.playlists.playlist import Embed, Playlist, QuotaError, entries
from genrekit.playlists.regions import Region
from genrekit.playlists.secret import secret
from genrekit.remote import QUICK, Refused, Service

BASE = "https://www.googleapis.com/youtube/v3/"
KEY = "GENREKIT_YOUTUBE_KEY"
MOST = 50
QUOTA = frozenset(("quotaExceeded", "dailyLimitExceeded", "rateLimitExceeded", "userRateLimitExceeded"))


class YouTube:
    """Searches playlists."""

    name = "youtube"
    title = "YouTube"
    asks = True
    frames: tuple[str, ...] = (YOUTUBE_FRAMES,)
    media: tuple[str, ...] = ()

    def check(self) -> None:
        """Refuse to work without a key."""
        if not secret(KEY):
            raise UsageError(
                "YouTube's Data API needs a key.",
                f"Set {KEY}, or {KEY}_FILE to a file that holds it; --provider links needs none.",
            )

    def find(self, genre: str, region: Region, limit: int) -> Sequence[Playlist]:
        """Search once."""
        self.check()
        # In a header, a key appears in no address and no log.
        service = Service(BASE, 0.0, {"X-Goog-Api-Key": secret(KEY)}, QUICK)
        asked = {
            "part": "snippet",
            "type": "playlist",
            "q": region.query(genre),
            "maxResults": str(min(limit, MOST)),
            "relevanceLanguage": region.search,
            "safeSearch": "moderate",
        }
        if region.countries:
            asked["regionCode"] = region.countries[0]
        try:
            found = service.get("search", asked)
        except Refused as error:
            reasons = _reasons(error.answer)
            if reasons & QUOTA or error.status == 429:
                raise QuotaError("YouTube's searches of today are used up.") from None
            words = ", ".join(sorted(reasons)) or f"HTTP status {error.status}"
            raise DatasetError(f"YouTube refuses the search: {words}.") from None
        items = found.get("items") if isinstance(found, dict) else None
        return [one for item in entries(items, self.title) if (one := self._playlist(item, region))]

    def _playlist(self, item: Any, region: Region) -> Playlist | None:
        try:
            identity = item["id"]["playlistId"]
            # Titles of search.list come with entities: Rock &amp; Roll.
            title = html.unescape(item["snippet"]["title"])
            embed = Embed("frame", f"{YOUTUBE_FRAMES}/embed/videoseries?list={identity}")
            url = f"https://www.youtube.com/playlist?list={identity}"
            return Playlist(region.name, title, url, self.name, embed)
        except (KeyError, TypeError, ValueError):
            return None


def _reasons(answer: Any) -> set[str]:
    error = answer.get("error") if isinstance(answer, dict) else None
    errors = error.get("errors") if isinstance(error, dict) else None
    found = {one.get("reason") for one in errors or [] if isinstance(one, dict)}
    return {reason for reason in found if isinstance(reason, str) and reason.isalnum()}
