from .finding import MOST, Finder, Found
from .playlist import Embed, Playlist, QuotaError, is_allowed
from .provider import GROUP, PlaylistProvider, names, open_provider
from .regions import Region, RegionTable, read_regions

__all__ = [
    "GROUP",
    "MOST",
    "Embed",
    "Finder",
    "Found",
    "Playlist",
    "PlaylistProvider",
    "QuotaError",
    "Region",
    "RegionTable",
    "is_allowed",
    "names",
    "open_provider",
    "read_regions",
]
