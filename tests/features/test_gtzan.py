"""The 57 features against the table they come from, and against plain librosa calls."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile as sf
from support import plain_librosa

from genrekit.errors import MediaError
from genrekit.features.gtzan import GTZAN_SR, gtzan_features
from genrekit.features.schema import GTZAN_COLUMNS


def assert_equal_features(
    actual: npt.NDArray[np.float64], expected: npt.NDArray[np.float64], where: str = ""
) -> None:
    off = ~np.isclose(actual, expected, rtol=1e-4, atol=1e-9)
    assert not off.any(), f"{where}: " + ", ".join(
        f"{GTZAN_COLUMNS[i]} is {actual[i]!r}, not {expected[i]!r}" for i in np.flatnonzero(off)
    )


@pytest.mark.parametrize("step", [8, pytest.param(1, marks=pytest.mark.night)])
def test_real_clips_equal_the_table(shared_data: Path, step: int) -> None:
    gtzan = shared_data / "gtzan"
    with (gtzan / "features_30_sec.csv").open(newline="") as file:
        rows = {row["filename"]: row for row in csv.DictReader(file)}
    clips = sorted((gtzan / "audio").glob("*/*.flac"))
    assert len(clips) >= 60
    for clip in clips[::step]:
        y, sr = sf.read(clip, dtype="float32")
        assert sr == GTZAN_SR
        row = rows[f"{clip.stem}.wav"]
        assert_equal_features(
            gtzan_features(y), np.array([float(row[name]) for name in GTZAN_COLUMNS]), clip.name
        )


@pytest.mark.parametrize("name", plain_librosa.stored())
def test_the_features_are_those_of_plain_librosa(name: str) -> None:
    assert_equal_features(gtzan_features(plain_librosa.signals()[name]), plain_librosa.stored()[name])


@pytest.mark.night  # librosa compiles for seconds
def test_plain_librosa_gives_what_is_stored() -> None:
    for name, y in plain_librosa.signals().items():
        assert_equal_features(plain_librosa.plain_librosa(y), plain_librosa.stored()[name], name)


def test_the_input_is_left_as_it_is(song) -> None:
    before = song.copy()
    gtzan_features(song)
    np.testing.assert_array_equal(song, before)


@pytest.mark.parametrize("scale", [1e-30, 1e-6, 1e4, 1e9])
def test_any_loudness_gives_finite_numbers(song, scale) -> None:
    features = gtzan_features(song * np.float32(scale))
    assert features.shape == (57,)
    assert features.dtype == np.float64
    assert np.isfinite(features).all()


def test_a_constant_signal_gives_finite_numbers() -> None:
    assert np.isfinite(gtzan_features(np.full(GTZAN_SR, 0.25, np.float32))).all()


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (np.zeros(0, np.float32), "too short"),
        (np.ones(1102, np.float32), "too short: 1102 samples at 22050 Hz"),
        (np.zeros(GTZAN_SR, np.float32), "silent"),
        (np.r_[np.ones(GTZAN_SR, np.float32), np.float32("nan")], "not finite"),
        (np.r_[np.ones(GTZAN_SR, np.float32), np.float32("inf")], "not finite"),
        (np.full(GTZAN_SR, 1e20, np.float32), "too loud"),
        (np.ones((2, GTZAN_SR), np.float32), "one channel"),
    ],
)
def test_bad_signals_are_refused(y, words) -> None:
    with pytest.raises(MediaError, match=words):
        gtzan_features(y)


def test_only_numpy_is_imported() -> None:
    code = "import sys, genrekit.features.gtzan; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "numpy" in loaded
    assert not {"librosa", "numba", "scipy", "sklearn", "pandas"} & set(loaded)
