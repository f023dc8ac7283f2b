"""Measures of a song and the names of their columns, without heavy imports."""

from __future__ import annotations

from collections.abc import Collection

from genrekit.errors import UsageError
from genrekit.text import nearest

COLUMNS: dict[str, tuple[str, ...]] = {
    "bpm": ("bpm",),
    "key": ("key", "camelot", "key_confidence"),
    "loudness": ("loudness_lufs",),
}
MEASURES = tuple(COLUMNS)

# Other words for what is measured.
_MEANT = {
    "tempo": "bpm",
    "beat": "bpm",
    "beats": "bpm",
    "camelot": "key",
    "tonality": "key",
    "scale": "key",
    "lufs": "loudness",
    "volume": "loudness",
    "gain": "loudness",
    "replaygain": "loudness",
}


def columns_of(measures: Collection[str]) -> tuple[str, ...]:
    """Return the columns of measures, in the order in which these are requested.

    Examples
    --------
    >>> columns_of(["loudness", "key"])
    ('loudness_lufs', 'key', 'camelot', 'key_confidence')
    """
    return tuple(column for measure in measures for column in COLUMNS[measure])


def measures_of(words: str | None) -> tuple[str, ...]:
    """Return the properties that ``--with`` requests, each once.

    Raises
    ------
    UsageError
        If a word is not one of them.
    """
    asked = tuple(dict.fromkeys(word.strip().lower() for word in (words or "").split(",") if word.strip()))
    if unknown := [word for word in asked if word not in MEASURES]:
        guess = _MEANT.get(unknown[0]) or nearest(unknown[0], MEASURES)
        raise UsageError(
            f"--with does not know {unknown[0]!r}; allowed are {', '.join(MEASURES)}.",
            f"Did you mean {guess}?" if guess else "",
        )
    return asked
