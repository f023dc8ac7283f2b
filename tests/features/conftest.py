"""A synthetic song, and librosa's spectrogram of it, to hold the features against."""

from __future__ import annotations

from collections.abc import Callable

import librosa
import numpy as np
import numpy.typing as npt
import pytest

SR = 22050
Samples = npt.NDArray[np.float32]


def _song(seconds: float, seed: int = 0) -> Samples:
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * SR)) / SR
    y = 0.002 * rng.standard_normal(len(t))
    for i, start in enumerate(np.arange(0, seconds, 60 / 115)):
        after = t[t >= start] - start
        place = slice(len(t) - len(after), None)
        y[place] += 0.4 * rng.standard_normal(len(after)) * np.exp(-after * 40)
        for note in rng.choice([0, 3, 5, 7, 10, 12, 15], 3) + (i // 4 % 3):
            hz = 220 * 2 ** ((note + 0.2) / 12)
            for harmonic in range(1, 6):
                y[place] += 0.1 / harmonic * np.sin(2 * np.pi * hz * harmonic * after) * np.exp(-after * 4)
    return y.astype(np.float32)


@pytest.fixture(scope="session")
def make_song() -> Callable[..., Samples]:
    """Chords 20 cents off A = 440 Hz over a beat of 115 a minute, of so many seconds, by a seed."""
    return _song


@pytest.fixture(scope="session")
def song() -> Samples:
    """Ten seconds of it."""
    return _song(10)


@pytest.fixture(scope="session")
def spectrum(song: Samples) -> npt.NDArray[np.complex64]:
    """``librosa.stft``, time-major."""
    return np.ascontiguousarray(librosa.stft(song, pad_mode="reflect").T)


@pytest.fixture(scope="session")
def magnitude(spectrum: npt.NDArray[np.complex64]) -> Samples:
    return np.abs(spectrum)


@pytest.fixture(scope="session")
def power(magnitude: Samples) -> Samples:
    return magnitude**2
