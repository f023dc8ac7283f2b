"""Tempo: the period at which the onsets of a song repeat, weighted by how common a tempo is.

References
----------
Ellis, "Beat tracking by dynamic programming", Journal of New Music Research 36(1), 2007.
"""

from __future__ import annotations

import numpy as np

from genrekit.features.spectral import HOP_LENGTH, N_FFT, Doubles, Floats, hann, median

_WINDOW_S = 8.0
_START_BPM = 120.0
_MAX_BPM = 320.0
_BLOCK_FRAMES = 256


def onset_strength(mel_db: Floats) -> Floats:
    """Compute the median rise of a mel spectrogram from frame to frame.

    Parameters
    ----------
    mel_db : np.ndarray [shape=(n_frames, n_mels), dtype=float32]
        In dB, frames centred, ``N_FFT`` long and ``HOP_LENGTH`` apart.

    Returns
    -------
    np.ndarray [shape=(n_frames,), dtype=float32]
        In dB, delayed by half a frame. ``librosa.onset.onset_strength(S=mel_db.T, aggregate=np.median)``.
    """
    rise = median(np.maximum(np.diff(mel_db, axis=0), 0))
    delay = 1 + N_FFT // (2 * HOP_LENGTH)
    return np.concatenate([np.zeros(delay, np.float32), rise])[: len(mel_db)]


def _mean_autocorrelation(onsets: Floats, n_lags: int) -> Doubles:
    """Return the autocorrelation in Hann windows of ``n_lags`` frames around every frame, averaged.

    Each is scaled to 1 at lag 0 first. The inverse transform is linear, so it is taken once, of the averaged
    power spectrum.
    """
    half = n_lags // 2
    padded = np.pad(onsets.astype(np.float64), half, mode="linear_ramp")
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_lags)[: len(onsets)]
    window = hann(n_lags)
    n_fft = 1 << (2 * n_lags - 1).bit_length()
    total = np.zeros(1 + n_fft // 2)
    for start in range(0, len(frames), _BLOCK_FRAMES):
        block = frames[start : start + _BLOCK_FRAMES] * window
        energy = np.einsum("ij,ij->i", block, block)
        spectrum = np.fft.rfft(block, n_fft)
        power = spectrum.real**2 + spectrum.imag**2
        total += (1 / np.where(energy > 0, energy, 1)) @ power
    return np.fft.irfft(total, n_fft)[:n_lags] / len(frames)


def tempo(onsets: Floats, sr: int) -> float:
    """Estimate one tempo for a whole song.

    Parameters
    ----------
    onsets : np.ndarray [shape=(n_frames,), dtype=float32]
        Onset strength, frames ``HOP_LENGTH`` apart.
    sr : int > 0
        Sampling rate of the signal in Hz.

    Returns
    -------
    float
        Beats per minute, below 320; 0 without onsets. The tempo of ``librosa.beat.beat_track`` and of
        ``librosa.feature.tempo``.
    """
    if not onsets.any():
        return 0.0
    n_lags = int(_WINDOW_S * sr) // HOP_LENGTH
    bpm = 60 * sr / (HOP_LENGTH * np.arange(1, n_lags))
    log_prior = -0.5 * np.log2(bpm / _START_BPM) ** 2
    log_prior[bpm >= _MAX_BPM] = -np.inf
    correlation = np.maximum(_mean_autocorrelation(onsets, n_lags)[1:], 0)
    return float(bpm[np.argmax(np.log1p(1e6 * correlation) + log_prior)])
