"""The timbre of a song: equal to librosa's coefficients, and whatever the level."""

import librosa
import numpy as np
import pytest

from genrekit.features import TIMBRE_SIZE, timbre

SR = 22050


@pytest.fixture(scope="module")
def sound():
    rng = np.random.default_rng(0)
    t = np.arange(3 * SR) / SR
    return (0.05 * np.sin(440 * t * (1 + t)) + 0.02 * rng.standard_normal(len(t))).astype(np.float32)


def test_equal_to_librosa(sound):
    level = sound * (0.1 / np.sqrt(np.mean(sound.astype(np.float64) ** 2)))
    expected = librosa.feature.mfcc(y=level.astype(np.float32), sr=SR, pad_mode="reflect")
    mean, variance = timbre(sound, SR)[:19], timbre(sound, SR)[19:]
    assert mean == pytest.approx(expected.mean(axis=1)[1:], rel=1e-3, abs=1e-2)
    assert variance == pytest.approx(expected.var(axis=1), rel=1e-3, abs=1e-2)


@pytest.mark.parametrize("gain", [1e-4, 0.1, 8.0])
def test_the_level_does_not_matter(sound, gain):
    assert timbre(sound * np.float32(gain), SR) == pytest.approx(timbre(sound, SR), abs=1e-2)


@pytest.mark.parametrize("n", [0, 1, 2, 500, 2048])
def test_silence_and_short_sounds(n):
    assert not timbre(np.zeros(n, np.float32), SR).any()
    found = timbre(np.ones(n, np.float32), SR)
    assert found.shape == (TIMBRE_SIZE,)
    assert np.isfinite(found).all()
