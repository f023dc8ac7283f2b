"""Tuning of label thresholds on held-out examples, for any model."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from genrekit.metrics.thresholds import THRESHOLD


def best_threshold(scores: npt.NDArray[np.floating], has: npt.NDArray[np.bool_]) -> float:
    """Return the threshold with the largest F1 on held-out rows.

    Parameters
    ----------
    scores : np.ndarray [shape=(n,)]
        In [0, 1].
    has : np.ndarray [shape=(n,), dtype=bool]
        Whether a row has the label.

    Returns
    -------
    float
        Midway between the lowest score above the threshold and the next one below; 0.5 if no row has the label.
    """
    if not has.any():
        return THRESHOLD
    order = np.argsort(-scores, kind="stable")
    ranked = np.append(scores[order], -1.0)
    n_above = np.arange(1, len(order) + 1)
    f1 = 2 * np.cumsum(has[order]) / (n_above + has.sum())
    f1[ranked[:-1] == ranked[1:]] = -1  # no threshold separates equal scores
    last = int(f1.argmax())
    return float((ranked[last] + max(ranked[last + 1], 0.0)) / 2)
