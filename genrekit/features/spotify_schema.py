"""Columns of Spotify's audio features: their spellings and ranges, without heavy imports."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from genrekit.errors import DatasetError
from genrekit.features.schema import SPOTIFY_COLUMNS
from genrekit.text import clean

MIN_COLUMNS = 7
"""A table with more than half of the 13 features is a table of Spotify features."""

MODEL_COLUMNS: tuple[str, ...] = (*SPOTIFY_COLUMNS, "tempo_fraction", "energy_over_loudness")
"""The 15 inputs of a model: the 13 features, and two that `features.spotify.model_input` computes."""

RANGES: dict[str, tuple[float, float]] = {
    **dict.fromkeys(SPOTIFY_COLUMNS, (0.0, 1.0)),
    "loudness": (-80.0, 10.0),
    "duration_ms": (100.0, 86_400_000.0),
    "tempo": (1.0, 300.0),
    "key": (0.0, 11.0),
    "time_signature": (1.0, 7.0),
}
"""Minimum and maximum accepted for every feature.

https://developer.spotify.com/documentation/web-api/reference/get-audio-features documents 0 to 1, the key
-1 to 11, the time signature 3 to 7, and loudness as "typically" -60 to 0 dB; tables of real tracks also have
time signature 1, and loudness up to +5 dB, because it is a perceptual measure, not a peak. No limit is
documented for tempo and duration: 300 beats per minute and one day are above every track seen, and less
than 0.1 s is not a track but another unit.
"""

UNKNOWN: dict[str, tuple[float, ...]] = {
    **dict.fromkeys(SPOTIFY_COLUMNS, (-1.0,)),
    "loudness": (),
    "duration_ms": (-1.0, 0.0),
    "tempo": (-1.0, 0.0),
    "time_signature": (-1.0, 0.0),
}
"""Numbers that mean "unknown": Spotify's -1 for the key and 0 for tempo and time signature, and the
-1 of public tables. -1 dB is a loudness."""

# Names of a length in milliseconds; the unit of every other name is read from the values.
_MILLISECONDS = ("durationms", "durationinms", "trackdurationms", "songdurationms")
_SPELLINGS: dict[str, tuple[str, ...]] = {
    "valence": ("audiovalence",),
    "instrumentalness": ("instrumental",),
    "loudness": ("loudnessdb",),
    "duration_ms": (
        *_MILLISECONDS,
        *("duration", "durations", "durationsec", "durationseconds"),
        *("durationmin", "durationmins", "durationminutes", "durationinminms", "trackduration"),
    ),
    "tempo": ("bpm", "tempobpm", "beatsperminute"),
    "key": ("audiokey", "keysignature"),
    "time_signature": ("timesig",),
    "mode": ("audiomode",),
}
_PERCENT = {feature for feature, limits in RANGES.items() if limits == (0.0, 1.0)} - {"mode"}

NOT_AUDIO: tuple[str, ...] = (
    *("type", "id", "uri", "track_href", "analysis_url", "href", "external_urls", "preview_url", "index"),
    *("unnamed: 0", "popularity", "track_popularity", "song_popularity", "artist_popularity", "status_code"),
)
"""Columns that accompany the features and do not describe the audio."""


def column_key(name: str) -> str:
    """Return a column name normalised for comparison: lower case, letters, digits and % only.

    Examples
    --------
    >>> column_key("duration_in min/ms"), column_key("Time Signature"), column_key("Energy_%")
    ('durationinminms', 'timesignature', 'energy%')
    """
    return re.sub(r"[^\w%]|_", "", clean(name).casefold())


_FEATURE = {
    **{column_key(feature): feature for feature in SPOTIFY_COLUMNS},
    **{spelling: feature for feature, spellings in _SPELLINGS.items() for spelling in spellings},
    **{f"{feature}%": feature for feature in _PERCENT},
}
_NO_SOUND = {column_key(name) for name in NOT_AUDIO}


def is_percent(name: str) -> bool:
    """Return whether a column is named as a percentage, as in ``danceability_%``."""
    return column_key(name).endswith("%")


def is_milliseconds(name: str) -> bool:
    """Return whether a column is named as a duration in milliseconds."""
    return column_key(name) in _MILLISECONDS


def is_not_audio(name: str) -> bool:
    """Return whether a column is one of ``NOT_AUDIO``, in any spelling."""
    return column_key(name) in _NO_SOUND


def find_columns(names: Sequence[str]) -> dict[str, str]:
    """Find the feature columns of a table.

    Parameters
    ----------
    names : sequence of str
        The column names as they are written.

    Returns
    -------
    dict of str to str
        Feature to column as written, in the order of ``SPOTIFY_COLUMNS``. A duration whose name says milliseconds
        takes precedence over other durations.

    Raises
    ------
    DatasetError
        If two columns mean the same feature.

    Examples
    --------
    >>> find_columns(["Time Signature", "song_duration_ms", "artist"])
    {'duration_ms': 'song_duration_ms', 'time_signature': 'Time Signature'}
    """
    found: dict[str, str] = {}
    for feature, columns in _candidates(names):
        exact = [column for column in columns if feature == "duration_ms" and is_milliseconds(column)]
        chosen, *others = exact or columns
        if others:
            raise DatasetError(
                f"The columns {chosen!r} and {others[0]!r} both mean the feature {feature}.",
                "Remove one, or rename it.",
            )
        found[feature] = chosen
    return found


def twins(names: Sequence[str]) -> list[str]:
    """Return the duration columns that are ignored in favour of one in milliseconds."""
    durations = dict(_candidates(names)).get("duration_ms", [])
    return [column for column in durations if not is_milliseconds(column)] if len(durations) > 1 else []


def recognises(names: Sequence[str]) -> bool:
    """Return whether a table with these columns is a table of Spotify features: at least ``MIN_COLUMNS`` of the 13.

    Examples
    --------
    >>> recognises(["tempo", "energy"]), recognises(SPOTIFY_COLUMNS)
    (False, True)
    """
    return sum(1 for _ in _candidates(names)) >= MIN_COLUMNS


def _candidates(names: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    meant = [(_FEATURE.get(column_key(name)), name) for name in names]
    for feature in SPOTIFY_COLUMNS:
        columns = [name for other, name in meant if other == feature]
        if columns:
            yield feature, columns
