"""What names and rows are recognised by."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genrekit.backends import registry
from genrekit.backends.config import make_config
from genrekit.datasets.base import Dataset
from genrekit.errors import MediaError
from genrekit.hashing import row_keys
from genrekit.preparation.cache import Cache
from genrekit.preparation.content_keys import array_key, name_key
from genrekit.preparation.preparer import Preparer
from genrekit.types import Example


def named(name: str, **facts: bool) -> int | None:
    return name_key(Example(id=name), **facts)


@pytest.mark.parametrize(
    "name",
    ["blues.00012", "blues.00012.wav", "blues/blues.00012.flac", "a/b/Blues.00012.AU", "blues.00012.3.wav"],
)
def test_every_name_of_a_track_of_gtzan_means_that_track(name: str) -> None:
    assert named(name) == named("blues.00012") == named(name, only_gtzan=True)
    assert named(name) != named("blues.00013")


def test_a_repetition_is_the_track_that_it_repeats() -> None:
    assert named("metal.00058.wav") == named("rock/rock.00016.wav") != named("rock.00058.wav")


def test_other_names_count_where_they_say_something() -> None:
    assert (
        named("a/Björk - Jóga.mp3") == named("BJO\u0308RK - JO\u0301GA.flac") != named("Björk - Hunter.mp3")
    )
    assert named("Björk - Jóga.mp3", only_gtzan=True) is None


@pytest.mark.parametrize(
    "name",
    [
        "track 01.mp3",
        "01.mp3",
        "row 12",
        "songs.csv#row 12",
        "Unknown Artist - Track 3.ogg",
        "audio/7.npy",
        "a.wav",
    ],
)
def test_names_that_anything_may_have_mean_nothing(name: str) -> None:
    assert named(name) is None


def test_a_spectrogram_is_known_by_its_values() -> None:
    mel = np.arange(12, dtype=np.uint8).reshape(3, 4)
    key = array_key(Example(id="a", array=mel, kind="spectrogram"))
    assert key == array_key(Example(id="b", array=mel.copy(), kind="spectrogram"))
    assert (
        key
        != array_key(Example(id="a", array=mel + 1, kind="spectrogram"))
        != array_key(Example(id="a", array=mel.T, kind="spectrogram"))
    )
    assert array_key(Example(id="a")) is None


@given(st.lists(st.floats(-1e30, 1e30), min_size=1, max_size=20))
def test_rows_agree_as_float64_as_float32_and_as_texts(values: list[float]) -> None:
    wide = np.array([values], np.float64)
    narrow = wide.astype(np.float32)
    texts = np.array([[float(repr(value)) for value in values]])
    short = np.array([[float(str(value)) for value in narrow[0]]])
    assert row_keys(wide) == row_keys(narrow) == row_keys(texts) == row_keys(short)


def test_rows_of_six_digits_agree() -> None:
    narrow = np.random.default_rng(0).normal(size=(50, 9)).astype(np.float32)
    texts = np.array([[float(f"{value:.6g}") for value in row] for row in narrow.tolist()])
    assert row_keys(texts) == row_keys(narrow)


def test_missing_values_agree_and_other_numbers_do_not() -> None:
    keys = row_keys(
        np.array([[np.nan, 0.0], [-np.nan, -0.0], [0, 0], [0, 1.00001], [0, 1.00002], [1.00001, 0]])
    )
    assert keys[0] == keys[1]
    assert len(set(keys)) == 5


@pytest.mark.parametrize("enabled", [True, False])
def test_a_file_without_a_key_is_prepared_all_the_same(
    songs: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, enabled: bool
) -> None:
    backend = registry.get("gtzan")
    cache = Cache(tmp_path, enabled=enabled)
    preparer = Preparer(backend, make_config(backend, {"window_s": 2}), cache)
    first = preparer.keyed(songs.examples[0])
    assert first.key is not None
    assert preparer.key(songs.examples[0]).key == first.key

    def refuse(*_: object) -> int:
        raise MediaError("no key")

    monkeypatch.setattr("genrekit.preparation.preparer.content_key", refuse)
    again = preparer.keyed(songs.examples[0])
    np.testing.assert_array_equal(again.values, first.values)
    assert again.key == (first.key if enabled else None)
    assert preparer.keyed(songs.examples[1]).key is None
