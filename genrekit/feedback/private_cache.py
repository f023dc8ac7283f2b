"""A cache that keeps entries of uploads in a separate folder, which is removed completely at the end."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genrekit.preparation import ENCODING, Cache

_PRIVATE = "private-"


class PrivateCache(Cache):
    """A cache with a private part.

    Parameters
    ----------
    cache : Cache
        The cache for everything else.
    folder : Path
        The folder of the private part.
    contents : frozenset of str
        SHA-256 of the private contents. Encoded windows have other keys, which do not tell whose they are: all of them
        are private.
    """

    def __init__(self, cache: Cache, folder: Path, contents: frozenset[str]) -> None:
        super().__init__(cache.folder, max_bytes=cache.max_bytes, enabled=cache.enabled)
        self._private = folder
        self._contents = contents

    def key(self, content: str, backend: str, feature_version: str, settings: Mapping[str, Any]) -> str:
        """Return the key of an entry."""
        key = super().key(content, backend, feature_version, settings)
        return f"{_PRIVATE}{key}" if content in self._contents or backend.endswith(ENCODING) else key

    def _path(self, key: str) -> Path:
        if key.startswith(_PRIVATE):
            return self._private / super()._path(key.removeprefix(_PRIVATE)).name
        return super()._path(key)
