"""What can be measured of a song beside its genre, and the columns that it fills; nothing heavy."""

from __future__ import annotations

from collections.abc import Collection

COLUMNS: dict[str, tuple[str, ...]] = {
    "bpm": ("bpm",),
    "key": ("key", "camelot", "key_confidence"),
    "loudness": ("loudness_lufs",),
}
MEASURES = tuple(COLUMNS)


def columns_of(measures: Collection[str]) -> tuple[str, ...]:
    """The columns of some measures, in the order in which they are asked for.

    Examples
    --------
    >>> columns_of(["loudness", "key"])
    ('loudness_lufs', 'key', 'camelot', 'key_confidence')
    """
    return tuple(column for measure in measures for column in COLUMNS[measure])
