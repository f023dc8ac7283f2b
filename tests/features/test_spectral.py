"""Every function against librosa's, which is also its specification."""

from __future__ import annotations

import librosa
import numpy as np
import pytest

from genrekit.features import spectral

SR = 22050


@pytest.mark.parametrize(
    ("n_fft", "hop_length", "n"),
    [(2048, 512, 220500), (1024, 256, 12345), (512, 160, 512), (2048, 512, 2048)],
)
def test_stft(song, n_fft, hop_length, n) -> None:
    expected = librosa.stft(song[:n], n_fft=n_fft, hop_length=hop_length, pad_mode="reflect").T
    actual = spectral.stft(song[:n], n_fft=n_fft, hop_length=hop_length)
    assert actual.dtype == np.complex64
    np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-7 * np.abs(expected).max())


def test_istft(spectrum, song) -> None:
    expected = librosa.istft(spectrum.T)
    actual = spectral.istft(spectrum)
    assert actual.dtype == np.float32
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, atol=1e-6)
    np.testing.assert_allclose(actual, song[: len(actual)], atol=1e-6)


@pytest.mark.parametrize(
    ("sr", "n_fft", "n_mels"), [(22050, 2048, 128), (16000, 1024, 64), (44100, 4096, 40)]
)
def test_mel_filters(sr, n_fft, n_mels) -> None:
    expected = librosa.filters.mel(sr=sr, n_fft=n_fft, n_mels=n_mels)
    np.testing.assert_allclose(spectral.mel_filters(sr, n_fft, n_mels), expected, rtol=2e-5, atol=1e-9)


@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e6])
def test_power_to_db(power, scale) -> None:
    scaled = power * np.float32(scale)
    np.testing.assert_allclose(spectral.power_to_db(scaled), librosa.power_to_db(scaled), atol=1e-4)


def test_mfcc(power) -> None:
    mel_db = spectral.power_to_db(power @ spectral.mel_filters(SR).T)
    expected = librosa.feature.mfcc(S=mel_db.T, n_mfcc=20).T
    np.testing.assert_allclose(spectral.mfcc(mel_db), expected, rtol=1e-4, atol=1e-3)


def test_centroid_and_bandwidth(magnitude) -> None:
    centroid, bandwidth = spectral.centroid_and_bandwidth(magnitude, SR)
    np.testing.assert_allclose(
        centroid, librosa.feature.spectral_centroid(S=magnitude.T, sr=SR)[0], rtol=1e-6
    )
    np.testing.assert_allclose(
        bandwidth, librosa.feature.spectral_bandwidth(S=magnitude.T, sr=SR)[0], rtol=1e-6
    )


def test_a_silent_frame_has_its_centroid_at_zero() -> None:
    centroid, bandwidth = spectral.centroid_and_bandwidth(np.zeros((3, 1025), np.float32), SR)
    np.testing.assert_array_equal(centroid, 0)
    np.testing.assert_array_equal(bandwidth, 0)


def test_rolloff(magnitude) -> None:
    np.testing.assert_allclose(
        spectral.rolloff(magnitude, SR), librosa.feature.spectral_rolloff(S=magnitude.T, sr=SR)[0], atol=1e-6
    )


@pytest.mark.parametrize("n", [2048, 2559, 2560, 100_000])
def test_rms(song, n) -> None:
    expected = librosa.feature.rms(y=song[:n], pad_mode="reflect")[0]
    np.testing.assert_allclose(spectral.rms(song[:n]), expected, rtol=1e-5)


@pytest.mark.parametrize("n", [2048, 2559, 2560, 100_000])
def test_zero_crossing_rate(song, n) -> None:
    y = song[:n].copy()
    y[500:700] = 0
    y[700:900] = [-1e-11, 1e-11] * 100
    y[900:1000] = -0.0
    np.testing.assert_array_equal(spectral.zero_crossing_rate(y), librosa.feature.zero_crossing_rate(y)[0])


@pytest.mark.parametrize("shape", [(1,), (7,), (8,), (50, 127), (3, 4, 128)])
def test_median(shape) -> None:
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    actual = spectral.median(values)
    assert actual.dtype == np.float32
    np.testing.assert_array_equal(actual, np.median(values, axis=-1))
