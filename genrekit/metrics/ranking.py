"""Ranking metrics per label: average precision and the area under the ROC curve.

Neither depends on a threshold, and neither is a function of sums over examples: every resample iterates over the
examples again, in an order that is computed once. The counts of a resample are the weights of its examples.

average_precision
    Sum over the distinct scores, from the best down, of (recall - recall before) * precision: scikit-learn's
    ``average_precision_score``
    (https://scikit-learn.org/stable/modules/generated/sklearn.metrics.average_precision_score.html).
roc_auc
    Share of the pairs of an example with the label and one without in which the first has the better score,
    ties counting half (Mann & Whitney's U; Hanley & McNeil, Radiology 143(1), 1982): scikit-learn's
    ``roc_auc_score``.

``mean_average_precision`` and the headline ``roc_auc`` are their means over the labels for which they are defined:
an average precision needs an example with the label, an area also one without it. An example drawn twice counts as
two hits at the same rank, so the average precision of a label with few examples is larger in resamples, and the
interval of the mean over many such labels is biased upwards.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Resamples x examples per block: few enough to fit into a core's cache.
_BLOCK = 50_000


@dataclass(frozen=True, eq=False)
class _Order:
    """One label's examples, best score first; a run is a stretch of equal scores that includes an example with the label."""

    groups: np.ndarray
    run_starts: np.ndarray
    run_ends: np.ndarray
    positives: np.ndarray
    first_positives: np.ndarray


class Ranking:
    """Orders of the examples by the score of every label.

    Parameters
    ----------
    scores : np.ndarray [shape=(n, n_labels)]
        Finite.
    targets : np.ndarray [shape=(n, n_labels), dtype=bool]
    group_of : np.ndarray [shape=(n,), dtype=int]
        The group of every example.
    """

    def __init__(self, scores: np.ndarray, targets: np.ndarray, group_of: np.ndarray) -> None:
        self._orders = [
            _order(column, has, group_of) for column, has in zip(scores.T, targets.T, strict=True)
        ]

    def per_label(self, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Compute average precision and area under the ROC curve of every label in every resample.

        Parameters
        ----------
        counts : np.ndarray [shape=(n_resamples, n_groups), dtype=int]
            Number of times that each group was drawn.

        Returns
        -------
        tuple of np.ndarray, np.ndarray [shape=(n_resamples, n_labels)]
            In [0, 1]; NaN where undefined.
        """
        counts = counts.astype(np.int32)
        size = max(1, _BLOCK // len(self._orders[0].groups))
        values = np.empty((2, len(counts), len(self._orders)))
        for start in range(0, len(counts), size):
            block = counts[start : start + size]
            for k, order in enumerate(self._orders):
                values[:, start : start + size, k] = _areas(order, block)
        return values[0], values[1]

    def metrics(self, counts: np.ndarray) -> dict[str, np.ndarray]:
        """Compute the means over labels in every resample; NaN where no label has a value."""
        precisions, areas = self.per_label(counts)
        return {"mean_average_precision": _mean(precisions), "roc_auc": _mean(areas)}


def _order(scores: np.ndarray, has: np.ndarray, group_of: np.ndarray) -> _Order:
    order = np.argsort(-scores, kind="stable")
    is_start = np.diff(scores[order], prepend=np.inf) != 0
    starts = np.flatnonzero(is_start)
    positives = np.flatnonzero(has[order])
    runs, first_positives = np.unique((np.cumsum(is_start) - 1)[positives], return_index=True)
    return _Order(
        groups=group_of[order],
        run_starts=starts[runs],
        run_ends=np.append(starts[1:], len(order))[runs],
        positives=positives,
        first_positives=first_positives,
    )


def _areas(order: _Order, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    undefined = np.full(len(counts), np.nan)
    if not len(order.positives):
        return undefined, undefined
    weights = counts[:, order.groups]
    above = np.zeros((len(counts), len(order.groups) + 1), dtype=np.int64)
    np.cumsum(weights, axis=1, out=above[:, 1:])
    hits = np.add.reduceat(weights[:, order.positives], order.first_positives, axis=1, dtype=np.int64)
    hits_to_end = np.cumsum(hits, axis=1)
    to_end, to_start = above[:, order.run_ends], above[:, order.run_starts]
    precision = np.divide(hits_to_end, to_end, out=np.zeros(hits.shape), where=to_end > 0)
    # Examples without the label above a run; those within it count half.
    misses = (to_end - hits_to_end + to_start - (hits_to_end - hits)) / 2
    n_with = hits_to_end[:, -1]
    n_without = above[:, -1] - n_with
    average_precision = np.divide(
        (hits * precision).sum(axis=1), n_with, out=undefined.copy(), where=n_with > 0
    )
    n_pairs = n_with * n_without
    wins = (hits * (n_without[:, None] - misses)).sum(axis=1)
    return average_precision, np.divide(wins, n_pairs, out=undefined.copy(), where=n_pairs > 0)


def _mean(values: np.ndarray) -> np.ndarray:
    defined = np.isfinite(values)
    n_defined = defined.sum(axis=1)
    total = np.where(defined, values, 0).sum(axis=1)
    means: np.ndarray = np.divide(total, n_defined, out=np.full(len(values), np.nan), where=n_defined > 0)
    return means
