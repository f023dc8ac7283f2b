"""Differences between models on the same examples, by the paired bootstrap over groups.

All models are measured on the same resamples (`genrekit.metrics.bootstrap`), so that what is hard for all of them cancels
(Efron & Tibshirani, *An introduction to the bootstrap*, 1993, chapter 16). Two models are told apart if the 95 % interval
of their difference does not contain 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from genrekit.metrics.bootstrap import bootstrap_draws, group_sums, interval
from genrekit.metrics.definitions import (
    multilabel_metrics,
    multilabel_terms,
    single_label_metrics,
    single_label_terms,
)
from genrekit.metrics.report import Estimate
from genrekit.metrics.thresholds import Thresholds, above_thresholds

LOWER_IS_BETTER = frozenset({"log_loss", "expected_calibration_error"})
"""Metrics of which a smaller value is better."""

Draws = Mapping[str, np.ndarray]


def paired_draws(
    scores: np.ndarray,
    targets: np.ndarray,
    labels: Sequence[str],
    groups: Sequence[str] | np.ndarray,
    *,
    multilabel: bool = False,
    thresholds: Thresholds | None = None,
    n_boot: int = 1000,
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """Measure scores on all examples and on resamples of their groups.

    Parameters
    ----------
    scores, targets, labels, groups, multilabel, thresholds, n_boot, seed
        As for `genrekit.metrics.measure.measure_scores`. Calls with the same groups, ``n_boot`` and ``seed`` use the same
        resamples.

    Returns
    -------
    dict of str to np.ndarray [shape=(1 + n_boot,)]
        Per metric the value on all examples, followed by those on the resamples; only the first if there is one group.
    """
    has = np.asarray(targets) > 0
    group_of = np.unique(np.asarray(groups), return_inverse=True)[1]
    n_labels = len(labels)
    if multilabel:
        terms = multilabel_terms(
            has, above_thresholds(scores, labels, {} if thresholds is None else thresholds)
        )
        of_sums = multilabel_metrics
    else:
        truth = np.where(has.any(axis=1), has.argmax(axis=1), n_labels)
        shares = scores / scores.sum(axis=1, keepdims=True, dtype=np.float64)
        terms = single_label_terms(shares, truth, scores.argmax(axis=1))
        of_sums = single_label_metrics
    sums = group_sums(terms, group_of)
    values = of_sums(sums.sum(axis=0, keepdims=True), n_labels)
    if len(sums) == 1:
        return values
    draws = bootstrap_draws(
        lambda counts: of_sums(counts @ sums, n_labels), len(sums), n_boot=n_boot, seed=seed
    )
    return {name: np.concatenate([values[name], draws[name]]) for name in values}


def difference(one: Draws, other: Draws, metric: str) -> Estimate:
    """Return ``one`` minus ``other`` in a metric, with the interval of the paired differences.

    Parameters
    ----------
    one, other : Mapping of str to np.ndarray
        As `paired_draws` returns them, of the same resamples.
    metric : str
    """
    differences = one[metric] - other[metric]
    low, high = interval(differences[1:]) if len(differences) > 1 else (None, None)
    return Estimate(float(differences[0]), low, high)


def is_better(one: Draws, other: Draws, metric: str) -> bool:
    """Return whether ``one`` is significantly better than ``other`` in a metric."""
    found = difference(one, other, metric)
    if found.low is None or found.high is None:
        return False
    return found.high < 0 if metric in LOWER_IS_BETTER else found.low > 0


def ranks(draws: Sequence[Draws], metric: str) -> list[int]:
    """Rank models with ties: the rank of a model is 1 plus the number of models that are told apart from it as better.

    Parameters
    ----------
    draws : sequence of Mapping
        One per model, of the same resamples.
    metric : str

    Returns
    -------
    list of int
        In the order of the models.

    Examples
    --------
    >>> import numpy as np
    >>> ranks([{"accuracy": np.array([0.8, 0.7, 0.9])}, {"accuracy": np.array([0.5, 0.4, 0.6])}], "accuracy")
    [1, 2]
    """
    return [1 + sum(is_better(other, one, metric) for other in draws) for one in draws]
