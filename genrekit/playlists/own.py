"""The user's own playlists: a YAML file by genre and region."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from genrekit.backends import read_config_file
from genrekit.errors import ConfigError
from genrekit.labels import canonical
from genrekit.playlists.embeds import embed_of, origin
from genrekit.playlists.playlist import Playlist, web_address
from genrekit.playlists.regions import Region, RegionTable
from genrekit.text import printable, quote_all

MOST_LISTS = 10_000
ANY = "*"
_HINT = "Write 'jazz: {original: [https://..., {title: Blue hour, url: https://...}]}'."


class OwnFile:
    """Reads ``genre: {region: [address, {title: ..., url: ...}]}``.

    Parameters
    ----------
    path : Path
    regions : RegionTable
        Regions that the file may name.

    Raises
    ------
    ConfigError
        If it cannot be read, has another form, names an unknown region, or an address that is not one of the web.
    """

    asks = False

    def __init__(self, path: Path, regions: RegionTable) -> None:
        self.name = path.name
        self.title = path.name
        self._lists: dict[tuple[str, str], list[Playlist]] = {}
        for genre, by_region in read_config_file(path, "file of playlists").items():
            if not isinstance(by_region, dict):
                raise ConfigError(f"{path}: {genre!r} is not a mapping of regions to playlists.", _HINT)
            for region, items in by_region.items():
                if region not in regions:
                    raise ConfigError(
                        f"{path}: {genre!r} has the unknown region {printable(str(region)[:80])!r}; there are {quote_all(regions)}.",
                        "--regions-file FILE adds regions.",
                    )
                if not isinstance(items, list):
                    raise ConfigError(f"{path}: {genre!r} in {region!r} is not a list.", _HINT)
                place = f"{path}: {genre!r} in {region!r}"
                found = [self._item(place, number, region, item) for number, item in enumerate(items, 1)]
                self._lists.setdefault((canonical(genre), region), []).extend(found)
        every = [one for found in self._lists.values() for one in found]
        if len(every) > MOST_LISTS:
            raise ConfigError(f"{path} has more than {MOST_LISTS:,} playlists.")
        embeds = [one.embed for one in every if one.embed]
        self.frames = tuple(sorted({origin(one.url) for one in embeds if one.kind == "frame"}))
        self.media = tuple(sorted({origin(one.url) for one in embeds if one.kind == "audio"}))

    def _item(self, place: str, number: int, region: str, item: Any) -> Playlist:
        fields = {"url": item} if isinstance(item, str) else item
        if not isinstance(fields, dict) or not set(fields) <= {"url", "title"} or "url" not in fields:
            raise ConfigError(
                f"{place}, entry {number} is not an address, or a mapping of title and url.", _HINT
            )
        try:
            url = web_address(fields["url"])
            return Playlist(region, str(fields.get("title") or url), url, self.name, embed_of(url))
        except ValueError as error:
            raise ConfigError(f"{place}, entry {number} cannot be used: {error}.", _HINT) from None

    def check(self) -> None:
        """Do nothing: nothing is needed."""

    def find(self, genre: str, region: Region, limit: int) -> Sequence[Playlist]:
        """Return the playlists that the file has for the genre, or for any."""
        own = self._lists.get((canonical(genre), region.name))
        return (own or self._lists.get((ANY, region.name), []))[:limit]
