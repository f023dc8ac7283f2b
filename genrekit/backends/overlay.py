"""Saliency maps drawn over the input."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from matplotlib.figure import Figure


def overlay(
    background: np.ndarray,
    cam: np.ndarray,
    title: str,
    *,
    extent: tuple[float, float, float, float] | None = None,
    axes_labels: tuple[str, str] | None = None,
) -> bytes:
    """Draw a map over the input.

    Parameters
    ----------
    background : np.ndarray [shape=(height, width) or (height, width, 3)]
        The input, first row at the top.
    cam : np.ndarray [shape=(height, width), range 0 to 1]
    title : str
    extent : tuple of float, optional
        Left, right, bottom and top of the picture on its axes, with ``axes_labels``; without axes by default.
    axes_labels : tuple of str, optional
        Labels of the horizontal and the vertical axis.

    Returns
    -------
    bytes
        A PNG.
    """
    figure = Figure(figsize=(8, 4) if extent else (5, 5.4), layout="constrained")
    axes = figure.subplots()
    axes.imshow(background, cmap="gray", extent=extent, aspect="auto" if extent else "equal")
    axes.imshow(
        cam, cmap="inferno", alpha=0.45, vmin=0, vmax=1, extent=extent, aspect="auto" if extent else "equal"
    )
    axes.set_title(title, fontsize=9, parse_math=False)
    if axes_labels:
        axes.set(xlabel=axes_labels[0], ylabel=axes_labels[1])
    else:
        axes.set_axis_off()
    stream = BytesIO()
    figure.savefig(stream, format="png", dpi=100, metadata={"Software": None})
    return stream.getvalue()
