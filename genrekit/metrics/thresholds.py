"""Decisions of multi-label scores: a label is predicted if its score reaches its threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

THRESHOLD = 0.5

Thresholds = Mapping[str, float] | np.ndarray


def above_thresholds(scores: np.ndarray, labels: Sequence[str], thresholds: Thresholds) -> np.ndarray:
    """Return which labels reach their thresholds.

    Parameters
    ----------
    scores : np.ndarray [shape=(n, n_labels)]
        In [0, 1].
    labels : sequence of str
        The columns.
    thresholds : Mapping[str, float] or np.ndarray [shape=(n, n_labels)]
        In [0, 1]: one per label, `THRESHOLD` by default; or, as an array, one per label and example.

    Returns
    -------
    np.ndarray [shape=(n, n_labels), dtype=bool]

    Raises
    ------
    ValueError
        If a threshold has an unknown label, or the shapes do not fit one another.
    """
    if isinstance(thresholds, Mapping):
        if unknown := sorted(set(thresholds) - set(labels)):
            raise ValueError(f"thresholds has {unknown[0]!r}, which is not a label")
        limits = np.array([thresholds.get(label, THRESHOLD) for label in labels])
    else:
        limits = thresholds
        if limits.shape != scores.shape:
            raise ValueError(f"thresholds have shape {limits.shape}, scores {scores.shape}")
    reached: np.ndarray = scores >= limits
    return reached
