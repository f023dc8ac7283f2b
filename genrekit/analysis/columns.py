"""Measures of a song and the names of their columns, without heavy imports."""

from __future__ import annotations

from collections.abc import Collection

COLUMNS: dict[str, tuple[str, ...]] = {
    "bpm": ("bpm",),
    "key": ("key", "camelot", "key_confidence"),
    "loudness": ("loudness_lufs",),
}
MEASURES = tuple(COLUMNS)


def columns_of(measures: Collection[str]) -> tuple[str, ...]:
    """Return the columns of measures, in the order in which these are requested.

    Examples
    --------
    >>> columns_of(["loudness", "key"])
    ('loudness_lufs', 'key', 'camelot', 'key_confidence')
    """
    return tuple(column for measure in measures for column in COLUMNS[measure])
