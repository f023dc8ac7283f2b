"""A synthetic song, and librosa's spectrogram of it, to hold the features against."""

from __future__ import annotations

from collections.abc import Callable

import librosa
import numpy as np
import numpy.typing as npt
import pytest
from support.beat_song import beat_song

Samples = npt.NDArray[np.float32]


@pytest.fixture(scope="session")
def make_song() -> Callable[..., Samples]:
    """Chords 20 cents off A = 440 Hz over a beat of 115 a minute, of so many seconds, by a seed."""
    return beat_song


@pytest.fixture(scope="session")
def song() -> Samples:
    """Ten seconds of it."""
    return beat_song(10)


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
