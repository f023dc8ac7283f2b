"""A made-up set that a small network learns within seconds: every label has a band of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from genrekit.backends.base import GRAPH_FILE, Fitted, Prepared
from genrekit.backends.spectrogram.backend import SpectrogramBackend, SpectrogramConfig

N_MELS, N_FRAMES = 32, 16
BACKEND = SpectrogramBackend()
SMALL: dict[str, Any] = {
    "n_mels": N_MELS,
    "sr": 16_000,
    "hop_length": 1000,
    "window_s": 1.0,
    "arch": "plain",  # half the time of a residual network
    "width": 4,
    "depth": 1,
    "epochs": 3,
    "batch_size": 8,
    "learning_rate": 0.01,
    "warmup": 0,
    "label_smoothing": 0.1,
    "gradient_clip": 1,
    "mixup": 0,
    "ema": 0,
    "style": 0,
    "filter_db": 0,
    "precision": "32",
    "device": "cpu",
}


def members_of(fitted: Fitted) -> dict[str, bytes]:
    """What of a training goes into a bundle."""
    return {**fitted.native, GRAPH_FILE: fitted.onnx}


def config_of(**settings: object) -> SpectrogramConfig:
    """A quick config."""
    return SpectrogramConfig.model_validate({**SMALL, **settings})


def easy(
    labels: Sequence[Sequence[int]], n_labels: int = 3, *, seed: int = 0, n_windows: int = 2
) -> Prepared:
    """Windows with a loud band for each of their labels."""
    rng = np.random.default_rng(seed)
    band = N_MELS // n_labels
    targets = np.zeros((len(labels), n_labels), np.float32)
    windows = []
    for i, own in enumerate(labels):
        targets[i, list(own)] = 1
        values = rng.uniform(-40, -25, (n_windows, N_MELS, N_FRAMES)).astype(np.float32)
        for k in own:
            values[:, k * band : (k + 1) * band] += 25
        windows.append(values)
    names = tuple(f"song {i}" for i in range(len(labels)))
    return Prepared(windows, targets, np.array(names), names)


def one_each(n: int, n_labels: int = 3, *, seed: int = 0) -> Prepared:
    """Examples of one label each, in turn."""
    return easy([[i % n_labels] for i in range(n)], n_labels, seed=seed)


def fit(
    folder: Path,
    train: Prepared,
    valid: Prepared | None,
    *,
    resume: bool = False,
    said: list[str] | None = None,
    **settings: object,
) -> Fitted:
    """Fit with a quick config."""
    labels = tuple(f"label {k}" for k in range(train.targets.shape[1]))
    say = (lambda text: None) if said is None else said.append
    return BACKEND.fit_in(folder, train, valid, labels, config_of(**settings), say, resume=resume)
