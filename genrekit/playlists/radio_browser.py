"""Radio stations by tag and country from the community's index radio-browser.info, without a key.

https://docs.radio-browser.info and https://api.radio-browser.info: ``GET /json/stations/search`` of any of its
servers; ``all.api.radio-browser.info`` is all of them. Programs name themselves by the User-Agent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from genrekit.labels import canonical
from genrekit.playlists.playlist import Embed, Playlist, entries
from genrekit.playlists.regions import Region
from genrekit.remote import QUICK, Service

BASE = "https://all.api.radio-browser.info/"
INTERVAL_S = 0.25
_PLAYABLE = frozenset(("MP3", "AAC", "AAC+", "OGG", "OPUS", "FLAC"))


class RadioBrowser:
    """Finds stations with the genre's tag, of the countries of the region where it has some."""

    name = "radio-browser"
    title = "the radio station"
    asks = True
    frames: tuple[str, ...] = ()
    media: tuple[str, ...] = ("https:",)  # every station has a host of its own

    def __init__(self) -> None:
        self._service = Service(BASE, INTERVAL_S, None, QUICK)

    def check(self) -> None:
        """Do nothing: nothing is needed."""

    def find(self, genre: str, region: Region, limit: int) -> Sequence[Playlist]:
        """Ask once per country, or once."""
        asked = {
            "tag": canonical(genre),
            "tagExact": "true",
            "hidebroken": "true",
            "order": "clickcount",
            "reverse": "true",
            "limit": str(limit),
        }
        found: dict[str, Playlist] = {}
        for country in region.countries or ("",):
            answer = self._service.get(
                "json/stations/search", asked | ({"countrycode": country} if country else {})
            )
            for item in entries(answer, "Radio Browser"):
                if one := self._station(item, region):
                    found.setdefault(one.url, one)
            if len(found) >= limit:
                break
        return list(found.values())[:limit]

    def _station(self, item: Any, region: Region) -> Playlist | None:
        try:
            stream = item.get("url_resolved") or item["url"]
            return Playlist(
                region.name, item["name"], item.get("homepage") or stream, self.name, _embed(item, stream)
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            return None


def _embed(item: dict[str, Any], stream: str) -> Embed | None:
    if item.get("hls") or str(item.get("codec", "")).upper() not in _PLAYABLE:
        return None
    try:
        return Embed("audio", stream)
    except ValueError:
        return None
