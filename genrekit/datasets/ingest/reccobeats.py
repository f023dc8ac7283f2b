"""Audio features like Spotify's from ReccoBeats: 40 tracks per request, remembered, continued where a run stopped.

https://reccobeats.com/docs: no key; limits are not published; too many requests are answered with 429 and Retry-After.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Sequence

from genrekit.datasets.ingest.track import spotify_id
from genrekit.features import SPOTIFY_COLUMNS
from genrekit.files import cache_folder
from genrekit.remote import Service

BASE = "https://api.reccobeats.com/v1/"
BATCH = 40
INTERVAL_S = 0.5
FEATURES = tuple(name for name in SPOTIFY_COLUMNS if name != "duration_ms")


class ReccoBeats:
    """Features by the id of a track at Spotify; what was found is kept in the cache folder."""

    def __init__(self) -> None:
        self._service = Service(BASE, INTERVAL_S)
        self._known = _open_cache()
        self.asked = 0

    def close(self) -> None:
        """Close the cache."""
        self._known.close()

    def known(self, identity: str) -> dict[str, str] | None:
        """Return the cached features of a track."""
        row = self._known.execute("SELECT found FROM features WHERE id = ?", (identity,)).fetchone()
        return json.loads(row[0]) if row else None

    def find(self, identities: Sequence[str]) -> dict[str, dict[str, str]]:
        """Return the features of at most ``BATCH`` tracks; those that ReccoBeats does not know are absent.

        Raises
        ------
        DatasetError
            If it does not answer; what was found before is remembered.
        """
        found = {identity: known for identity in identities if (known := self.known(identity)) is not None}
        missing = [identity for identity in dict.fromkeys(identities) if identity not in found]
        if not missing:
            return found
        self.asked += 1
        answer = self._service.get("audio-features", {"ids": ",".join(missing)})
        content = answer.get("content") if isinstance(answer, dict) else None
        new = {}
        for item in content if isinstance(content, list) else []:
            # The answer names a track by its address at Spotify; its "id" is ReccoBeats' own.
            identity = spotify_id(item.get("href")) if isinstance(item, dict) else ""
            if identity in missing:
                new[identity] = {
                    name: repr(value)
                    for name in FEATURES
                    if isinstance(value := item.get(name), int | float) and not isinstance(value, bool)
                }
        self._known.executemany(
            "INSERT OR REPLACE INTO features VALUES (?, ?)",
            [(key, json.dumps(value)) for key, value in new.items()],
        )
        return found | new


def _open_cache() -> sqlite3.Connection:
    """Open the cache of earlier results, in memory if the file cannot be used."""
    places = [str(cache_folder() / "reccobeats.sqlite"), ":memory:"]
    if os.environ.get("GENREKIT_CACHE", "").lower() == "off":
        del places[0]
    for place in places:
        try:
            if place != ":memory:":
                cache_folder().mkdir(parents=True, exist_ok=True)
            known = sqlite3.connect(place, timeout=30, isolation_level=None)
            known.execute("CREATE TABLE IF NOT EXISTS features (id TEXT PRIMARY KEY, found TEXT)")
            known.execute("SELECT id, found FROM features LIMIT 1").fetchall()
            break
        except (sqlite3.Error, OSError):
            continue
    return known
