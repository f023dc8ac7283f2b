"""Limits of a store, and its usage."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, Field

from genrekit.feedback.store import Content


class Limits(BaseModel):
    """Caps and retention.

    Attributes
    ----------
    max_bytes, max_uploader_bytes : int
        Of all kept files, and of those of one uploader.
    max_files : int
    retention_days : float or None
        After so many days files and what was said of them are deleted; None keeps them.
    """

    model_config = ConfigDict(frozen=True)

    max_bytes: int = Field(10 * 10**9, ge=1)
    max_uploader_bytes: int = Field(10**9, ge=1)
    max_files: int = Field(100_000, ge=1)
    retention_days: float | None = Field(365.0, gt=0)


class Usage:
    """Usage of a store."""

    def __init__(self, contents: Iterable[Content] = ()) -> None:
        self._sizes: dict[str, int] = {}
        self._by_uploader: defaultdict[str, int] = defaultdict(int)
        self._bytes = 0
        for content in contents:
            if content.object:
                self.add(content.sha256, content.size, content.uploader)

    def add(self, sha256: str, size: int, uploader: str) -> None:
        """Count a file; one that is there already counts once."""
        if sha256 not in self._sizes:
            self._sizes[sha256] = size
            self._bytes += size
            self._by_uploader[uploader] += size

    def fits(self, sha256: str, size: int, uploader: str, limits: Limits) -> bool:
        """Return whether a file may be kept too."""
        return sha256 in self._sizes or (
            len(self._sizes) < limits.max_files
            and self._bytes + size <= limits.max_bytes
            and self._by_uploader[uploader] + size <= limits.max_uploader_bytes
        )
