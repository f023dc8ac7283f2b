"""Occlusion maps: the loss of a score when a part of the input is covered, computed with the graph alone.

M. D. Zeiler, R. Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014. No gradients
and no torch are needed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

# Floor of a score before its logarithm: differences between scores near 0 are noise.
_LEAST = 1e-3


def occlusion(
    score: Callable[[np.ndarray], np.ndarray],
    image: np.ndarray,
    cover: np.ndarray,
    blocks: tuple[int, int],
) -> np.ndarray:
    """Measure how much each part of an image speaks for a label.

    Parameters
    ----------
    score : callable
        Function from images [shape=(n, height, width)] to the scores of a label [shape=(n,), range 0 to 1].
    image : np.ndarray [shape=(height, width)]
    cover : np.ndarray
        Values that replace a part; the shape broadcasts to that of the image.
    blocks : (int, int)
        Parts along the height and the width.

    Returns
    -------
    np.ndarray [shape=(height, width), dtype=float32]
        The loss of the logarithm of the score, at least 0, spread over a part.
    """
    height, width = image.shape
    rows = np.array_split(np.arange(height), min(blocks[0], height))
    columns = np.array_split(np.arange(width), min(blocks[1], width))
    parts = [np.ix_(row, column) for row in rows for column in columns]
    covered = np.repeat(image[None], len(parts) + 1, axis=0)
    covers = np.broadcast_to(cover, image.shape)
    for one, part in zip(covered[1:], parts, strict=True):
        one[part] = covers[part]
    logs = np.log(np.maximum(score(covered).astype(np.float64), _LEAST))
    lost = np.zeros(image.shape, dtype=np.float32)
    for part, value in zip(parts, logs[0] - logs[1:], strict=True):
        lost[part] = max(0.0, value)
    return lost
