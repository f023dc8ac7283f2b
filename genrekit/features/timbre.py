"""The timbre of a song in 39 numbers: mean and variance of its mel-frequency cepstral coefficients.

The descriptors of G. Tzanetakis and P. Cook, *Musical Genre Classification of Audio Signals*, IEEE Transactions on Speech and
Audio Processing 10(5), 2002, and of B. Logan, *Mel Frequency Cepstral Coefficients for Music Modeling*, ISMIR 2000, without
the mean of the first coefficient, which is the level.
"""

from __future__ import annotations

import numpy as np

from genrekit.features.spectral import N_FFT, Doubles, Floats, mel_filters, mfcc, power_to_db, stft

N_MFCC = 20
TIMBRE_SIZE = 2 * N_MFCC - 1
TIMBRE_VERSION = 1
_RMS = 0.1


def timbre(y: Floats, sr: int) -> Doubles:
    """Describe the timbre of a signal; its level does not matter.

    Parameters
    ----------
    y : np.ndarray [shape=(n,)]
        Mono samples.
    sr : int > 0
        Sampling rate in Hz.

    Returns
    -------
    np.ndarray [shape=(39,), dtype=float64]
        Means of the coefficients 2 to 20, then variances of the coefficients 1 to 20, over all frames. Zeros for silence.
    """
    rms = float(np.sqrt(np.mean(np.square(y, dtype=np.float64)))) if len(y) else 0.0
    if not rms > 0:
        return np.zeros(TIMBRE_SIZE)
    level = (y * (_RMS / rms)).astype(np.float32)
    spectrum = stft(np.pad(level, (0, max(0, N_FFT - len(level)))))
    power = np.square(np.abs(spectrum))
    coefficients = mfcc(power_to_db(power @ mel_filters(sr).T), N_MFCC)
    return np.concatenate([coefficients.mean(axis=0)[1:], coefficients.var(axis=0)])
