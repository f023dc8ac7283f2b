"""Detection of silence, per channel and without constant offset, before channels are mixed."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]

SILENT_BELOW = 2.0**-15  # one step of a 16-bit sample
_PIECE_S = 0.1
_CANCELLED_BELOW = 0.01  # -20 dB of the power that a mix of uncorrelated channels would have


def is_silent(y: Samples) -> bool:
    """Return whether samples vary by less than one 16-bit step (-90 dB) around a constant: dither, not music."""
    return not len(y) or not float(y.max()) - float(y.min()) > 2 * SILENT_BELOW


class SoundMeter:
    """A meter that compares blocks of channels with their mix during decoding.

    Parameters
    ----------
    sr : int > 0
        Sampling rate in Hz.

    Attributes
    ----------
    sounding_s : float
        Seconds, in tenths, in which some channel is not silent.
    cancelled_s : float
        Seconds of blocks that have sound but nearly cancel out in the mix.
    power : np.ndarray [shape=(channels,), dtype=float64] or None
        Power of the channels, without offset, in those blocks.
    """

    def __init__(self, sr: int) -> None:
        self._sr = sr
        self._size = max(2, round(_PIECE_S * sr))
        self.sounding_s = 0.0
        self.cancelled_s = 0.0
        self.power: npt.NDArray[np.float64] | None = None

    @property
    def cancels(self) -> bool:
        """True if mixing the channels cancels most of the sound."""
        return 2 * self.cancelled_s > self.sounding_s

    def add(self, block: Samples, mixed: Samples) -> None:
        """Measure a block [shape=(n, channels)] and its mix [shape=(n,)].

        Parameters
        ----------
        block : np.ndarray [shape=(n, channels), dtype=float32]
        mixed : np.ndarray [shape=(n,), dtype=float32]
        """
        with np.errstate(all="ignore"):  # the caller reports samples that are not finite
            sounding_s = self._sounding_s(block, mixed)
            self.sounding_s += sounding_s
            if block.shape[1] > 1 and sounding_s:
                self._compare(block, mixed)

    def _sounding_s(self, block: Samples, mixed: Samples) -> float:
        size = self._size
        n_whole = len(mixed) // size
        moves = _ranges(mixed[: n_whole * size].reshape(n_whole, size)) > 2 * SILENT_BELOW
        n_sounding = int(moves.sum()) * size
        if block.shape[1] > 1:  # the mix is silent: is every channel?
            for k in np.flatnonzero(~moves):
                n_sounding += 0 if _all_silent(block[k * size : (k + 1) * size]) else size
        rest = block[n_whole * size :]
        if len(rest) and not _all_silent(rest):
            n_sounding += len(rest)
        return n_sounding / self._sr

    def _compare(self, block: Samples, mixed: Samples) -> None:
        n, n_channels = block.shape
        flat = block.ravel()
        total, mix_total = float(np.dot(flat, flat)), float(np.dot(mixed, mixed))
        offset_total = float(np.dot(mixed, np.ones(n, np.float32))) ** 2 / n
        # a quick check that suffices for most music; all three numbers include the offset
        if mix_total * n_channels**2 > 0.1 * total and offset_total < 0.5 * mix_total:
            return
        power = block.astype(np.float64).var(axis=0)
        if mixed.astype(np.float64).var() * n_channels**2 < _CANCELLED_BELOW * power.sum():
            self.cancelled_s += n / self._sr
            self.power = power if self.power is None else self.power + power


def _ranges(pieces: Samples) -> Samples:
    ranges: Samples = pieces.max(axis=1) - pieces.min(axis=1) if len(pieces) else np.zeros(0, np.float32)
    return ranges


def _all_silent(block: Any) -> bool:
    return all(is_silent(channel) for channel in block.T)
