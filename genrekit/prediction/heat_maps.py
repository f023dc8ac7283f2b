"""Heat maps: the parts of a song or a picture that speak for its label, by the graph alone, and in words.

A part counts as much as the score of the label falls when the part is covered (`genrekit.backends.occlusion`). No
torch is needed, and any model with spectrograms or pictures as windows can be asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from genrekit.backends import ExplainsWithImages, occlusion, overlay
from genrekit.errors import UsageError
from genrekit.prediction.model import Model
from genrekit.types import Modality, Prediction, Windows

BLOCKS = (8, 8)
"""Parts along the height and along the width."""


@dataclass(frozen=True, eq=False)
class HeatMap:
    """A PNG over the input, and what it shows in words."""

    png: bytes
    words: str


def heat_map(model: Model, prediction: Prediction, windows: Windows, scores: np.ndarray) -> HeatMap:
    """Draw the window with the highest score for the label, and which parts of it speak for the label.

    Parameters
    ----------
    model : Model
    prediction : Prediction
        With a label, or at least with scores.
    windows : Windows
    scores : np.ndarray [shape=(n_windows, n_labels)]

    Raises
    ------
    UsageError
        If the windows of the model are neither spectrograms nor pictures.
    """
    name = prediction.label or prediction.scores[0][0]
    label = model.labels.index(name)
    best = int(scores[:, label].argmax())
    window = windows.values[best].astype(np.float32)
    times = windows.times_s[best] if windows.times_s else None
    title = f"{Path(prediction.id).name[:60]}: {name} {scores[best, label]:.0%}"
    words = f"The score of {name} is {scores[best, label]:.0%}"
    if times:
        title += f", {times[0]:.0f} to {times[1]:.0f} s"
        words += f" from {times[0]:.0f} to {times[1]:.0f} s" + (
            ", the highest of the song" if len(scores) > 1 else ""
        )
    is_picture = window.ndim == 3 and len(window) == 3 and model.backend.info.modality is Modality.IMAGE
    if window.ndim != 2 and not is_picture:
        if window.ndim < 2 or not isinstance(model.backend, ExplainsWithImages):
            raise UsageError(f"Model {model.name!r} has no heat maps: its windows are not pictures.")
        return HeatMap(model.image_explainer(windows.values[best], label, title), f"{words}.")
    lost = _lost(model, window, label)
    largest = lost.max()
    if largest > 0:
        lost /= largest
        words += "; " + (_place_in_picture(lost) if is_picture else _place_in_sound(lost, times))
    else:
        words += "; no single part decides"
    if is_picture:
        return HeatMap(
            overlay(window.transpose(1, 2, 0).clip(0, 255).astype(np.uint8), lost, title), f"{words}."
        )
    start_s, end_s = times or (0.0, float(window.shape[1]))
    axes = ("seconds" if times else "frame", "mel band")
    extent = (start_s, end_s, 0.0, float(len(window)))
    return HeatMap(overlay(window[::-1], lost[::-1], title, extent=extent, axes_labels=axes), f"{words}.")


def _lost(model: Model, window: np.ndarray, label: int) -> np.ndarray:
    """Cover parts by the mean of their band, or of the picture; return what the score loses [shape=(height, width)]."""
    cover = (
        window.mean(axis=1, keepdims=True) if window.ndim == 2 else window.mean(axis=(1, 2), keepdims=True)
    )

    def score(masks: np.ndarray) -> np.ndarray:
        covered = masks > 0 if window.ndim == 2 else (masks > 0)[:, None]
        return model.scores(np.where(covered, cover, window))[:, label]

    mask = np.zeros(window.shape[-2:], dtype=np.float32)
    return occlusion(score, mask, np.ones((1, 1), dtype=np.float32), BLOCKS)


def _place_in_sound(lost: np.ndarray, times: tuple[float, float] | None) -> str:
    """Return where the largest part is, in seconds and in the height of its bands."""
    row, column = _middle(lost)
    bands = ("low", "middle", "high")[min(2, int(3 * row / len(lost)))]
    if times is None:
        return f"{bands} bands speak for it most"
    at_s = times[0] + (times[1] - times[0]) * column / lost.shape[1]
    return f"{bands} bands around {at_s:.1f} s speak for it most"


def _place_in_picture(lost: np.ndarray) -> str:
    row, column = _middle(lost)
    vertical = ("upper", "middle", "lower")[min(2, int(3 * row / len(lost)))]
    horizontal = ("left", "middle", "right")[min(2, int(3 * column / lost.shape[1]))]
    if vertical == horizontal:
        return "the middle of the picture speaks for it most"
    return f"the {vertical} {horizontal} of the picture speaks for it most"


def _middle(lost: np.ndarray) -> tuple[float, float]:
    """Return the middle of the part with the largest loss."""
    rows, columns = np.nonzero(lost == lost.max())
    return float(rows.mean()), float(columns.mean())
