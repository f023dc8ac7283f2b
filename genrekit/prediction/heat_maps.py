"""Heat maps: the parts of a song or a picture that speak for its label, by the graph alone, and in words.

A part counts as much as the score of the label falls when the part is covered (`genrekit.backends.occlusion`). No
torch is needed, and any model with spectrograms or pictures as windows can be asked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from genrekit.backends import occlusion
from genrekit.errors import UsageError
from genrekit.prediction.model import Model
from genrekit.types import Modality, Prediction, Windows

BLOCKS = (8, 8)
"""Parts along the height and along the width."""
BATCH = 8
"""Windows that are scored at once: larger batches take more memory and no less time."""


@dataclass(frozen=True, eq=False)
class HeatMap:
    """A PNG over the input, and what it shows in words."""

    png: bytes
    words: str


def heat_map(
    model: Model,
    prediction: Prediction,
    windows: Windows,
    scores: np.ndarray,
    score: Callable[[np.ndarray], np.ndarray] | None = None,
) -> HeatMap:
    """Draw the window with the highest score for the label, and which parts of it speak for the label.

    Parameters
    ----------
    model : Model
        Its windows are spectrograms [shape=(n_bands, n_frames)], patches of one [shape=(n_patches, n_frames, n_bands)],
        or pictures [shape=(3, height, width)].
    prediction : Prediction
        With a label, or at least with scores.
    windows : Windows
    scores : np.ndarray [shape=(n_windows, n_labels)]
    score : callable, optional
        Function from windows to scores; by default the model's.

    Raises
    ------
    UsageError
        If the windows of the model are neither spectrograms nor pictures.
    """
    from genrekit.backends import overlay  # Matplotlib

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
    is_picture = model.backend.info.modality is Modality.IMAGE and window.ndim == 3 and len(window) == 3
    if not is_picture and (model.backend.info.modality is not Modality.AUDIO or window.ndim not in (2, 3)):
        raise UsageError(
            f"Model {model.name!r} has no heat maps: its windows are neither spectrograms nor pictures."
        )
    lost = _lost(window, label, score or model.scores, is_picture=is_picture)
    largest = lost.max()
    if largest > 0:
        lost /= largest
        words += "; " + (_place_in_picture(lost) if is_picture else _place_in_sound(lost, times))
    else:
        words += "; no single part decides"
    if is_picture:
        picture = window.transpose(1, 2, 0).clip(0, 255).astype(np.uint8)
        return HeatMap(overlay(picture, lost, title), f"{words}.")
    sound = _flat(window)
    start_s, end_s = times or (0.0, float(sound.shape[1]))
    axes = ("seconds" if times else "frame", "mel band")
    extent = (start_s, end_s, 0.0, float(len(sound)))
    return HeatMap(overlay(sound[::-1], lost[::-1], title, extent=extent, axes_labels=axes), f"{words}.")


def _lost(
    window: np.ndarray, label: int, score: Callable[[np.ndarray], np.ndarray], *, is_picture: bool
) -> np.ndarray:
    """Cover parts by the mean of their band, or of the picture; return what the score loses [shape=(height, width)]."""
    height, width = window.shape[1:] if is_picture else _flat(window).shape
    axes = {True: (1, 2), False: (1,) if window.ndim == 2 else (0, 1)}[is_picture]
    cover = window.mean(axis=axes, keepdims=True)

    def covered(mask: np.ndarray) -> np.ndarray:
        if is_picture or window.ndim == 2:
            return np.where(mask > 0, cover, window)
        patches = mask.T.reshape(window.shape)
        return np.where(patches > 0, cover, window)

    def scores_of(masks: np.ndarray) -> np.ndarray:
        batches = (masks[at : at + BATCH] for at in range(0, len(masks), BATCH))
        return np.concatenate(
            [score(np.stack([covered(mask) for mask in batch]))[:, label] for batch in batches]
        )

    return occlusion(scores_of, np.zeros((height, width), np.float32), np.ones((1, 1), np.float32), BLOCKS)


def _flat(window: np.ndarray) -> np.ndarray:
    """Return a window of sound as one spectrogram [shape=(n_bands, n_frames)]."""
    return window if window.ndim == 2 else window.reshape(-1, window.shape[-1]).T


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
