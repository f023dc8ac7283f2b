"""Measurement of scores against targets: `genrekit.metrics.report.Report`, every number with an interval.

*Conventions.* Scores are probabilities in [0, 1], one row per example, one column per label; targets are 0 or 1
in the same shape. A row of targets without a 1 is an example whose labels are all unknown to the model.

*Metrics.* `genrekit.metrics.definitions` defines those that depend on predicted labels, `genrekit.metrics.ranking` those of multi-label
scores that do not.

*Intervals.* 95 % percentile bootstrap over groups: `genrekit.metrics.bootstrap`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from genrekit.errors import BackendError, DatasetError
from genrekit.metrics.bootstrap import bootstrap_draws, group_sums, interval
from genrekit.metrics.definitions import (
    calibration_bins,
    label_counts,
    multilabel_metrics,
    multilabel_terms,
    ratios,
    single_label_metrics,
    single_label_terms,
)
from genrekit.metrics.ranking import Ranking
from genrekit.metrics.report import Estimate, LabelMetrics, Report
from genrekit.metrics.thresholds import THRESHOLD, Thresholds, above_thresholds
from genrekit.text import counted

# Resamples x examples x labels that rankings may process: about half a minute on one core.
_MOST_RANKED = 3_000_000_000
_FEWEST_RANKED = 100
_ROUNDING = 1e-3
_TINY = 1e-9
# Its resamples are larger than its value; see `genrekit.metrics.definitions`.
_BIASED = "expected_calibration_error"


def measure_scores(
    scores: np.ndarray,
    targets: np.ndarray,
    labels: Sequence[str],
    groups: Sequence[str] | np.ndarray,
    *,
    split: str,
    inflated: bool = False,
    multilabel: bool = False,
    thresholds: Thresholds | None = None,
    unknown_labels: Mapping[str, int] | None = None,
    failures: Sequence[tuple[str, str]] = (),
    n_boot: int = 1000,
    seed: int = 0,
) -> Report:
    """Measure scores against targets.

    Parameters
    ----------
    scores : np.ndarray [shape=(n, n_labels)]
        Probabilities, an example's average over its windows. Every row sums to 1 unless ``multilabel``.
    targets : np.ndarray [shape=(n, n_labels)]
        1 where the example has the label, else 0; a row without a 1 has only labels unknown to the model,
        and at most one unless ``multilabel``.
    labels : sequence of str
        The model's labels: the columns.
    groups : sequence of str [shape=(n,)]
        Units that the bootstrap draws; an example without a group is a group of its own (`genrekit.datasets.group_keys`).
    split : str
        `Split.method`, or another description of the examples measured.
    inflated : bool
        `Split.inflated`.
    multilabel : bool
        Whether scores are independent per label, and predictions have any number of labels.
    thresholds : Mapping[str, float] or np.ndarray [shape=(n, n_labels)], optional
        With ``multilabel``: the score from which a label is predicted, 0.5 by default. An array if thresholds differ
        between examples, as between the folds of a cross-validation.
    unknown_labels : Mapping[str, int], optional
        Labels unknown to the model, with the number of examples that have them.
    failures : sequence of (str, str)
        Id and reason of the examples that could not be prepared and have no row.
    n_boot : int >= 1
        Resamples for the intervals.
    seed : int >= 0
        The same seed gives the same intervals.

    Raises
    ------
    DatasetError
        If there is nothing to measure: no example, or none with a label of the model.
    BackendError
        If the scores are not probabilities.
    ValueError
        If the shapes do not fit one another, or a threshold has an unknown label; or, without ``multilabel``, if
        there are thresholds, an example has several labels, or ``unknown_labels`` does not count the rows
        without a label.
    """
    if not len(targets):
        raise DatasetError(
            f"There is nothing to measure: {counted(len(failures), 'example')} failed, none are left."
            + (f" The first: {failures[0][0]}: {failures[0][1]}" if failures else ""),
            "Try: genrekit datasets check SOURCE",
        )
    unknown_labels = dict(sorted((unknown_labels or {}).items()))
    targets = np.asarray(targets) > 0
    scores = _checked(scores, targets, labels, groups, multilabel=multilabel)
    if not multilabel:
        _check_single(targets, thresholds, unknown_labels)
    if not targets.any():
        raise DatasetError(
            f"None of the examples has a label that the model knows ({', '.join(labels)}); theirs are: "
            f"{', '.join(unknown_labels)}.",
            "Rename the labels of the data source, or choose another model.",
        )
    group_of = np.unique(np.asarray(groups), return_inverse=True)[1]
    n_labels = len(labels)
    if multilabel:
        thresholds = {} if thresholds is None else thresholds
        terms = multilabel_terms(targets, above_thresholds(scores, labels, thresholds))
        of_sums = multilabel_metrics
        confusion: np.ndarray = np.empty((0, 0), dtype=int)
        calibration: list[tuple[int, float, float]] = []
    else:
        truth = np.where(targets.any(axis=1), targets.argmax(axis=1), n_labels)
        predicted = scores.argmax(axis=1)
        terms = single_label_terms(scores, truth, predicted)
        of_sums = single_label_metrics
        cells = np.bincount(truth * n_labels + predicted, minlength=(n_labels + 1) * n_labels)
        confusion = cells.reshape(n_labels + 1, n_labels)[:n_labels]
        calibration = calibration_bins(scores, truth)

    sums = group_sums(terms, group_of)
    everything = np.ones((1, len(sums)), dtype=int)
    metrics = _estimates(lambda counts: of_sums(counts @ sums, n_labels), len(sums), n_boot, seed)
    n_ranked = min(n_boot, max(_FEWEST_RANKED, _MOST_RANKED // scores.size)) if multilabel else 0
    areas = np.full((2, n_labels), np.nan)
    if multilabel:
        ranking = Ranking(scores, targets, group_of)
        metrics |= _estimates(ranking.metrics, len(sums), n_ranked, seed)
        areas = np.concatenate(ranking.per_label(everything))

    both, true, predicted = (counts[0] for counts in label_counts(everything @ sums, n_labels))
    support = int(true.max())
    if true.all():  # then it is macro_f1
        del metrics["macro_f1_present"]
    return Report(
        split=split,
        inflated=inflated,
        n_examples=len(targets),
        n_groups=len(sums),
        metrics=metrics,
        baseline=float(2 * support / (len(targets) + true.sum()) if multilabel else support / len(targets)),
        baseline_label=labels[int(true.argmax())],
        per_label=tuple(
            LabelMetrics(label, float(precision), float(recall), float(f1), int(n), _value(ap), _value(auc))
            for label, precision, recall, f1, n, ap, auc in zip(
                labels,
                ratios(both, predicted),
                ratios(both, true),
                ratios(2 * both, true + predicted),
                true,
                *areas,
                strict=True,
            )
        ),
        confusion=tuple(tuple(int(n) for n in row) for row in confusion),
        unknown_labels=unknown_labels,
        failures=tuple(failures),
        n_boot=n_boot,
        seed=seed,
        multilabel=multilabel,
        thresholds={label: float(thresholds.get(label, THRESHOLD)) for label in labels}
        if multilabel and isinstance(thresholds, Mapping)
        else {},
        n_boot_ranking=n_ranked,
        calibration=tuple(calibration),
    )


def _checked(
    scores: np.ndarray,
    targets: np.ndarray,
    labels: Sequence[str],
    groups: Sequence[str] | np.ndarray,
    *,
    multilabel: bool,
) -> np.ndarray:
    """Check the scores; return single-label ones as float64 rows that sum to 1, so that float32's rounding is not measured."""
    if scores.shape != targets.shape:
        raise ValueError(f"scores have shape {scores.shape}, targets {targets.shape}")
    if targets.shape != (len(groups), len(labels)):
        raise ValueError(
            f"targets have shape {targets.shape}; {len(groups)} groups and {len(labels)} labels given"
        )
    in_range = bool(np.isfinite(scores).all() and (scores >= 0).all() and (scores <= 1 + _ROUNDING).all())
    totals = scores.sum(axis=1, keepdims=True, dtype=np.float64)
    if in_range and multilabel:
        return scores
    if in_range and np.allclose(totals, 1, atol=_ROUNDING):
        shares_of_one: np.ndarray = scores / totals
        return shares_of_one
    rows = "" if multilabel else f", and rows sum to {totals.min():g} up to {totals.max():g} instead of 1"
    raise BackendError(
        f"The model's scores are not probabilities: they go from {scores.min():g} to {scores.max():g}{rows}.",
        "Its backend must return calibrated probabilities; run genrekit.testing.backend.check_backend on it.",
    )


def _check_single(
    targets: np.ndarray, thresholds: Thresholds | None, unknown_labels: Mapping[str, int]
) -> None:
    if thresholds is not None and len(thresholds):
        raise ValueError("thresholds are for multi-label scores")
    n_labels_of = targets.sum(axis=1)
    if (n_labels_of > 1).any():
        raise ValueError("an example has several labels; these metrics are for one label per example")
    n_unknown = int((n_labels_of == 0).sum())
    if n_unknown != sum(unknown_labels.values()):
        raise ValueError(
            f"{n_unknown} rows have no label, unknown_labels counts {sum(unknown_labels.values())}"
        )


def _estimates(
    measure: Callable[[np.ndarray], dict[str, np.ndarray]], n_groups: int, n_boot: int, seed: int
) -> dict[str, Estimate]:
    """Return every metric that has a value, with its interval where there is more than one group."""
    values = measure(np.ones((1, n_groups), dtype=int))
    draws = bootstrap_draws(measure, n_groups, n_boot=n_boot, seed=seed) if n_groups > 1 else {}
    return {
        name: _estimate(name, float(value[0]), draws.get(name))
        for name, value in values.items()
        if np.isfinite(value[0])
    }


def _estimate(name: str, value: float, draws: np.ndarray | None) -> Estimate:
    """Return a value with the interval of its draws, or without one if it would exclude the value."""
    if draws is None:
        return Estimate(value, None, None)
    if name == _BIASED:
        draws = np.clip(draws - (np.median(draws) - value), 0, 1)
    low, high = interval(draws)
    if low is None or high is None or not low - _TINY <= value <= high + _TINY:
        return Estimate(value, None, None)
    return Estimate(value, min(low, value), max(high, value))


def _value(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None
