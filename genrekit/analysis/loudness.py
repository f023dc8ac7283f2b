"""Integrated loudness: perceived loudness of a programme in LUFS, over its passages that are not quiet.

The K-weighting filters are pyloudnorm's; its meter needs the whole song in memory, in double precision and three
times over, so blocks are filtered and gated here.

References
----------
ITU-R BS.1770-4, "Algorithms to measure audio programme loudness and true-peak audio level", 2015,
https://www.itu.int/rec/R-REC-BS.1770
De Man, "Evaluation of implementations of the EBU R128 loudness measurement", AES 145th Convention, 2018: the
filters of the standard, defined at 48 kHz, for any sampling rate.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyloudnorm
from scipy.signal import sosfilt

from genrekit.errors import MediaError

MIN_DURATION_S = 0.4  # one gating block
MIN_SR = 8000  # the shelf filter at 1.7 kHz must be below half the rate
_STEPS_A_BLOCK = 4
_STEPS_A_SECOND = 10
_ABSOLUTE_GATE_LUFS = -70.0
_RELATIVE_GATE_LU = -10.0
_OFFSET_LU = -0.691  # so that a full-scale 997 Hz sine in one front channel has -3.01 LUFS
_INAUDIBLE = 1e-30  # filters that ring in silence would reach denormal numbers, which are slow
_SURROUND = 1.41
# weights in the order of wav, flac and FFmpeg: L R C LFE, then back before side; the LFE does not count
_WEIGHTS = {
    1: (1.0,),
    2: (1.0, 1.0),
    3: (1.0, 1.0, 1.0),
    4: (1.0, 1.0, _SURROUND, _SURROUND),
    5: (1.0, 1.0, 1.0, _SURROUND, _SURROUND),
    6: (1.0, 1.0, 1.0, 0.0, _SURROUND, _SURROUND),
    7: (1.0, 1.0, 1.0, 0.0, 1.0, _SURROUND, _SURROUND),
    8: (1.0, 1.0, 1.0, 0.0, 1.0, 1.0, _SURROUND, _SURROUND),
}


def k_weighting(sr: int) -> npt.NDArray[np.float64]:
    """Return the two filters before the measurement, a high shelf and a high-pass, as second-order sections.

    Parameters
    ----------
    sr : int >= 8000
        Sampling rate in Hz.

    Returns
    -------
    np.ndarray [shape=(2, 6), dtype=float64]
        For ``scipy.signal.sosfilt``. At 48 kHz the coefficients of the standard's tables 1 and 2.
    """
    shelf = pyloudnorm.IIRfilter(
        3.99984385397, 0.7071752369554193, 1681.9744509555319, sr, "high_shelf_DeMan"
    )
    high_pass = pyloudnorm.IIRfilter(0.0, 0.5003270373253953, 38.13547087613982, sr, "high_pass_DeMan")
    return np.array([[*shelf.b, *shelf.a], [*high_pass.b, *high_pass.a]])


def integrated_loudness(blocks: Iterable[npt.NDArray[np.float32]], sr: int) -> float | None:
    """Measure the gated loudness of a song, given in blocks.

    Gating blocks of 400 ms start every 100 ms; an incomplete last one does not count. Memory holds one block and a
    number per 100 ms.

    Parameters
    ----------
    blocks : iterable of np.ndarray [shape=(n, n_channels), dtype=float32]
        Samples in [-1, 1], consecutive, channels in the order of wav files (L, R, C, LFE, back, side).
    sr : int > 0
        Sampling rate in Hz.

    Returns
    -------
    float or None
        LUFS, usually -40 to -5. None where the standard defines no value: less than 0.4 s, nothing above the absolute
        gate of -70 LUFS (silence), more than 8 channels, or a sampling rate below 8,000 Hz.

    Raises
    ------
    MediaError
        If samples are not finite, or the number of channels changes.
    """
    if sr < MIN_SR:
        return None
    sections = k_weighting(sr)
    weights: npt.NDArray[np.float64] | None = None
    pending = np.empty(0)  # weighted power of a step that is not complete
    energies: list[npt.NDArray[np.float64]] = []
    n_steps = 0
    for block in blocks:
        if not len(block):
            continue
        n_channels = block.shape[1]
        if n_channels not in _WEIGHTS:
            return None
        if weights is None:
            weights = np.array(_WEIGHTS[n_channels])
            state = np.zeros((len(sections), n_channels, 2))
        if n_channels != len(weights):
            raise MediaError(
                f"The number of channels changes from {len(weights)} to {n_channels} within the file."
            )
        if not np.isfinite(block).all():
            raise MediaError("The file has samples that are not finite numbers (NaN or infinity).")
        weighted, state = sosfilt(sections, block.T.astype(np.float64), zi=state)
        state[np.abs(state) < _INAUDIBLE] = 0
        pending = np.concatenate([pending, weights @ (weighted * weighted)])
        first = n_steps * sr // _STEPS_A_SECOND
        n_complete = ((first + len(pending) + 1) * _STEPS_A_SECOND - 1) // sr - n_steps
        if n_complete:
            edges = np.arange(n_steps, n_steps + n_complete + 1) * sr // _STEPS_A_SECOND - first
            energies.append(np.add.reduceat(pending[: edges[-1]], edges[:-1]))
            pending = pending[edges[-1] :]
            n_steps += n_complete
    if n_steps < _STEPS_A_BLOCK:
        return None
    steps = np.lib.stride_tricks.sliding_window_view(np.concatenate(energies), _STEPS_A_BLOCK)
    return _gated(steps.sum(axis=1) / (MIN_DURATION_S * sr))


def _gated(power: npt.NDArray[np.float64]) -> float | None:
    """Return the loudness of the mean power of the gating blocks that pass both gates."""
    power = power[power > _power(_ABSOLUTE_GATE_LUFS)]
    if not len(power):
        return None
    power = power[power > power.mean() * 10 ** (_RELATIVE_GATE_LU / 10)]
    return float(_OFFSET_LU + 10 * np.log10(power.mean()))


def _power(lufs: float) -> float:
    return float(10 ** ((lufs - _OFFSET_LU) / 10))
