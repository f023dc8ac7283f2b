"""Writing the small files that the tests of data sets read."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile as sf

from genrekit.features.schema import GTZAN_COLUMNS

SR = 22_050


def write_song(path: Path, *, seed: int = 0, duration_s: float = 1.2, silent: bool = False) -> Path:
    """Write noise as a sound file; the seed makes it another one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    y = np.random.default_rng(seed).uniform(-0.5, 0.5, round(duration_s * SR))
    sf.write(path, y * (not silent), SR, subtype="PCM_16")
    return path


def write_rows(path: Path, rows: Sequence[Sequence[object]]) -> Path:
    """Write rows, the header first, as CSV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


def kaggle_row(name: str, label: str, seed: int) -> list[object]:
    """A row as Kaggle's GTZAN table has them, with made-up numbers."""
    return [name, 661_794, *np.random.default_rng(seed).normal(size=57).tolist(), label]


KAGGLE_HEADER = ["filename", "length", *GTZAN_COLUMNS, "label"]
