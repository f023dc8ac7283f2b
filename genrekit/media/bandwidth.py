"""Bandwidth of a recording, measured while it is decoded."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

# Per frequency the share of the power above it that counts as nothing, in dB. The lowest shares among 60 tracks of GTZAN
# were -35 and -54 dB; the same tracks had less than -137 dB after resampling to twice the frequency, less than -71 dB with
# that rounded to 16 bits, and noise at 8 kHz had -60 dB above 4 kHz as an mp3.
LIMITS_DB = {4000: -55.0, 8000: -65.0}
_MARGIN = 1.05  # a filter that ends at 8 kHz leaves a little above it
_FRAME = 2048
_EVERY_S = 0.5


class BandMeter:
    """A meter of the power above each of `LIMITS_DB`: one frame of 2,048 samples per half second.

    Parameters
    ----------
    sr : int > 0
        Sampling rate in Hz of the samples.
    """

    def __init__(self, sr: int) -> None:
        hz = np.fft.rfftfreq(_FRAME, 1 / sr)
        self._above = np.stack([hz > 0, *(hz > limit * _MARGIN for limit in LIMITS_DB)], axis=1).astype(float)
        self._window = np.hanning(_FRAME)
        self._between = max(0, round(_EVERY_S * sr) - _FRAME)
        self._power = np.zeros(1 + len(LIMITS_DB))
        self._frame = np.zeros(_FRAME)
        self._filled = 0
        self._skip = 0  # samples until the next frame

    def add(self, y: npt.NDArray[np.float32]) -> None:
        """Measure a block of samples [shape=(n,)]."""
        while len(y):
            if self._skip:
                n = min(self._skip, len(y))
                self._skip -= n
            else:
                n = min(_FRAME - self._filled, len(y))
                self._frame[self._filled : self._filled + n] = y[:n]
                self._filled += n
                if self._filled == _FRAME:
                    self._measure()
                    self._filled, self._skip = 0, self._between
            y = y[n:]

    def _measure(self) -> None:
        with np.errstate(all="ignore"):  # the caller reports samples that are not finite
            spectrum = np.fft.rfft((self._frame - self._frame.mean()) * self._window)
            self._power += (spectrum.real**2 + spectrum.imag**2) @ self._above

    @property
    def limit_hz(self) -> int | None:
        """The lowest of `LIMITS_DB` above which there is nothing; None if there is sound above all of them, or none at all."""
        total, *above = self._power
        if not 0 < total < np.inf:
            return None
        found = zip(LIMITS_DB.items(), above, strict=True)
        return next((hz for (hz, db), power in found if power < total * 10 ** (db / 10)), None)
