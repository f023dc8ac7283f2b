"""Responses of services, kept for a day: YouTube allows 100 searches per day, and no long storage."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from genrekit.files import cache_folder
from genrekit.playlists.playlist import Playlist, from_dict

DAY_S = 86_400.0


class DayCache:
    """Playlists by provider and search, in files of the cache folder, or in memory where that cannot be written.

    Parameters
    ----------
    folder : Path, optional
        Default: ``playlists`` in the cache folder; none with ``GENREKIT_CACHE=off``.
    """

    def __init__(self, folder: Path | None = None) -> None:
        is_off = os.environ.get("GENREKIT_CACHE", "").lower() == "off"
        self._folder = folder or (None if is_off else cache_folder() / "playlists")
        self._memory: dict[str, tuple[float, list[Playlist]]] = {}

    def get(self, *words: str) -> list[Playlist] | None:
        """Return results less than a day old; None if there are none."""
        key = _key(words)
        if key in self._memory:
            at_s, found = self._memory[key]
            return found if 0 <= time.time() - at_s < DAY_S else None
        if self._folder is None:
            return None
        try:
            kept = json.loads((self._folder / key).read_bytes())
            if not 0 <= time.time() - float(kept["at"]) < DAY_S:
                return None
            found = [from_dict(one) for one in kept["items"]]
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return None
        return found

    def put(self, found: Sequence[Playlist], *words: str) -> None:
        """Store results, and remove those older than a day."""
        key, at_s = _key(words), time.time()
        content = json.dumps({"at": at_s, "items": [one.as_dict() for one in found]}, ensure_ascii=False)
        try:
            if self._folder is None:
                raise OSError
            self._folder.mkdir(parents=True, exist_ok=True)
            for path in self._folder.glob("*.json"):
                with suppress(OSError):
                    if at_s - path.stat().st_mtime > DAY_S:
                        path.unlink()
            with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=self._folder, delete=False) as file:
                file.write(content)
            Path(file.name).replace(self._folder / key)
        except OSError:
            self._memory = {name: kept for name, kept in self._memory.items() if at_s - kept[0] < DAY_S}
            self._memory[key] = (at_s, list(found))


def _key(words: Sequence[str]) -> str:
    return f"{hashlib.sha256(json.dumps(words).encode()).hexdigest()[:40]}.json"
