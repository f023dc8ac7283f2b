"""Chroma: strength of each of the twelve pitch classes, relative to the estimated tuning of the recording.

References
----------
Ellis, "Chroma feature analysis and synthesis", 2007, https://www.ee.columbia.edu/~dpwe/resources/matlab/chroma-ansyn/
"""

from __future__ import annotations

import numpy as np

from genrekit.features.spectral import Floats, median

N_CHROMA = 12
_A0_HZ = 27.5


def estimate_tuning(power: Floats, sr: int) -> float:
    """Estimate the deviation of a recording from A = 440 Hz.

    Peaks of every frame between 150 Hz and 4 kHz are refined by a parabola; the most common deviation of the
    stronger half from the tempered scale is returned.

    Parameters
    ----------
    power : np.ndarray [shape=(n_frames, n_bins), dtype=float32]
        Power spectrogram.
    sr : int > 0
        Sampling rate in Hz.

    Returns
    -------
    float
        In semitones, -0.5 to 0.5 in steps of 0.01; 0 if there are no peaks. Equals
        ``librosa.estimate_tuning(S=power.T)``: single precision where librosa uses it, because the histogram turns
        a rounding difference into a step.
    """
    n_bins = power.shape[1]
    bin_hz = sr / 2 / (n_bins - 1)
    low, high = int(np.ceil(150 / bin_hz)), int(np.ceil(min(4000, sr / 2) / bin_hz))
    band = power[:, low - 1 : high + 1]
    centre = band[:, 1:-1]
    is_peak = (centre > np.float32(0.1) * power.max(axis=1, keepdims=True)) & (centre > band[:, :-2])
    is_peak &= centre >= band[:, 2:]
    frame, index = np.nonzero(is_peak)
    if not len(frame):
        return 0.0
    here, left, right = band[frame, index + 1], band[frame, index], band[frame, index + 2]
    slope = (right - left) / 2
    curvature = (left + right).astype(np.float64) - 2 * here.astype(np.float64)
    inside = np.abs(slope) < np.abs(curvature)
    shift = np.where(inside, -slope / np.where(inside, curvature, 1), 0).astype(np.float32)
    pitch_hz = ((index + low + shift) * float(sr) / (2 * (n_bins - 1))).astype(np.float32)
    strength = here + np.float32(0.5) * slope * shift
    pitch_hz = pitch_hz[strength >= median(strength)]
    deviation = np.mod(N_CHROMA * np.log2(pitch_hz / np.float32(_A0_HZ)), np.float32(1))
    deviation[deviation >= 0.5] -= 1
    counts, edges = np.histogram(deviation, np.linspace(-0.5, 0.5, 101))
    return float(edges[np.argmax(counts)])


def chroma_filters(sr: int, n_fft: int, tuning: float) -> Floats:
    """Return Gaussian weights of FFT bins for each pitch class, C first, strongest around octave 5.

    Parameters
    ----------
    sr : int > 0
    n_fft : int > 0
    tuning : float
        Deviation from A = 440 Hz in semitones.

    Returns
    -------
    np.ndarray [shape=(12, 1 + n_fft // 2), dtype=float32]
        ``librosa.filters.chroma(sr=sr, n_fft=n_fft, tuning=tuning)``.
    """
    n_bins = 1 + n_fft // 2
    hz = np.arange(1, n_bins + 1) * (sr / n_fft)
    semitone = N_CHROMA * np.log2(hz / (_A0_HZ * 2 ** (tuning / N_CHROMA)))
    semitone = np.concatenate(([semitone[0] - 1.5 * N_CHROMA], semitone))  # a substitute for 0 Hz
    width = np.maximum(np.diff(semitone), 1)
    semitone = semitone[:-1]
    half = N_CHROMA / 2
    distance = np.mod(semitone - np.arange(N_CHROMA)[:, None] + half, N_CHROMA) - half
    weights = np.exp(-0.5 * (2 * distance / width) ** 2)
    weights /= np.linalg.norm(weights, axis=0)
    weights *= np.exp(-0.5 * ((semitone / N_CHROMA - 5) / 2) ** 2)
    filters: Floats = np.roll(weights, -3, axis=0).astype(np.float32)
    return filters


def chroma(power: Floats, sr: int) -> Floats:
    """Return the strength of each pitch class in every frame, scaled to a maximum of 1.

    Parameters
    ----------
    power : np.ndarray [shape=(n_frames, 1 + n_fft // 2), dtype=float32]
        Power spectrogram.
    sr : int > 0
        Sampling rate in Hz.

    Returns
    -------
    np.ndarray [shape=(n_frames, 12), dtype=float32]
        In [0, 1]; all zeros for silent frames. ``librosa.feature.chroma_stft(S=power.T, sr=sr).T``.
    """
    filters = chroma_filters(sr, 2 * (power.shape[1] - 1), estimate_tuning(power, sr))
    raw: Floats = power @ filters.T
    loudest = raw.max(axis=1, keepdims=True)
    loudest[loudest < np.finfo(np.float32).tiny] = 1
    raw /= loudest
    return raw
