"""Raw samples (PCM) from bytes in pieces of any size."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from genrekit.errors import MediaError, UsageError

Samples = npt.NDArray[np.float32]

ENCODINGS: dict[str, np.dtype[Any]] = {"f32le": np.dtype("<f4"), "s16le": np.dtype("<i2")}
MAX_CHANNELS = 8


class Pcm:
    """Turns bytes into samples; a sample that is cut by the end of a piece waits for the next piece.

    Parameters
    ----------
    encoding : {'f32le', 's16le'}
    channels : int
        1 to 8, interleaved.

    Raises
    ------
    UsageError
        If they are none of these.
    """

    def __init__(self, encoding: str, channels: int) -> None:
        if encoding not in ENCODINGS:
            raise UsageError(f"{encoding!r} is not an encoding.", f"There are {', '.join(ENCODINGS)}.")
        if not 1 <= channels <= MAX_CHANNELS:
            raise UsageError(f"There are {channels} channels.", f"1 to {MAX_CHANNELS} are possible.")
        self._type = ENCODINGS[encoding]
        self._channels = channels
        self._rest = b""

    def push(self, data: bytes) -> Samples:
        """Return the samples that are whole now [shape=(n, channels), dtype=float32, in [-1, 1] for integers].

        Raises
        ------
        MediaError
            If a sample is not finite.
        """
        data = self._rest + data
        whole = len(data) - len(data) % (self._type.itemsize * self._channels)
        self._rest = data[whole:]
        values = np.frombuffer(data[:whole], self._type).reshape(-1, self._channels)
        samples: Samples = values.astype(np.float32)
        if self._type.kind == "i":
            samples /= np.float32(32768)
        if not np.isfinite(samples).all():
            raise MediaError("A sample is not a finite number.")
        return samples
