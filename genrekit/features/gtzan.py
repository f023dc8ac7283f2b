"""The 57 numbers of the well-known GTZAN table, computed to match it.

The table was made with a librosa older than 0.9, which reflected the ends of a signal where current versions pad
zeros. ``harmony`` and ``perceptr`` are statistics of the two time signals that a harmonic-percussive separation
returns.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from genrekit.errors import MediaError
from genrekit.features.chroma import chroma
from genrekit.features.hpss import hpss
from genrekit.features.spectral import (
    N_FFT,
    centroid_and_bandwidth,
    mel_filters,
    mfcc,
    power_to_db,
    rms,
    rolloff,
    stft,
    zero_crossing_rate,
)
from genrekit.features.tempo import onset_strength, tempo

GTZAN_SR = 22050
VERSION = "1"
_MAX_PEAK = 1e10  # the power spectrogram of anything louder could overflow single precision


def gtzan_features(y: npt.NDArray[np.float32], sr: int = GTZAN_SR) -> npt.NDArray[np.float64]:
    """Compute the 57 features of Kaggle's GTZAN table.

    Parameters
    ----------
    y : np.ndarray [shape=(n,), dtype=float32]
        Mono samples, n >= 2048, usually in [-1, 1].
    sr : int > 0
        Sampling rate in Hz; the table's is 22,050.

    Returns
    -------
    np.ndarray [shape=(57,), dtype=float64]
        In the order of ``genrekit.features.schema.GTZAN_COLUMNS``: mean and variance over all frames (and
        pitch classes) of each descriptor, and the tempo in beats per minute.

    Raises
    ------
    MediaError
        If the signal is too short, silent, or has samples that are not finite or beyond 1e10.
    """
    y = np.ascontiguousarray(y, np.float32)
    if y.ndim != 1:
        raise MediaError(f"The signal has shape {y.shape}; one channel is needed.")
    if len(y) < N_FFT:
        raise MediaError(
            f"The audio is too short: {len(y)} samples at {sr} Hz ({len(y) / sr:.3f} s); at least {N_FFT} "
            f"({N_FFT / sr:.3f} s) are needed.",
        )
    if not np.isfinite(y).all():
        raise MediaError("The audio has samples that are not finite numbers (NaN or infinity).")
    peak = float(np.abs(y).max())
    if peak > _MAX_PEAK:
        raise MediaError(f"The audio is too loud to describe: its samples reach {peak:.3g}; 1 is usual.")
    if peak == 0:
        raise MediaError("The audio is silent: every sample is zero.")

    spectrum = stft(y)
    magnitude = np.abs(spectrum)
    power = magnitude * magnitude
    mel_db = power_to_db(power @ mel_filters(sr).T)
    harmonic, percussive = hpss(y, spectrum, magnitude)
    descriptors = (
        chroma(power, sr),
        rms(y),
        *centroid_and_bandwidth(magnitude, sr),
        rolloff(magnitude, sr),
        zero_crossing_rate(y),
        harmonic,
        percussive,
    )
    coefficients = mfcc(mel_db)
    return np.concatenate(
        [
            [statistic for x in descriptors for statistic in _mean_and_variance(x)],
            [tempo(onset_strength(mel_db), sr)],
            np.stack([coefficients.mean(axis=0), coefficients.var(axis=0)], axis=1).ravel(),
        ]
    )


def _mean_and_variance(x: npt.NDArray[np.floating]) -> tuple[float, float]:
    values = x.astype(np.float64).ravel()
    mean = float(values.mean())
    values -= mean
    return mean, float(values @ values) / values.size
