"""Keys of generated scales and cadences in all 24 keys, through the chroma of their sound."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from genrekit.analysis.key import MODES, estimate_key
from genrekit.errors import UsageError
from genrekit.features.chroma import chroma
from genrekit.features.spectral import stft

SR = 22050
TONICS = {
    "major": "C Db D Eb E F F# G Ab A Bb B".split(),
    "minor": "C C# D Eb E F F# G G# A Bb B".split(),
}
# as printed on the wheel
CAMELOT = {
    "major": "8B 3B 10B 5B 12B 7B 2B 9B 4B 11B 6B 1B".split(),
    "minor": "5A 12A 7A 2A 9A 4A 11A 6A 1A 8A 3A 10A".split(),
}
SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11, 12, 11, 9, 7, 5, 4, 2, 0),
    "minor": (0, 2, 3, 5, 7, 8, 11, 12, 10, 8, 7, 5, 3, 2, 0),  # melodic: the seventh is raised upwards
}
# I IV V I, the bass an octave below
CADENCES = {
    "major": ((-12, 0, 4, 7), (-7, 0, 5, 9), (-5, -1, 2, 7), (-12, 0, 4, 7)),
    "minor": ((-12, 0, 3, 7), (-7, 0, 5, 8), (-5, -1, 2, 7), (-12, 0, 3, 7)),
}
KEYS = [(tonic, mode) for mode in MODES for tonic in range(12)]


def tone(semitone: int, seconds: float, cents: float = 0) -> npt.NDArray[np.float64]:
    """Five harmonics that fade, so many semitones above middle C."""
    t = np.arange(round(seconds * SR)) / SR
    hz = 440 * 2 ** ((semitone - 9 + cents / 100) / 12)
    harmonics = sum(np.sin(2 * np.pi * hz * k * t) / k for k in range(1, 6))
    return harmonics * np.exp(-2 * t) * np.minimum(1, (seconds - t) / 0.02)


def scale(tonic: int, mode: str, cents: float = 0) -> npt.NDArray[np.float64]:
    return np.concatenate([tone(tonic + note, 0.3, cents) for note in SCALES[mode]])


def cadence(tonic: int, mode: str) -> npt.NDArray[np.float64]:
    return np.concatenate([sum(tone(tonic + note, 0.6) for note in chord) for chord in CADENCES[mode]])


def mean_chroma(y: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    return chroma(np.abs(stft(y.astype(np.float32))) ** 2, SR).mean(axis=0)


@pytest.mark.parametrize(("tonic", "mode"), KEYS)
@pytest.mark.parametrize("make", [scale, cadence])
def test_key_of_a_scale_and_of_a_cadence(make, tonic, mode) -> None:
    key = estimate_key(mean_chroma(make(tonic, mode)))
    assert (key.tonic, key.mode) == (TONICS[mode][tonic], mode)
    assert key.camelot == CAMELOT[mode][tonic]
    assert key.confidence > 0.3


@pytest.mark.parametrize("cents", [-40, 25])
def test_key_of_an_instrument_that_is_out_of_tune(cents) -> None:
    key = estimate_key(mean_chroma(scale(9, "minor", cents)))
    assert (key.tonic, key.mode, key.camelot) == ("A", "minor", "8A")


def test_confidence_orders_a_clear_key_above_a_muddy_one() -> None:
    clear = mean_chroma(cadence(0, "major"))
    muddy = clear + mean_chroma(cadence(7, "major"))
    confidence = [estimate_key(c).confidence for c in (clear, muddy)]
    assert 1 >= confidence[0] > 2 * confidence[1] >= 0


def test_a_tie_has_no_confidence() -> None:
    whole_tones = np.tile([1.0, 0.0], 6)
    assert estimate_key(whole_tones).confidence == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("level", [0, 1, 1e-3])
def test_equal_pitch_classes_have_no_key(level) -> None:
    assert estimate_key(np.full(12, level, np.float32)) is None


@given(
    arrays(np.float64, 12, elements=st.floats(0, 1, width=32)).filter(lambda c: np.ptp(c) > 0.05),
    st.integers(0, 11),
    st.floats(1e-3, 1e3),
)
def test_transposing_transposes_the_key(strength, semitones, gain) -> None:
    before = estimate_key(strength)
    after = estimate_key(gain * np.roll(strength, semitones))
    assert 0 <= before.confidence <= 1
    assert after.confidence == pytest.approx(before.confidence, abs=1e-6)
    if before.confidence > 1e-6:
        tonic = TONICS[before.mode].index(before.tonic)
        assert (after.tonic, after.mode) == (TONICS[before.mode][(tonic + semitones) % 12], before.mode)


@pytest.mark.parametrize("wrong", [np.ones(11), np.ones((12, 2)), [np.nan] * 12, [np.inf] + [0] * 11])
def test_what_is_no_mean_chroma_is_refused(wrong) -> None:
    with pytest.raises(UsageError, match="twelve finite numbers"):
        estimate_key(wrong)
