"""A picture of a photo: the input of the model, and the network's heat map."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from genrekit.backends import picture_of
from genrekit.inspection.drawing import bars, faded, outline, png_of
from genrekit.inspection.seen import see
from genrekit.prediction import Model
from genrekit.text import visible

_MAX_BARS = 5


def draw_photo(model: Model, name: str, path: Path) -> tuple[bytes, str]:
    """Draw a photo as the model's input, the heat map of the label, and the best labels.

    Parameters
    ----------
    model : Model
        A model for pictures.
    name : str
        The name in the title.
    path : Path

    Returns
    -------
    bytes
        A PNG.
    str
        Content of the picture, in words.

    Raises
    ------
    MediaError
        If the picture cannot be read.
    """
    from matplotlib.figure import Figure

    seen = see(model, name, path)
    heat = seen.heat()
    figure = Figure(figsize=(10, 3.9), dpi=100, layout="constrained")
    left, middle, right = figure.subplots(1, 3, width_ratios=(1, 1, 0.9))
    title = f"{Path(name).name}: {seen.label} {seen.prediction.score or 0:.0%} ({model.name})"
    figure.suptitle(visible(title), fontsize=12, parse_math=False)
    for axes in (left, middle):
        axes.set_axis_off()
    if heat is not None and model.picture_axes is not None:
        picture, _ = picture_of(seen.windows.values[seen.best], model.picture_axes)
        picture = _in_range(picture)
        left.imshow(picture)
        left.set_title("as the model saw it", fontsize=9)
        middle.imshow(faded(picture, heat))
        outline(middle, heat)
        middle.set_title("what raises the score: bright and outlined", fontsize=9)
    mean = seen.scores.mean(axis=0)
    order = np.argsort(-mean, kind="stable")[:_MAX_BARS]
    bars(
        right, [model.labels[k] for k in order], mean[order].tolist(), words=[f"{mean[k]:.0%}" for k in order]
    )
    right.set_title("scores", fontsize=9)
    right.set_xlim(0, 1)
    return png_of(figure), seen.words


def _in_range(picture: np.ndarray) -> np.ndarray:
    """Return colours in [0, 1], whether they are bytes or standardised."""
    if picture.dtype == np.uint8:
        return picture / np.float32(255)
    low, high = float(picture.min()), float(picture.max())
    if high > 1.5 and low >= 0:
        return np.asarray(picture / np.float32(255))
    return np.asarray((picture - low) / max(high - low, 1e-9))
