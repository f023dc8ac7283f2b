"""The names of Spotify's features as tables spell them."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genrekit.errors import DatasetError
from genrekit.features.schema import GTZAN_COLUMNS, SPOTIFY_COLUMNS
from genrekit.features.spotify_schema import (
    MIN_COLUMNS,
    MODEL_COLUMNS,
    NOT_AUDIO,
    RANGES,
    UNKNOWN,
    find_columns,
    is_not_audio,
    recognises,
    twins,
)


@pytest.mark.parametrize(
    ("written", "feature"),
    [
        ("Time Signature", "time_signature"),
        ("timesignature", "time_signature"),
        ("time-signature", "time_signature"),
        ("Key", "key"),
        ("audio_mode", "mode"),
        ("audio_valence", "valence"),
        ("BPM", "tempo"),
        ("loudness (dB)", "loudness"),
        ("danceability_%", "danceability"),
        ("duration", "duration_ms"),
        ("duration_s", "duration_ms"),
        ("duration (ms)", "duration_ms"),
        ("duration_in min/ms", "duration_ms"),
        ("Duration_min", "duration_ms"),
        ("song_duration_ms", "duration_ms"),
    ],
)
def test_spellings_of_public_tables(written: str, feature: str) -> None:
    assert find_columns(["artist", written]) == {feature: written}


@given(
    st.sampled_from(SPOTIFY_COLUMNS),
    st.sampled_from(["_", " ", "-", ""]),
    st.sampled_from([str.upper, str.title, str.lower]),
)
def test_case_and_separators_do_not_matter(feature: str, separator: str, case: object) -> None:
    written = f" {case(feature.replace('_', separator))} "  # type: ignore[operator]
    assert find_columns([written]) == {feature: written}


@pytest.mark.parametrize("name", ["length", "popularity", "energetic", "keyword", "mode_confidence", "", "%"])
def test_other_columns_are_no_features(name: str) -> None:
    assert find_columns([name]) == {}


def test_the_order_is_that_of_the_features() -> None:
    assert tuple(find_columns(list(reversed(SPOTIFY_COLUMNS)))) == SPOTIFY_COLUMNS


def test_two_columns_of_one_feature_are_refused_by_name() -> None:
    with pytest.raises(DatasetError, match=r"'tempo' and 'BPM' both mean the feature tempo"):
        find_columns(["tempo", "energy", "BPM"])
    with pytest.raises(DatasetError, match=r"'duration' and 'duration_s'"):
        find_columns(["duration", "duration_s"])


def test_milliseconds_by_name_come_before_any_other_duration() -> None:
    names = ["Duration_min", "duration_ms"]
    assert find_columns(names) == {"duration_ms": "duration_ms"}
    assert twins(names) == ["Duration_min"]
    assert twins(["Duration_min", "tempo"]) == []


def test_more_than_half_of_the_features_make_a_table() -> None:
    assert recognises(SPOTIFY_COLUMNS)
    assert recognises([*SPOTIFY_COLUMNS[:MIN_COLUMNS], "artist"])
    assert not recognises(SPOTIFY_COLUMNS[: MIN_COLUMNS - 1])
    assert not recognises(GTZAN_COLUMNS)
    doubled = ["tempo", "BPM", *SPOTIFY_COLUMNS[: MIN_COLUMNS - 1]]
    assert recognises(doubled)
    assert not recognises(["tempo", "BPM", "Tempo", "tempo_bpm", "TEMPO", "bpm", "Bpm"])


def test_no_feature_is_called_silent() -> None:
    assert not [name for name in SPOTIFY_COLUMNS if is_not_audio(name)]
    assert all(map(is_not_audio, NOT_AUDIO))
    assert is_not_audio("Track Href")
    assert not is_not_audio("artist")


def test_every_feature_has_a_range_and_unknown_values_outside_of_it() -> None:
    assert tuple(RANGES) == tuple(UNKNOWN) == SPOTIFY_COLUMNS
    for feature, (low, high) in RANGES.items():
        assert not [value for value in UNKNOWN[feature] if low <= value <= high]
    assert MODEL_COLUMNS[:13] == SPOTIFY_COLUMNS
    assert len(set(MODEL_COLUMNS)) == 15


def test_nothing_heavy_is_imported() -> None:
    code = "import sys, genrekit.features.spotify_schema; print({'numpy', 'pyarrow', 'pandas'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
