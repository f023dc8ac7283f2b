"""Entries of playlists in a database on the disk, so that millions of them need little memory; they come out as one row per track.

The same ISRC, the same id in one catalogue, the same file, or the same artist and title with lengths within two seconds
are one track.
"""

from __future__ import annotations

import json
import sqlite3
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

from genrekit.datasets.ingest.track import Track, name_key
from genrekit.datasets.spotify.columns import first_artist
from genrekit.datasets.terms import SPOTIFY_NOTE

SAME_MS = 2_000
CACHE_KIB = 64 * 1024
BATCH = 5_000

_COLUMNS = (
    "label", "artist", "title", "album", "playlist", "isrc", "source", "track_id", "space", "duration_ms", "path",
    "features", "note",
)  # fmt: skip
_NAMES = ", ".join(_COLUMNS)


@dataclass(slots=True)
class Row:
    """A track with the values of all its entries.

    Attributes
    ----------
    labels : tuple of str
        The labels of its entries, ``|`` between several of one, each once, in the order of the entries.
    entries : int
        Number of entries.
    track : Track
        The first entry; what it did not say is taken from the others.
    """

    labels: tuple[str, ...]
    entries: int
    track: Track

    @property
    def group(self) -> str:
        """Key of entries that a split keeps together: the first artist, else the track."""
        return first_artist(self.track.artist) or f"track {self.track.title}"


class Store:
    """A temporary database of entries; it goes when it is closed."""

    def __init__(self) -> None:
        # An empty name is a private file that SQLite removes by itself.
        self._base = sqlite3.connect("", isolation_level=None)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "temp_store=FILE", f"cache_size=-{CACHE_KIB}"):
            self._base.execute(f"PRAGMA {pragma}")
        self._base.execute(f"CREATE TABLE entries (n INTEGER PRIMARY KEY, root INTEGER, key TEXT, {_NAMES})")
        self._base.execute("BEGIN")
        self._waiting: list[tuple[Any, ...]] = []
        self.count = 0

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *error: object) -> None:
        self._base.close()

    def add(self, track: Track, label: str) -> None:
        """Add an entry.

        Parameters
        ----------
        track : Track
            The entry.
        label : str
            Its labels, with ``|`` between several; '' if it has none.
        """
        features = json.dumps(dict(track.features)) if track.features else ""
        self._waiting.append(
            (
                self.count, name_key(track.artist, track.title), label, track.artist, track.title, track.album,
                track.playlist, track.isrc, track.source, track.track_id, track.space, track.duration_ms, track.path,
                features, track.note,
            )
        )  # fmt: skip
        self.count += 1
        if len(self._waiting) >= BATCH:
            self._flush()

    def has(self, column: str) -> bool:
        """Return whether any entry has a value in a column."""
        self._flush()
        query = f"SELECT 1 FROM entries WHERE {column} <> '' LIMIT 1"  # noqa: S608 - names of ours
        return self._base.execute(query).fetchone() is not None

    def rows(self) -> Iterator[Row]:
        """Yield the tracks in the order of their first entries."""
        self._flush()
        self._join()
        query = f"SELECT root, {_NAMES} FROM entries ORDER BY root, n"  # noqa: S608 - names of ours
        for _, entries in groupby(self._base.execute(query), key=itemgetter(0)):
            yield _merged(entries)

    def _flush(self) -> None:
        marks = ", ".join("?" * (len(_COLUMNS) + 2))
        insert = f"INSERT INTO entries (n, key, {_NAMES}) VALUES ({marks})"  # noqa: S608 - names of ours
        self._base.executemany(insert, self._waiting)
        self._waiting.clear()

    def _join(self) -> None:
        """Find for every entry the first one of its track."""
        roots = array("q", range(self.count))

        def find(n: int) -> int:
            while roots[n] != n:
                roots[n] = roots[roots[n]]
                n = roots[n]
            return n

        def join(one: int, other: int) -> None:
            one, other = find(one), find(other)
            roots[max(one, other)] = min(one, other)

        for keys, condition in (("isrc", "isrc"), ("space, track_id", "track_id"), ("path", "path")):
            query = f"SELECT n, {keys} FROM entries WHERE {condition} <> '' ORDER BY {keys}, n"  # noqa: S608
            last: tuple[Any, ...] = ()
            for n, *key in self._base.execute(query):
                if last and last[1] == key:
                    join(last[0], n)
                else:
                    last = (n, key)
        query = "SELECT n, key, duration_ms FROM entries WHERE key <> '' ORDER BY key, duration_ms, n"
        for _, same in groupby(self._base.execute(query), key=itemgetter(1)):
            first, length = -1, 0
            for n, _, duration_ms in same:
                # An unknown length, 0, fits the shortest known one.
                if first >= 0 and (not length or duration_ms - length <= SAME_MS):
                    join(first, n)
                    length = length or duration_ms
                else:
                    first, length = n, duration_ms
        self._base.executemany(
            "UPDATE entries SET root = ? WHERE n = ?", ((find(n), n) for n in range(self.count))
        )


def _merged(entries: Iterator[tuple[Any, ...]]) -> Row:
    first = dict(zip(_COLUMNS, next(entries)[1:], strict=True))
    labels, note, count = dict.fromkeys([first["label"]]), first["note"], 1
    for entry in entries:
        other = dict(zip(_COLUMNS, entry[1:], strict=True))
        count += 1
        labels[other["label"]] = None
        if not first["track_id"]:
            first["track_id"], first["space"] = other["track_id"], other["space"]
        for name in ("isrc", "duration_ms", "path", "features", "album", "artist"):
            first[name] = first[name] or other[name]
        # One entry that may not be used for training speaks for the track, whose label it shaped.
        if not note or other["note"] == SPOTIFY_NOTE:
            note = other["note"]
    features = json.loads(first["features"]) if first["features"] else {}
    told = {name: first[name] for name in _COLUMNS if name not in ("label", "features", "note")}
    return Row(tuple(filter(None, labels)), count, Track(**told, features=features, note=note))
