"""A synthetic song with a beat."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

SR = 22050


def beat_song(seconds: float, seed: int = 0) -> npt.NDArray[np.float32]:
    """Return chords 20 cents off A = 440 Hz over a beat of 115 a minute."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * SR)) / SR
    y = 0.002 * rng.standard_normal(len(t))
    for i, start in enumerate(np.arange(0, seconds, 60 / 115)):
        after = t[t >= start] - start
        place = slice(len(t) - len(after), None)
        y[place] += 0.4 * rng.standard_normal(len(after)) * np.exp(-after * 40)
        for note in rng.choice([0, 3, 5, 7, 10, 12, 15], 3) + (i // 4 % 3):
            hz = 220 * 2 ** ((note + 0.2) / 12)
            for harmonic in range(1, 6):
                y[place] += 0.1 / harmonic * np.sin(2 * np.pi * hz * harmonic * after) * np.exp(-after * 4)
    return y.astype(np.float32)
