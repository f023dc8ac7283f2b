"""Heat maps of predictions: the parts of a song or a picture that contribute to its label, as a picture and in words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from genrekit.backends import draw
from genrekit.prediction.model import Model
from genrekit.types import Prediction, Windows


@dataclass(frozen=True, eq=False)
class HeatMapImage:
    """A PNG over the input, and what it shows in words."""

    png: bytes
    words: str


def heat_map(model: Model, prediction: Prediction, windows: Windows, scores: np.ndarray) -> HeatMapImage:
    """Draw the window with the highest score for the label, and the parts of it that contribute to the label.

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
    model.check_heat_map("occlusion")
    name = prediction.label or prediction.scores[0][0]
    label = model.labels.index(name)
    best = int(scores[:, label].argmax())
    window = windows.values[best]
    times = windows.times_s[best] if windows.times_s else None
    title = f"{Path(prediction.id).name[:60]}: {name} {scores[best, label]:.0%}"
    words = f"The score of {name} is {scores[best, label]:.0%}"
    if times:
        title += f", {times[0]:.0f} to {times[1]:.0f} s"
        highest = ", the highest of the song" if len(scores) > 1 else ""
        words += f" from {times[0]:.0f} to {times[1]:.0f} s{highest}"
    axes = model.picture_axes
    if axes is None:  # a combination, whose members have their own maps
        return HeatMapImage(model.heat_map_image(window, name, title), f"{words}.")
    lost = model.heat_map(window, name)
    if not lost.any():
        words += "; no single part decides"
    else:
        words += "; " + (_place_in_picture(lost) if axes.seconds is None else _place_in_sound(lost, times))
    return HeatMapImage(draw(window, lost, axes, title), f"{words}.")


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
