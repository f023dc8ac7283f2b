from __future__ import annotations

import librosa
import numpy as np
import pytest

from genrekit.features import chroma

SR = 22050


@pytest.mark.parametrize("cents", [-45, -20, 0, 13, 30, 49])
def test_tuning_is_librosas(cents) -> None:
    t = np.arange(3 * SR) / SR
    y = sum(np.sin(2 * np.pi * 110 * 2 ** (note / 12 + cents / 1200) * t) for note in (12, 19, 28, 36))
    y = y.astype(np.float32) + 0.01 * np.random.default_rng(0).standard_normal(len(t)).astype(np.float32)
    power = np.abs(librosa.stft(y)) ** 2
    assert chroma.estimate_tuning(power.T, SR) == librosa.estimate_tuning(S=power, sr=SR)


def test_tuning_of_a_song_is_librosas(power) -> None:
    assert chroma.estimate_tuning(power, SR) == librosa.estimate_tuning(S=power.T, sr=SR) != 0


def test_tuning_without_peaks_is_zero() -> None:
    assert chroma.estimate_tuning(np.zeros((5, 1025), np.float32), SR) == 0


@pytest.mark.parametrize(
    ("sr", "n_fft", "tuning"), [(22050, 2048, 0.0), (22050, 2048, -0.37), (44100, 4096, 0.21)]
)
def test_filters_are_librosas(sr, n_fft, tuning) -> None:
    expected = librosa.filters.chroma(sr=sr, n_fft=n_fft, tuning=tuning)
    np.testing.assert_allclose(chroma.chroma_filters(sr, n_fft, tuning), expected, rtol=1e-5, atol=1e-9)


def test_chroma_is_librosas(power) -> None:
    quiet = power.copy()
    quiet[:20] = 0
    expected = librosa.feature.chroma_stft(S=quiet.T, sr=SR).T
    np.testing.assert_allclose(chroma.chroma(quiet, SR), expected, atol=1e-5)
