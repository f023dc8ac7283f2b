"""Settings that make training quick, per backend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

GTZAN: dict[str, Any] = {"classifier": "logistic", "transform": "standard", "window_s": 2, "folds": 2}
SPOTIFY: dict[str, Any] = {"n_estimators": 15, "max_depth": 3, "min_child_weight": 1, "device": "cpu"}
IMAGE: dict[str, Any] = {
    "image_size": 40, "arch": "resnet18", "weights": "none", "head_epochs": 0, "epochs": 1, "batch_size": 8,
    "device": "cpu",
}  # fmt: skip
SPECTROGRAM: dict[str, Any] = {
    "window_s": 2, "arch": "plain", "width": 4, "epochs": 2, "n_mels": 32, "precision": "32", "device": "cpu",
}  # fmt: skip


def as_words(settings: Mapping[str, Any]) -> list[str]:
    """Return settings as the command line takes them."""
    return [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
