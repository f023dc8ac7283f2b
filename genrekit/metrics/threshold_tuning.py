"""What is tuned on held-out examples whatever the model: the threshold of a label."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

DEFAULT_THRESHOLD = 0.5


def best_threshold(scores: npt.NDArray[np.floating], has: npt.NDArray[np.bool_]) -> float:
    """The score from which on a label is given, for the largest F1 on held-out rows.

    Parameters
    ----------
    scores : np.ndarray [shape=(n,)]
        In [0, 1].
    has : np.ndarray [shape=(n,), dtype=bool]
        Which rows have the label.

    Returns
    -------
    float
        Midway between the last score that is enough and the next below; 0.5 where no row has the label.
    """
    if not has.any():
        return DEFAULT_THRESHOLD
    order = np.argsort(-scores, kind="stable")
    ranked = np.append(scores[order], -1.0)
    given = np.arange(1, len(order) + 1)
    f1 = 2 * np.cumsum(has[order]) / (given + has.sum())
    f1[ranked[:-1] == ranked[1:]] = -1  # nothing can stand between equal scores
    last = int(f1.argmax())
    return float((ranked[last] + max(ranked[last + 1], 0.0)) / 2)
