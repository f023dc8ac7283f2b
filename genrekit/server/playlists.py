"""Playlists for the page and the API: one provider, asked by one request at a time, for genres of the models only."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable

from genrekit.errors import BackendError
from genrekit.labels import canonical
from genrekit.playlists import Finder, Found, PlaylistProvider, open_provider, read_regions
from genrekit.server.settings import Settings

_SOURCE = re.compile(r"https:(//(\*\.)?[A-Za-z0-9.-]+(:\d{1,5})?)?")


class Playlists:
    """The provider of a server.

    Parameters
    ----------
    settings : Settings

    Raises
    ------
    GenrekitError
        If the provider or the table of regions cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self.regions = read_regions(settings.regions_file)
        provider = open_provider(settings.playlists, self.regions)
        self.policy = _policy(provider)
        self._finder = Finder(provider)
        self._lock = asyncio.Lock()
        self._asks = provider.asks

    async def find(self, genre: str, regions: list[str], limit: int, labels: Iterable[str]) -> Found:
        """Find playlists.

        Parameters
        ----------
        genre : str
        regions : list of str
            Names; none for all.
        limit : int
            Most playlists per region.
        labels : iterable of str
            Genres that a service may be asked for: strangers could use up its searches with others.

        Raises
        ------
        UsageError
            If a region is unknown, or the genre or the limit is out of range.
        """
        wanted = self.regions.choose(regions)
        if not self._asks:
            return self._finder.find(genre, wanted, limit)
        may_ask = canonical(genre) in {canonical(label) for label in labels}
        async with self._lock:
            return await asyncio.to_thread(self._finder.find, genre, wanted, limit, may_ask=may_ask)


def _policy(provider: PlaylistProvider) -> str:
    """Return the sources that the Content Security Policy of the page adds for the previews of a provider."""
    for source in (*provider.frames, *provider.media):
        if not _SOURCE.fullmatch(source):
            raise BackendError(
                f"The provider of playlists {provider.name!r} names {source!r}, which is not a source of a Content Security Policy.",
                "genrekit.testing.check_provider says what is allowed.",
            )
    frames = f"frame-src {' '.join(provider.frames)}; " if provider.frames else ""
    return f"media-src {' '.join(('blob:', *provider.media))}; {frames}"
