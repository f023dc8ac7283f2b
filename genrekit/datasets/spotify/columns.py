"""Columns of a table of Spotify features besides the features: labels, tracks and artists."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from genrekit.datasets.genres import listed
from genrekit.datasets.label_column import GENRE_FIRST
from genrekit.features import column_key, is_not_audio
from genrekit.tables import SPLIT_COLUMNS
from genrekit.text import known, quote_all

# Columns of public tables, in order of preference.
_GENRES = ("playlist_genre", "music_genre", "track_genre", "top_genre", "artist_genres", "artist_genre")
LABELS = (
    *(name for name in GENRE_FIRST if "genre" in name),
    *_GENRES,
    *(name for name in GENRE_FIRST if "genre" not in name),
    "class",
)
SUBGENRES = ("playlist_subgenre",)
_IDS = ("track_id", "spotify_id", "spotify_track_id", "song_id", "id", "uri", "track_uri", "isrc")
_TRACKS = ("track_name", "song_name", "name", "track", "song", "title")
_ARTISTS = (
    "artist",
    "artists",
    "track_artist",
    "artist_name",
    "artist_names",
    "artists_name",
    "track_artists",
)

# Groups that are larger than necessary do no harm; one artist in two splits does.
_NEXT_ARTIST = re.compile(r"[;|]|,\s|\s(?:&|x|vs\.?|feat\.?|ft\.?|featuring)\s", re.IGNORECASE)


class Roles:
    """Roles of the columns besides the features.

    Attributes
    ----------
    labels : list of str
        The columns that may hold the labels, in order of preference.
    label, group, split, id : str or None
        The columns of labels, groups, splits and row names.
    ids, tracks, artists : list of str
        The columns that name a track; of its title; of its artists, in order of preference.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = columns
        self._by_key = {column_key(column): column for column in reversed(columns) if column.strip()}
        labels = self._all(LABELS) or self._all(SUBGENRES)
        self.labels, self.label = labels, next(iter(labels), None)
        self.ids, self.tracks, self.artists = self._all(_IDS), self._all(_TRACKS), self._all(_ARTISTS)
        self.group = next(iter(self._all(("group",))), None)
        self.split = next(iter(self._all(SPLIT_COLUMNS)), None)
        self.id = next(iter(self.ids), None)

    def _all(self, names: Sequence[str]) -> list[str]:
        found = [self._by_key[key] for name in names if (key := column_key(name)) in self._by_key]
        return list(dict.fromkeys(found))

    def wanted(self, features: Iterable[str]) -> list[str]:
        """Return the columns to read besides the features."""
        chosen = (*self.labels, self.group, self.split, *self.ids, *self.repeated(features))
        return list(dict.fromkeys(column for column in chosen if column is not None))

    def repeated(self, features: Iterable[str]) -> list[str]:
        """Return the columns that a prediction repeats."""
        taken = {*features, self.label, self.group, self.split, self.id}
        return [c for c in self.columns if c.strip() and c not in taken and not is_not_audio(c)]

    def notes(self) -> list[str]:
        """Return notes on the choice of columns."""
        notes = []
        others = [column for column in self.labels if column != self.label]
        if others:
            notes.append(f"{self.label!r} was read as the label, and {quote_all(others)} was not")
        silent = [column for column in self.columns if column.strip() and is_not_audio(column)]
        if silent:
            notes.append(f"{quote_all(silent)}: not audio features, and ignored by the model")
        if self.group is None:
            by = f"{self.artists[0]!r}, the first of its artists," if self.artists else "identical features"
            notes.append(f"rows were grouped by {by}{' where known' if self.artists else ''}")
        return notes


def first_artist(text: str) -> str:
    """Return the first of the artists in a cell, in lower case; '' if there is none.

    Examples
    --------
    >>> first_artist("A$AP Rocky, Drake"), first_artist("['Cher', 'Sonny']"), first_artist("empty_field")
    ('a$ap rocky', 'cher', '')
    """
    items = listed(text)
    first = _NEXT_ARTIST.split(known(text))[0] if items is None else next(iter(items), "")
    return known(first).casefold()
