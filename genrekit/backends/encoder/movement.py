"""Movement of a sound: a measure that separates music and speech from noise, tones, clicks and constants before anything is learnt.

The movement of a band is the standard deviation over time of its level in stretches of a quarter of a second, less the
mean of all bands, which a mere change of loudness does not touch. It is averaged over the bands, in dB. Measured on
docs/encoder.md's recordings: songs 2.1 to 8, noises and steady tones 0 to 1.3.
"""

from __future__ import annotations

import numpy as np

from genrekit.backends.encoder.facts import Hearing

STRETCH_S = 0.272
LEAST_DB = 1.5


def decibels(hears: Hearing) -> float:
    """Return the number of dB per step of 1 in a patch; 0 where patches are not logarithms of a spectrogram."""
    if hears.input != "mel" or hears.log == "none":
        return 0.0
    per_step = {"log10": 10.0, "db": 1.0, "ln": 10 / np.log(10)}[hears.log]
    return float(per_step * 2 / hears.power)


def stretch(hears: Hearing) -> int:
    """Return the frames of a stretch; at least one, at most half a patch."""
    return max(1, min(round(STRETCH_S * hears.sr / hears.hop_length), hears.patch // 2))


def movement(window: np.ndarray, hears: Hearing) -> float:
    """Measure the movement of the patches of a window.

    Parameters
    ----------
    window : np.ndarray [shape=(n_patches, frames, mels)]
    hears : Hearing
        Of a mel spectrogram.

    Returns
    -------
    float
        In dB, at least 0.
    """
    length = stretch(hears)
    whole = window[:, : hears.patch // length * length].astype(np.float64)
    levels = whole.reshape(-1, length, hears.n_mels).mean(axis=1)
    levels = levels - levels.mean(axis=1, keepdims=True)
    return float(levels.std(axis=0).mean() * decibels(hears))
