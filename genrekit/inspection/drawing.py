"""Colours, panels and PNG output that the pictures share.

Colours are told apart by people who are colour-blind, and in greyscale by their brightness: two of the eight of Okabe and
Ito (https://jfly.uni-koeln.de/color/, 2008), and the colour map cividis (Nuñez, Anderton and Renslow, PLOS ONE 13(7), 2018).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from io import BytesIO
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np

from genrekit.text import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DARK, LIGHT = "#0072B2", "#E69F00"
MAP = "cividis"
_WIDTH_INCHES, _DPI = 10.0, 100
_MAX_NAME = 28
_OUTLINED = 0.5  # of the largest loss of score


def panels(
    heights: Sequence[float], *, title: str, width: float = _WIDTH_INCHES
) -> tuple[Figure, list[Axes]]:
    """Return a figure with a title and a column of panels; heights in inches."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, sum(heights) + 0.9), dpi=_DPI, layout="constrained")
    axes = figure.subplots(len(heights), height_ratios=list(heights), squeeze=False)[:, 0]
    figure.suptitle(fill(visible(title), int(11 * width)), fontsize=12, parse_math=False)
    return figure, list(axes)


def outline(axes: Axes, heat: np.ndarray, extent: tuple[float, float, float, float] | None = None) -> None:
    """Outline the parts of a heat map [shape=(height, width), in 0 to 1] whose covering lowers the score most."""
    if heat.max() >= _OUTLINED:
        axes.contour(heat, levels=[_OUTLINED], extent=extent, colors=[LIGHT], linewidths=1.5)


def png_of(figure: Figure) -> bytes:
    """Return a figure as a PNG; the same figure gives the same bytes."""
    stream = BytesIO()
    with warnings.catch_warnings():
        # Names in a script that the font lacks are drawn as boxes; the text beside the picture has them.
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font", UserWarning)
        figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()


def short(name: str) -> str:
    """Return a name that fits beside an axis."""
    name = visible(name)
    return name if len(name) <= _MAX_NAME else name[: _MAX_NAME - 1] + "…"


def bars(
    axes: Axes, names: Sequence[str], values: Sequence[float], *, words: Sequence[str], **options: Any
) -> None:
    """Draw horizontal bars, the first at the top, with words at their ends.

    Values below 0 are lighter and hatched.
    """
    positions = np.arange(len(names))
    down = [value < 0 for value in values]
    drawn = axes.barh(
        positions,
        values,
        color=[LIGHT if one else DARK for one in down],
        edgecolor="black",
        linewidth=0.6,
        **options,
    )
    for bar, one in zip(drawn, down, strict=True):
        bar.set_hatch("///" if one else "")
    axes.bar_label(drawn, list(words), padding=3, fontsize=8)
    axes.set_yticks(positions, [short(name) for name in names], parse_math=False, fontsize=9)
    axes.invert_yaxis()
    axes.margins(x=0.18)
    axes.spines[["top", "right"]].set_visible(False)


def faded(picture: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Return a picture that is darker where a heat map is low.

    Parameters
    ----------
    picture : np.ndarray [shape=(height, width) or (height, width, 3), range 0 to 1]
    heat : np.ndarray [shape=(height, width), range 0 to 1]

    Returns
    -------
    np.ndarray [shape=(height, width, 3), range 0 to 1]
    """
    colours = np.repeat(picture[..., None], 3, axis=-1) if picture.ndim == 2 else picture
    return np.clip(colours * (0.4 + 0.6 * heat[..., None]), 0, 1)
