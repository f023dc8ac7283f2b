"""SHAP values of any model with named features, estimated from random orders of the features."""

from __future__ import annotations

import numpy as np

from genrekit.evaluation.explanation import Shap
from genrekit.evaluation.importance import FeatureTable

# Rows that are scored in all, examples at most, and pairs of orders per example at least and at most.
_ALL_ROWS, _MOST_EXAMPLES = 200_000, 200
_FEWEST_PAIRS, _MOST_PAIRS = 4, 32
_LEAST = 1e-7


def sampled_shap(table: FeatureTable, seed: int) -> tuple[Shap, int]:
    """Estimate SHAP values of a sample of the examples, in log odds.

    An example is turned into another one, feature by feature in a random order; the change of the log odds at the step of
    a feature is an unbiased estimate of its SHAP value against the other examples as background (Štrumbelj & Kononenko,
    *Knowledge and Information Systems* 41, 2014, algorithm 1). Every order is also taken backwards (Mitchell, Cooper, Frank &
    Holmes, *JMLR* 23, 2022), which lowers the variance.

    Parameters
    ----------
    table : FeatureTable
        The first window of every example is used.
    seed : int >= 0

    Returns
    -------
    shap : Shap
    orders : int
        Number of orders per example.
    """
    rng = np.random.default_rng(seed)
    rows = table.features[np.cumsum(table.counts) - table.counts]
    n_features = len(table.names)
    chosen = np.arange(len(rows))
    most = max(1, min(_MOST_EXAMPLES, _ALL_ROWS // (2 * _FEWEST_PAIRS * (n_features + 1))))
    if len(chosen) > most:
        chosen = np.sort(rng.choice(chosen, most, replace=False))
    pairs = int(np.clip(_ALL_ROWS // (2 * len(chosen) * (n_features + 1)), _FEWEST_PAIRS, _MOST_PAIRS))
    values = rows[chosen]
    found = np.stack([_of_example(table, value, rows, pairs, rng) for value in values])
    best = table.score(values).argmax(axis=1)
    contributions = found[np.arange(len(values)), best]
    return Shap(table.names, np.abs(found).mean(axis=0), values, contributions), 2 * pairs


def _of_example(
    table: FeatureTable, value: np.ndarray, rows: np.ndarray, pairs: int, rng: np.random.Generator
) -> np.ndarray:
    """Return the values of one example [shape=(n_labels, n_features)]."""
    n_features = len(value)
    orders = rng.permuted(np.tile(np.arange(n_features), (pairs, 1)), axis=1)
    orders = np.concatenate([orders, orders[:, ::-1]])
    background = np.tile(rows[rng.integers(len(rows), size=pairs)], (2, 1))
    place = np.argsort(orders, axis=1)
    # (order, step, feature): at step s the first s features of the order have the values of the example.
    own = place[:, None, :] < np.arange(n_features + 1)[None, :, None]
    mixed = np.where(own, value, background[:, None, :])
    scores = table.score(mixed.reshape(-1, n_features)).astype(np.float64)
    p = np.clip(scores, _LEAST, 1 - _LEAST).reshape(2 * pairs, n_features + 1, -1)
    steps = np.diff(np.log(p) - np.log1p(-p), axis=1)  # (order, step, label)
    by_feature = np.take_along_axis(steps, place[:, :, None], axis=1)
    mean: np.ndarray = by_feature.mean(axis=0).T
    return mean
