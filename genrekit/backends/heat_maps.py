"""Heat maps: the loss of a score when a part of the input is covered, computed with the graph alone, for every network.

M. D. Zeiler, R. Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014. No gradients and no torch are
needed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Literal

import numpy as np

from genrekit.backends.capabilities import PictureAxes

# Floor of a score before its logarithm: differences between scores near 0 are noise.
_LEAST = 1e-3
_GAP = 4  # columns between two pictures
_BATCH_BYTES = 1 << 20  # ONNX Runtime keeps the memory of the largest batch that it ever had


def heat_map(score: Callable[[np.ndarray], np.ndarray], window: np.ndarray, axes: PictureAxes) -> np.ndarray:
    """Measure the contribution of each part of a window to the score of a label.

    A part of sound is replaced by the mean of its band over time, a part of a photo by the mean colour.

    Parameters
    ----------
    score : callable
        Function from windows [shape=(n, *shape)] to the scores of a label [shape=(n,), range 0 to 1].
    window : np.ndarray [shape=shape]
    axes : PictureAxes

    Returns
    -------
    np.ndarray [shape=(height, width), dtype=float32, range 0 to 1]
        The loss of the logarithm of the score, divided by the largest; 0 everywhere if nothing speaks for the label.
        Pieces are drawn side by side.
    """
    lost = _side_by_side([_occlusion(score, piece, axes) for piece in _pieces(window, axes)], axes, 0.0)
    largest = lost.max()
    return lost / largest if largest > 0 else lost


def draw(window: np.ndarray, heat: np.ndarray, axes: PictureAxes, title: str) -> bytes:
    """Draw a heat map over a window, as a PNG.

    Parameters
    ----------
    window : np.ndarray [shape=shape]
    heat : np.ndarray [shape=(height, width), range 0 to 1]
        As `heat_map` returns it.
    axes : PictureAxes
    title : str
    """
    from matplotlib.figure import Figure

    picture, n_pieces = picture_of(window, axes)
    seconds = axes.seconds
    figure = Figure(figsize=(5, 5.4) if seconds is None else (8, 4), layout="constrained")
    on = figure.subplots()
    extent: tuple[float, float, float, float] | None = None
    aspect: Literal["equal", "auto"] = "equal"
    if seconds is None:
        on.set_axis_off()
    else:
        extent, aspect = (0.0, n_pieces * seconds, 0.0, float(len(picture))), "auto"
        words = f"{n_pieces} pieces of {seconds:.1f} s, in seconds" if n_pieces > 1 else "seconds"
        on.set(xlabel=words, ylabel="mel band")
        picture, heat = picture[::-1], heat[::-1]
    on.imshow(picture, cmap="gray", extent=extent, aspect=aspect)
    on.imshow(heat, cmap="inferno", alpha=0.45, vmin=0, vmax=1, extent=extent, aspect=aspect)
    on.set_title(title, fontsize=9, parse_math=False)
    stream = BytesIO()
    figure.savefig(stream, format="png", dpi=100, metadata={"Software": None})
    return stream.getvalue()


def picture_of(window: np.ndarray, axes: PictureAxes) -> tuple[np.ndarray, int]:
    """Return a window as a picture, its pieces side by side, and the number of pieces.

    Returns
    -------
    np.ndarray [shape=(height, width) or (height, width, n_colours)]
        The lowest band first, for sound.
    int
    """
    pictures = [np.moveaxis(p, (axes.height, axes.width), (0, 1)).squeeze() for p in _pieces(window, axes)]
    return _side_by_side(pictures, axes, window.min()), len(pictures)


def stacked(pngs: Sequence[bytes]) -> bytes:
    """Return pictures one below the other as one PNG."""
    from PIL import Image

    if len(pngs) == 1:
        return pngs[0]
    images = [Image.open(BytesIO(png)).convert("RGB") for png in pngs]
    whole = Image.new("RGB", (max(one.width for one in images), sum(one.height for one in images)), "white")
    top = 0
    for one in images:
        whole.paste(one, (0, top))
        top += one.height
    stream = BytesIO()
    whole.save(stream, format="PNG")
    return stream.getvalue()


def _pieces(window: np.ndarray, axes: PictureAxes) -> list[np.ndarray]:
    """Return the parts of a window that are scored by themselves."""
    if axes.pieces is None:
        return [window]
    return np.split(window, window.shape[axes.pieces], axis=axes.pieces)


def _occlusion(
    score: Callable[[np.ndarray], np.ndarray], window: np.ndarray, axes: PictureAxes
) -> np.ndarray:
    """Return the loss of the logarithm of the score per position [shape=(height, width)], at least 0."""
    window = window.astype(np.float32)
    cover = window.mean(axis=axes.width, keepdims=True)
    if axes.seconds is None:
        cover = cover.mean(axis=axes.height, keepdims=True)
    height, width = window.shape[axes.height], window.shape[axes.width]
    rows = np.array_split(np.arange(height), min(axes.blocks[0], height))
    columns = np.array_split(np.arange(width), min(axes.blocks[1], width))
    masks = np.zeros((len(rows) * len(columns) + 1, height, width), dtype=bool)
    for k, (row, column) in enumerate(((row, column) for row in rows for column in columns), start=1):
        masks[k, row[0] : row[-1] + 1, column[0] : column[-1] + 1] = True
    shape = [1] * window.ndim
    shape[axes.height], shape[axes.width] = height, width
    turned = masks if axes.height < axes.width else masks.swapaxes(1, 2)
    turned = turned.reshape(len(masks), *shape)
    step = max(1, _BATCH_BYTES // window.nbytes)
    batches = (np.where(turned[at : at + step], cover, window) for at in range(0, len(masks), step))
    scores = np.concatenate([score(batch) for batch in batches])
    logs = np.log(np.maximum(scores.astype(np.float64), _LEAST))
    lost = np.maximum(logs[0] - logs[1:], 0)
    return np.tensordot(lost, masks[1:], axes=1).astype(np.float32)


def _side_by_side(pictures: list[np.ndarray], axes: PictureAxes, gap: float) -> np.ndarray:
    """Join pictures [shape=(height, width)] with a gap."""
    if not pictures[1:]:
        return pictures[0]
    between = np.full((len(pictures[0]), _GAP), gap, dtype=np.float32)
    return np.concatenate([part for picture in pictures for part in (picture, between)][:-1], axis=1)
