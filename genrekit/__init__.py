"""Genre classification for everything that carries a genre."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

# ONNX Runtime reads it when it is first imported: without it, it keeps a device id below the home folder and sends
# events to a host of its maker. Worker processes inherit it, and Dask's workers import this module before anything.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__version__ = "0.1.0"

if TYPE_CHECKING:
    from genrekit.evaluation.evaluate import cross_validate, evaluate
    from genrekit.prediction.pipeline import load_model, predict
    from genrekit.training.train import train

__all__ = ["__version__", "cross_validate", "evaluate", "load_model", "predict", "train"]

_HOMES = {
    "load_model": "genrekit.prediction.pipeline",
    "predict": "genrekit.prediction.pipeline",
    "train": "genrekit.training.train",
    "evaluate": "genrekit.evaluation.evaluate",
    "cross_validate": "genrekit.evaluation.evaluate",
}


def __dir__() -> list[str]:
    return sorted(__all__)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'genrekit' has no attribute {name!r}")
