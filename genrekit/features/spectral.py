"""The short-time Fourier transform and features derived from it, equal to librosa's, in pure NumPy.

Spectrograms are time-major here, shape (n_frames, n_bins): the transpose of librosa's. The bins of a frame are
contiguous in memory, in the order in which they are computed and used. librosa itself is not imported because
that takes longer than describing a song; the tests compare every function with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Spectrum = npt.NDArray[np.complex64]
T = TypeVar("T", np.float32, np.float64)
PadMode = Literal["reflect", "constant"]
MelScale = Literal["slaney", "htk"]

N_FFT = 2048
HOP_LENGTH = 512
_BLOCK_FRAMES = 64  # frames and spectra that fit into a core's cache: 2.5 times as fast as all at once


@lru_cache(maxsize=8)
def hann(n: int) -> Doubles:
    """Return a periodic Hann window [shape=(n,), range 0 to 1], as in ``scipy.signal.get_window``."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)


def median(values: npt.NDArray[T]) -> npt.NDArray[T]:
    """Return the median along the last axis, as ``numpy.median`` of finite values does.

    ``numpy.median`` imports ``numpy.ma`` to look for NaN, which takes longer than all medians of a song.

    Parameters
    ----------
    values : np.ndarray [shape=(..., n), dtype=float32 or float64]
        Finite; n is 1 or more.

    Returns
    -------
    np.ndarray [shape=(...), dtype of ``values``]
    """
    n = values.shape[-1]
    middle = [(n - 1) // 2, n // 2]
    low, high = np.moveaxis(np.partition(values, middle, axis=-1)[..., middle], -1, 0)
    middle_value: npt.NDArray[T] = low if n % 2 else np.mean([low, high], axis=0, dtype=values.dtype)
    return middle_value


def _blocks(n_frames: int) -> Iterator[slice]:
    """Yield slices that cover ``range(n_frames)`` in cache-sized pieces."""
    for start in range(0, n_frames, _BLOCK_FRAMES):
        yield slice(start, start + _BLOCK_FRAMES)


def stft(
    y: Floats,
    *,
    n_fft: int = N_FFT,
    hop_length: int = HOP_LENGTH,
    win_length: int | None = None,
    pad_mode: PadMode = "reflect",
) -> Spectrum:
    """Compute the short-time Fourier transform with a Hann window and centred frames.

    Parameters
    ----------
    y : np.ndarray [shape=(n,), dtype=float32]
        Mono samples, n >= 2.
    n_fft : int > 0
        Samples per frame, even.
    hop_length : int > 0
        Samples from one frame to the next.
    win_length : int > 0, optional
        Samples of the window, which is centred in a frame; ``n_fft`` by default.
    pad_mode : {'reflect', 'constant'}
        Values beyond the ends: the sound mirrored, or zeros.

    Returns
    -------
    np.ndarray [shape=(1 + n // hop_length, 1 + n_fft // 2), dtype=complex64]
        ``librosa.stft(y, pad_mode=pad_mode).T``.
    """
    padded = np.pad(y, n_fft // 2, mode=pad_mode)
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop_length]
    window = hann(n_fft)
    if win_length is not None and win_length != n_fft:
        before = (n_fft - win_length) // 2
        window = np.pad(hann(win_length), (before, n_fft - win_length - before))
    spectrum = np.empty((len(frames), 1 + n_fft // 2), np.complex64)
    for block in _blocks(len(frames)):
        spectrum[block] = np.fft.rfft(frames[block] * window)  # in double precision, as librosa does
    return spectrum


def _overlap_add(frames: npt.NDArray[np.floating], hop_length: int) -> Floats:
    """Add overlapping frames; ``hop_length`` divides their length."""
    n_frames, n_fft = frames.shape
    overlap = n_fft // hop_length
    parts = frames.reshape(n_frames, overlap, hop_length)
    added = np.zeros((n_frames + overlap - 1, hop_length), np.float32)
    for i in range(overlap):
        added[i : i + n_frames] += parts[:, i]
    return added.ravel()


def istft(spectrum: Spectrum, *, hop_length: int = HOP_LENGTH) -> Floats:
    """Compute the least-squares inverse of :func:`stft` (Griffin and Lim, 1984).

    Parameters
    ----------
    spectrum : np.ndarray [shape=(n_frames, 1 + n_fft // 2), dtype=complex64]
    hop_length : int > 0
        A divisor of ``n_fft``.

    Returns
    -------
    np.ndarray [shape=(hop_length * (n_frames - 1),), dtype=float32]
        ``librosa.istft(spectrum.T)``.
    """
    n_frames, n_bins = spectrum.shape
    n_fft = 2 * (n_bins - 1)
    window = hann(n_fft).astype(np.float32)
    frames = np.empty((n_frames, n_fft), np.float32)
    for block in _blocks(n_frames):
        np.multiply(np.fft.irfft(spectrum[block], n=n_fft), window, out=frames[block])
    inner = slice(n_fft // 2, n_fft // 2 + hop_length * (n_frames - 1))
    weight = _overlap_add(np.broadcast_to(window**2, frames.shape), hop_length)
    return _overlap_add(frames, hop_length)[inner] / weight[inner]


def _hz_to_mel(hz: npt.ArrayLike, scale: MelScale = "slaney") -> Doubles:
    """Convert to Slaney's mel scale (linear to 1 kHz, 15 mel, then 27 mel for a factor of 6.4) or to that of HTK."""
    hz = np.asarray(hz, np.float64)
    if scale == "htk":
        return np.asarray(2595 * np.log10(1 + hz / 700))
    return np.where(hz < 1000, hz * 3 / 200, 15 + 27 * np.log(np.maximum(hz, 1000) / 1000) / np.log(6.4))


def _mel_to_hz(mel: Doubles, scale: MelScale = "slaney") -> Doubles:
    if scale == "htk":
        return np.asarray(700 * (10 ** (mel / 2595) - 1))
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))


@lru_cache(maxsize=8)
def mel_filters(
    sr: int,
    n_fft: int = N_FFT,
    n_mels: int = 128,
    fmin: float = 0.0,
    fmax: float | None = None,
    scale: MelScale = "slaney",
    equal_area: bool = True,
) -> Floats:
    """Return triangular filters, evenly spaced on a mel scale.

    Parameters
    ----------
    sr : int > 0
        Sampling rate in Hz.
    n_fft : int > 0
    n_mels : int > 0
    fmin, fmax : float
        The lowest and the highest frequency in Hz; ``sr / 2`` by default.
    scale : {'slaney', 'htk'}
        The mel scale.
    equal_area : bool
        Filters of equal area; otherwise each has a peak of 1.

    Returns
    -------
    np.ndarray [shape=(n_mels, 1 + n_fft // 2), dtype=float32]
        ``librosa.filters.mel(sr=sr, n_fft=n_fft, n_mels=n_mels, fmin=fmin, fmax=fmax, htk=scale == "htk",
        norm="slaney" if equal_area else None)``.

    References
    ----------
    Slaney, "Auditory Toolbox: version 2", Interval Research technical report 1998-010.
    """
    ends = _hz_to_mel([fmin, sr / 2 if fmax is None else fmax], scale)
    edges_hz = _mel_to_hz(np.linspace(ends[0], ends[1], n_mels + 2), scale)
    left, centre, right = edges_hz[:-2, None], edges_hz[1:-1, None], edges_hz[2:, None]
    hz = np.fft.rfftfreq(n_fft, 1 / sr)
    triangles = np.minimum((hz - left) / (centre - left), (right - hz) / (right - centre))
    return (np.maximum(triangles, 0) * (2 / (right - left) if equal_area else 1.0)).astype(np.float32)


def power_to_db(power: Floats, *, top_db: float = 80.0) -> Floats:
    """Convert power to dB re 1, floored at -100 dB and at ``top_db`` below the loudest value.

    Parameters
    ----------
    power : np.ndarray [dtype=float32]
        Power, >= 0, of any shape.
    top_db : float > 0

    Returns
    -------
    np.ndarray [dtype=float32]
        Levels in dB, of the same shape.
    """
    db = 10 * np.log10(np.maximum(power, np.float32(1e-10)))
    floored: Floats = np.maximum(db, db.max() - np.float32(top_db))
    return floored


@lru_cache(maxsize=8)
def _dct(n_coefficients: int, n: int) -> Doubles:
    """Return the orthonormal type-II discrete cosine transform as a matrix [shape=(n, n_coefficients)]."""
    angles = np.pi / n * np.outer(np.arange(n) + 0.5, np.arange(n_coefficients))
    matrix: Doubles = np.sqrt(2 / n) * np.cos(angles)
    matrix[:, 0] /= np.sqrt(2)
    return matrix


def mfcc(mel_db: Floats, n_mfcc: int = 20) -> Doubles:
    """Compute the mel-frequency cepstral coefficients of a mel spectrogram in dB.

    Parameters
    ----------
    mel_db : np.ndarray [shape=(n_frames, n_mels)]
    n_mfcc : int > 0

    Returns
    -------
    np.ndarray [shape=(n_frames, n_mfcc), dtype=float64]
    """
    return mel_db @ _dct(n_mfcc, mel_db.shape[1])


def centroid_and_bandwidth(magnitude: Floats, sr: int) -> tuple[Doubles, Doubles]:
    """Return mean and standard deviation of every frame's spectrum, taken as a distribution over frequency.

    Parameters
    ----------
    magnitude : np.ndarray [shape=(n_frames, n_bins), dtype=float32]
    sr : int > 0
        Sampling rate in Hz.

    Returns
    -------
    centroid, bandwidth : np.ndarray [shape=(n_frames,), dtype=float64]
        In Hz; 0 for silent frames.
    """
    hz = np.linspace(0, sr / 2, magnitude.shape[1])
    moments = np.empty((len(magnitude), 3))
    powers_of_hz = np.stack([np.ones_like(hz), hz, hz**2], axis=1)
    for block in _blocks(len(magnitude)):
        np.matmul(magnitude[block], powers_of_hz, out=moments[block])
    total, first, second = moments.T
    total = np.where(total > 0, total, 1)
    centroid = first / total
    return centroid, np.sqrt(np.maximum(second / total - centroid**2, 0))


def rolloff(magnitude: Floats, sr: int) -> Doubles:
    """Return the frequency below which 85 % of a frame's magnitude lies, in Hz [shape=(n_frames,)].

    Parameters
    ----------
    magnitude : np.ndarray [shape=(n_frames, n_bins), dtype=float32]
    sr : int > 0
        Sampling rate in Hz.

    Returns
    -------
    np.ndarray [shape=(n_frames,), dtype=float64]
        In Hz.
    """
    n_frames, n_bins = magnitude.shape
    below = np.empty(n_frames, np.intp)
    for block in _blocks(n_frames):
        cumulated = np.cumsum(magnitude[block], axis=1)
        below[block] = np.count_nonzero(cumulated < np.float32(0.85) * cumulated[:, -1:], axis=1)
    hz: Doubles = below * (sr / 2 / (n_bins - 1))
    return hz


def rms(y: Floats) -> Doubles:
    """Return the root mean square of every centred frame, ends reflected [shape=(1 + n // HOP_LENGTH,)]."""
    padded = np.pad(y, N_FFT // 2, mode="reflect").astype(np.float64)
    cumulated = np.concatenate(([0.0], np.cumsum(padded * padded)))
    energy = cumulated[N_FFT::HOP_LENGTH] - cumulated[:-N_FFT:HOP_LENGTH]
    root: Doubles = np.sqrt(np.maximum(energy, 0) / N_FFT)
    return root


def zero_crossing_rate(y: Floats) -> Doubles:
    """Return the share of samples at which the sign changes, in every centred frame [shape=(1 + n // HOP_LENGTH,)].

    Samples within 1e-10 of zero count as positive, and the first sample of a frame never counts: librosa's conventions.
    """
    negative = np.pad(y < -1e-10, N_FFT // 2, mode="edge")
    cumulated = np.concatenate(([0], np.cumsum(negative[1:] != negative[:-1])))
    return (cumulated[N_FFT - 1 :: HOP_LENGTH] - cumulated[: 1 - N_FFT : HOP_LENGTH]) / N_FFT
