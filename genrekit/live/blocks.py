"""Blocks: the latest seconds of live sound, one block per hop."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genrekit.errors import UsageError

Samples = npt.NDArray[np.float32]

MIN_SR, MAX_SR = 8_000, 192_000
MIN_WINDOW_S, MAX_WINDOW_S = 3.0, 60.0
MIN_HOP_S, MAX_HOP_S = 0.25, 60.0


@dataclass(frozen=True, eq=False)
class Block:
    """A piece of sound.

    Attributes
    ----------
    start_s, end_s : float
        Its place, in seconds since the sound began.
    samples : np.ndarray [shape=(n, channels), dtype=float32]
    sr : int
        Sampling rate in Hz.
    """

    start_s: float
    end_s: float
    samples: Samples
    sr: int

    @property
    def level_db(self) -> float:
        """The root mean square of its last second, in dB below full scale; -120 at least."""
        last = self.samples[-self.sr :].astype(np.float64)
        return float(10 * np.log10(max(float(np.mean(last**2)), 1e-12)))


class Blocks:
    """Cuts live sound in pieces of any size into blocks, in the memory of one block.

    Block number k covers ``window_s`` seconds from ``k * hop_s`` on, each rounded to whole samples.

    Raises
    ------
    UsageError
        If a number is out of range.
    """

    def __init__(self, sr: int, channels: int, window_s: float, hop_s: float) -> None:
        for name, value, low, high, unit in (
            ("sample rate", sr, MIN_SR, MAX_SR, "Hz"),
            ("window", window_s, MIN_WINDOW_S, MAX_WINDOW_S, "s"),
            ("hop", hop_s, MIN_HOP_S, MAX_HOP_S, "s"),
        ):
            if not low <= value <= high:
                raise UsageError(f"The {name} is {value:g} {unit}.", f"Choose {low:g} to {high:g} {unit}.")
        self.sr = sr
        self._hop_s = hop_s
        self._window = np.zeros((round(window_s * sr), channels), np.float32)
        self._filled = 0
        self._skip = 0
        self._n = 0

    def push(self, samples: Samples) -> Iterator[Block]:
        """Yield the blocks that are whole now.

        Parameters
        ----------
        samples : np.ndarray [shape=(n, channels), dtype=float32]
        """
        window = self._window
        while len(samples):
            skipped = min(self._skip, len(samples))  # a hop may be longer than a window
            self._skip -= skipped
            samples = samples[skipped:]
            taken = min(len(window) - self._filled, len(samples))
            window[self._filled : self._filled + taken] = samples[:taken]
            self._filled += taken
            samples = samples[taken:]
            if self._filled == len(window):
                yield self._block(window.copy())
                before, self._n = self._at, self._n + 1
                hop = self._at - before
                kept = max(0, len(window) - hop)
                window[:kept] = window[len(window) - kept :].copy()
                self._skip = max(0, hop - len(window))
                self._filled = kept

    def rest(self) -> Block | None:
        """Return the whole sound if it ended before the first block was complete and has 3 s or more; else None."""
        if self._n or self._filled < MIN_WINDOW_S * self.sr:
            return None
        return self._block(self._window[: self._filled].copy())

    @property
    def _at(self) -> int:
        """The first sample of the block that is being filled."""
        return round(self._n * self._hop_s * self.sr)

    def _block(self, samples: Samples) -> Block:
        start_s = self._at / self.sr
        return Block(start_s, start_s + len(samples) / self.sr, samples, self.sr)
