"""Addresses of public searches at services: no request is sent, and no key is needed."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from genrekit.playlists.playlist import Playlist
from genrekit.playlists.regions import Region

# {q}: the words, percent-encoded. As the services' own search boxes build them.
SERVICES = {
    "YouTube": "https://www.youtube.com/results?search_query={q}&sp=EgIQAw%3D%3D",  # sp: playlists only
    "YouTube Music": "https://music.youtube.com/search?q={q}",
    "Spotify": "https://open.spotify.com/search/{q}/playlists",
    "Deezer": "https://www.deezer.com/search/{q}/playlist",
    "Apple Music": "https://music.apple.com/search?term={q}",
    "SoundCloud": "https://soundcloud.com/search/sets?q={q}",
    "Bandcamp": "https://bandcamp.com/search?q={q}",
}


class Links:
    """One search per service."""

    name = "links"
    title = "nobody"
    asks = False
    frames: tuple[str, ...] = ()
    media: tuple[str, ...] = ()

    def check(self) -> None:
        """Do nothing: nothing is needed."""

    def find(self, genre: str, region: Region, limit: int) -> Sequence[Playlist]:
        """Return the addresses."""
        words = region.query(genre)
        return [
            Playlist(
                region.name,
                f"{service}: {words}",
                address.format(q=quote(words, safe="", errors="replace")),
                self.name,
            )
            for service, address in list(SERVICES.items())[:limit]
        ]
