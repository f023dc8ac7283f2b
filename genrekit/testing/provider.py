"""The public conformance suite of providers of playlists."""

from __future__ import annotations

import re
from collections.abc import Sequence

from genrekit.playlists import GROUP, Playlist, PlaylistProvider, Region, is_allowed, read_regions
from genrekit.testing.requirement import require

_ORIGIN = re.compile(r"https://(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+(:\d{1,5})?")


def check_provider(
    provider: PlaylistProvider, genres: Sequence[str] = ("jazz", "hip-hop", "no such genre at all")
) -> None:
    """Check that a provider of playlists does what `genrekit playlists` and the page rely on.

    A provider that asks a service does so here: point it to a server of your own on loopback, and set its key.

    Parameters
    ----------
    provider : PlaylistProvider
    genres : sequence of str
        What is asked for, once per shipped region and number of playlists.

    Raises
    ------
    AssertionError
        With a sentence that says which promise is broken.
    """
    require(
        isinstance(provider, PlaylistProvider),
        f"a provider ({GROUP}) has name, title, asks, frames, media, check() and find()",
    )
    require(
        isinstance(provider.name, str) and re.fullmatch(r"[\w][\w.-]{0,63}", provider.name) is not None,
        f"name is a short word, not {provider.name!r}",
    )
    require(
        isinstance(provider.title, str) and provider.title.isprintable() and bool(provider.title.strip()),
        "title is one line of words",
    )
    require(isinstance(provider.asks, bool), "asks is True or False")
    for what in ("frames", "media"):
        sources = getattr(provider, what)
        require(isinstance(sources, tuple), f"{what} is a tuple of sources of a Content Security Policy")
        for source in sources:
            require(
                source == "https:" or _ORIGIN.fullmatch(source) is not None,
                f"{what} has https://host, https://*.host or https:, not {source!r}",
            )
    provider.check()
    for genre in genres:
        for region in read_regions().values():
            for limit in (1, 25):
                _check_found(provider, genre, region, limit)


def _check_found(provider: PlaylistProvider, genre: str, region: Region, limit: int) -> None:
    found = provider.find(genre, region, limit)
    require(isinstance(found, Sequence), "find() returns a sequence")
    require(len(found) <= limit, f"find() returns at most {limit} playlists, not {len(found)}")
    for one in found:
        require(isinstance(one, Playlist), "find() returns genrekit.playlists.Playlist")
        require(
            one.region == region.name, f"a playlist has the region that was asked for, not {one.region!r}"
        )
        require(one.source == provider.name, f"a playlist has the name of its provider, not {one.source!r}")
        if one.embed:
            sources = provider.frames if one.embed.kind == "frame" else provider.media
            require(
                is_allowed(one.embed, sources),
                f"frames or media name the host of every preview, also {one.embed.host}",
            )
    require(len({one.url for one in found}) == len(found), "find() returns every address once")
