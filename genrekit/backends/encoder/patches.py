"""Patches of a window of sound, as an encoder takes them."""

from __future__ import annotations

import numpy as np

from genrekit.backends.encoder.facts import Hearing
from genrekit.features import scaled_mel
from genrekit.media import is_silent

_OF_MEL = (
    "n_fft", "win_length", "hop_length", "n_mels", "fmin", "fmax", "mel_scale", "equal_area", "power", "log", "gain",
    "offset", "pad_mode",
)  # fmt: skip

# Places a patch length among which patches are chosen.
_FINENESS = 4


def patches_of(y: np.ndarray, hears: Hearing, n_patches: int) -> np.ndarray:
    """Cut patches that are evenly spread over what sounds of a window.

    Parameters
    ----------
    y : np.ndarray [shape=(n,), dtype=float32]
        Mono samples at ``hears.sr``, at least 2; what is shorter than a patch is repeated.
    hears : Hearing
    n_patches : int > 0

    Returns
    -------
    np.ndarray [shape=(n_patches, *hears.patch_shape), dtype=float32]
    """
    needed = hears.patch if hears.input == "samples" else hears.patch * hears.hop_length
    if len(y) < needed:
        y = np.tile(y, -(-needed // len(y)))[:needed]
    if hears.input == "samples":
        long = y
    else:
        long = scaled_mel(y, hears.sr, **{key: getattr(hears, key) for key in _OF_MEL})
    starts = np.linspace(0, len(long) - hears.patch, max(n_patches, _FINENESS * len(long) // hears.patch))
    starts = starts.round().astype(int)
    sounding = [s for s in starts if not is_silent(y[s * hears.hop : (s + hears.patch) * hears.hop])]
    at = np.linspace(0, len(sounding or starts) - 1, n_patches).round().astype(int)
    starts = np.asarray(sounding or starts)[at]
    return np.stack([long[start : start + hears.patch] for start in starts]).astype(np.float32)
