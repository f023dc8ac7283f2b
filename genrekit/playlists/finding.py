"""Playlists of several regions, from a provider, the cache, or, where a service has nothing, as links."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from genrekit.errors import DatasetError, UsageError
from genrekit.labels import canonical, normalise
from genrekit.playlists.cached import DayCache
from genrekit.playlists.links import Links
from genrekit.playlists.playlist import Playlist, QuotaError, is_allowed
from genrekit.playlists.provider import PlaylistProvider
from genrekit.playlists.regions import Region

MOST = 25
MAX_GENRE = 80
QUOTA_S, FAILURE_S = 3_600.0, 60.0  # how long a service is left alone


@dataclass(frozen=True)
class Found:
    """Playlists for a genre.

    Attributes
    ----------
    genre, provider : str
    regions : tuple of Region
        Those that were asked for.
    items : tuple of Playlist
        By region, in the order of the provider.
    notes : tuple of str
        Why there are links instead.
    """

    genre: str
    provider: str
    regions: tuple[Region, ...]
    items: tuple[Playlist, ...]
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "genre": self.genre,
            "provider": self.provider,
            "regions": [{"name": one.name, "title": dict(one.title)} for one in self.regions],
            "items": [one.as_dict() for one in self.items],
            "notes": list(self.notes),
        }


class Finder:
    """Finds playlists; a service that fails is left alone for a while, and links take its place.

    Parameters
    ----------
    provider : PlaylistProvider
    cache : DayCache, optional
        For providers that ask a service.
    """

    def __init__(self, provider: PlaylistProvider, cache: DayCache | None = None) -> None:
        self.provider = provider
        self._cache = cache or DayCache()
        self._links = Links()
        self._quiet_until_s = 0.0
        self._reason = ""

    def find(
        self, genre: str, regions: Sequence[Region], limit: int = MOST, *, may_ask: bool = True
    ) -> Found:
        """Find playlists.

        Parameters
        ----------
        genre : str
            1 to 80 characters.
        regions : sequence of Region
        limit : int
            Most playlists per region, 1 to ``MOST``.
        may_ask : bool
            Whether a service may be asked; what is cached is used anyway.

        Raises
        ------
        UsageError
            If there is no genre, or a number is out of range.
        """
        name = normalise(genre)
        if not name or len(name) > MAX_GENRE:
            raise UsageError(f"A genre has 1 to {MAX_GENRE} characters.", "For example: jazz")
        if not 1 <= limit <= MOST:
            raise UsageError(f"The limit is {limit}; it is 1 to {MOST}.")
        items: list[Playlist] = []
        notes: dict[str, None] = {}
        for region in regions:
            found: Sequence[Playlist] = ()
            try:
                found = self._of_region(name, region, may_ask)
                if not found:
                    notes[
                        f"{self.provider.title} has nothing for {name!r} in {region.name!r}: links instead."
                    ] = None
            except DatasetError as error:
                notes[f"{error.message} Links instead."] = None
            found = found or self._links.find(name, region, limit)
            items += [self._shown(one) for one in found[:limit]]
        return Found(name, self.provider.name, tuple(regions), tuple(items), tuple(notes))

    def _of_region(self, genre: str, region: Region, may_ask: bool) -> Sequence[Playlist]:
        if not self.provider.asks:
            return self.provider.find(genre, region, MOST)
        key = (
            self.provider.name,
            canonical(genre),
            region.name,
            region.query(genre),
            ",".join(region.tags + region.countries),
        )
        if (kept := self._cache.get(*key)) is not None:
            return kept
        if not may_ask:
            raise DatasetError(
                f"{genre!r} is not a genre of the models; {self.provider.title} is not asked for it."
            )
        if time.monotonic() < self._quiet_until_s:
            raise DatasetError(self._reason)
        try:
            found = self.provider.find(genre, region, MOST)
        except DatasetError as error:
            self._quiet_until_s = time.monotonic() + (QUOTA_S if isinstance(error, QuotaError) else FAILURE_S)
            self._reason = error.message
            raise
        self._cache.put(found, *key)
        return found

    def _shown(self, one: Playlist) -> Playlist:
        """Return a playlist without a preview that the policy of a page would refuse."""
        if one.embed is None:
            return one
        origins = self.provider.frames if one.embed.kind == "frame" else self.provider.media
        return one if is_allowed(one.embed, origins) else replace(one, embed=None)
