"""Reasons as pictures: where in a song or a photo an answer comes from."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from genrekit.errors import UsageError
from genrekit.hashing import hash_bytes
from genrekit.prediction.model import Model
from genrekit.types import Prediction, Windows


def paint(model: Model, prediction: Prediction, windows: Windows, scores: np.ndarray, folder: Path) -> None:
    """Write a PNG of the window that speaks most for the answer.

    Parameters
    ----------
    model : Model
        Of a backend that paints reasons.
    prediction : Prediction
        Without a label, there is no picture.
    windows : Windows
    scores : np.ndarray [shape=(n_windows, n_labels)]
    folder : Path
        Made where it is missing.

    Raises
    ------
    UsageError
        If the folder cannot be written.
    """
    if prediction.label is None:
        return
    label = model.labels.index(prediction.label)
    best = int(scores[:, label].argmax())
    title = f"{Path(prediction.id).name[:60]}: {prediction.label} {scores[best, label]:.0%}"
    if windows.times_s:
        start_s, end_s = windows.times_s[best]
        title += f", {start_s:.0f} to {end_s:.0f} s"
    png = model.painter(windows.values[best], label, title)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / picture_name(prediction.id)).write_bytes(png)
    except OSError as error:
        raise UsageError(
            f"{folder} cannot be written: {error.strerror}.", "Give another --explain-dir."
        ) from None


def picture_name(id_: str) -> str:
    """A file name of an input's name: readable, and another one for every input."""
    readable = re.sub(r"[^\w.-]+", "_", Path(id_).name)[-60:].strip("._") or "input"
    return f"{readable}.{hash_bytes(id_.encode('utf-8', 'surrogateescape'))[:8]}.png"
