"""Altered copies of a song: shifted in pitch and stretched in time, by the phase vocoder of librosa."""

from __future__ import annotations

import zlib

import librosa
import numpy as np

MAX_S = 120
MAX_STEPS = 2.0  # semitones, up or down
MAX_RATE = 1.15  # of the tempo, faster or slower


def altered(y: np.ndarray, sr: int, number: int) -> np.ndarray:
    """Return a copy of a song; the same song and number give the same copy.

    Parameters
    ----------
    y : np.ndarray [shape=(n,), dtype=float32]
    sr : int
        In Hz.
    number : int >= 1
        Number of the copy: the shift, up to two semitones, and the tempo, 1 / 1.15 to 1.15 of that of the song, are drawn
        from it and from the samples.

    Returns
    -------
    np.ndarray [shape=(m,), dtype=float32]
        Of a song of more than two minutes, those in its middle.
    """
    most = MAX_S * sr
    start = max(0, (len(y) - most) // 2)
    y = np.ascontiguousarray(y[start : start + most], dtype=np.float32)
    rng = np.random.default_rng([number, zlib.crc32(y.tobytes())])
    steps = rng.uniform(-MAX_STEPS, MAX_STEPS)
    rate = MAX_RATE ** rng.uniform(-1, 1)
    if len(y) < 2048:  # shorter than a frame of the vocoder
        return y
    shifted = librosa.effects.pitch_shift(y, sr=sr, n_steps=steps)
    return np.asarray(librosa.effects.time_stretch(shifted, rate=rate), dtype=np.float32)
