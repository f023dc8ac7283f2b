"""What a model is worth: metrics of single-label scores, each with an interval, in one frozen `Report`.

*Conventions.* Scores are probabilities in [0, 1], one row an example, one column a label; targets are 0 or 1
in the same shape. A row of targets without a 1 is an example whose label the model does not know.

*Metrics.*

accuracy
    Share of examples whose best label is theirs; on ties the first label is the best one. An unknown label
    counts as wrong.
macro_f1
    Mean of the per-label F1 over the labels that occur among the targets or the answers (scikit-learn's
    choice too); an F1 without true positives is 0. Answers to unknown labels are false positives.
log_loss
    Mean of -log(score of the true label), scores clipped to float64's epsilon; without the unknown labels,
    where it is infinite.
expected_calibration_error
    Mean over examples of the distance between confidence and accuracy in 15 bins of equal width: Guo et al.,
    *On calibration of modern neural networks*, ICML 2017, arXiv:1706.04599, equation 3.
top_3_accuracy
    Share of examples whose label is among the best three; with four labels or more.

*Intervals.* 95 % percentile bootstrap over groups (Efron & Tibshirani, *An introduction to the bootstrap*,
1993, chapter 13): groups, not examples, are drawn with replacement, since the slices of a track are not
independent (the cluster bootstrap: Field & Welsh, JRSS B 69(3), 2007). Every metric is a function of sums
over examples, so a resample is one row of group counts times one matrix of group sums. A calibration error is
never negative and grows with noise, so its interval leans upwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from genrekit.errors import BackendError, DatasetError

N_BINS = 15
TOP = 3
LEVEL = 0.95
# Cameron, Gelbach & Miller, Review of Economics and Statistics 90(3), 2008: with "few (five to thirty)"
# clusters, intervals that resample clusters come out too narrow.
FEW_GROUPS = 30
INFLATED = (
    "The numbers are inflated: the model has learned from the groups (slices of a track, tracks of an artist) "
    "that it is measured on."
)
# Resamples x groups held at a time: 40 MB as float64.
_BLOCK = 5_000_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number and its 95 % interval; the ends are None where a single group gives none."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class LabelMetrics:
    """One label: precision, recall and F1 in [0, 1], 0 where undefined; ``support`` examples have it."""

    label: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class Report:
    """Everything a reader needs to trust, or distrust, a number.

    Attributes
    ----------
    split : str
        What was measured and how it was held out, in words.
    inflated : bool
        Whether parts of the same group were both learned from and measured.
    n_examples, n_groups : int
        What the numbers were measured on.
    metrics : Mapping[str, Estimate]
        The headline numbers by name, in the order of the module's description.
    baseline : float
        Accuracy of always answering ``baseline_label``, the most frequent label of the measured examples.
    per_label : tuple of LabelMetrics
        In the order of the model's labels.
    confusion : tuple of tuple of int
        Rows are true labels, columns are answers; without the examples of unknown labels.
    unknown_labels : Mapping[str, int]
        Labels the model has never seen, with their number of examples.
    failures : tuple of (str, str)
        Id and reason of the examples that could not be prepared: they are in no other number.
    n_boot, seed : int
        How the intervals were drawn.
    """

    split: str
    inflated: bool
    n_examples: int
    n_groups: int
    metrics: Mapping[str, Estimate]
    baseline: float
    baseline_label: str
    per_label: tuple[LabelMetrics, ...]
    confusion: tuple[tuple[int, ...], ...]
    unknown_labels: Mapping[str, int] = field(default_factory=dict)
    failures: tuple[tuple[str, str], ...] = ()
    n_boot: int = 1000
    seed: int = 0

    @property
    def labels(self) -> tuple[str, ...]:
        """The model's labels, in the order of ``per_label`` and ``confusion``."""
        return tuple(metrics.label for metrics in self.per_label)

    @property
    def notes(self) -> tuple[str, ...]:
        """What to know before the numbers, most important first; the inflation of a split always leads."""
        notes = [INFLATED] if self.inflated else []
        if self.failures:
            n_all = self.n_examples + len(self.failures)
            notes.append(f"{len(self.failures)} of {n_all} examples could not be read and are in no number.")
        if self.unknown_labels:
            names = ", ".join(f"{label} ({n})" for label, n in self.unknown_labels.items())
            notes.append(f"Labels the model does not know, counted as wrong: {names}.")
        if self.n_groups == 1:
            notes.append("There is no interval: all examples belong to one group.")
        elif self.n_groups < FEW_GROUPS:
            notes.append(f"Only {self.n_groups} groups: the intervals are rough, rather too narrow.")
        return tuple(notes)

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON-able values, keys always in the same order, the notes first."""
        return {
            "notes": list(self.notes),
            "split": self.split,
            "inflated": self.inflated,
            "n_examples": self.n_examples,
            "n_groups": self.n_groups,
            "metrics": {name: asdict(estimate) for name, estimate in self.metrics.items()},
            "baseline": {"accuracy": self.baseline, "label": self.baseline_label},
            "interval": {
                "level": LEVEL,
                "method": "bootstrap over groups",
                "n_boot": self.n_boot,
                "seed": self.seed,
            },
            "labels": list(self.labels),
            "per_label": [asdict(metrics) for metrics in self.per_label],
            "confusion": [list(row) for row in self.confusion],
            "unknown_labels": dict(self.unknown_labels),
            "failures": [{"id": id_, "reason": reason} for id_, reason in self.failures],
        }


def report(
    scores: np.ndarray,
    targets: np.ndarray,
    labels: Sequence[str],
    groups: Sequence[str] | np.ndarray,
    *,
    split: str,
    inflated: bool = False,
    unknown_labels: Mapping[str, int] | None = None,
    failures: Sequence[tuple[str, str]] = (),
    n_boot: int = 1000,
    seed: int = 0,
) -> Report:
    """Measure scores against targets.

    Parameters
    ----------
    scores : np.ndarray [shape=(n, n_labels)]
        Probabilities, an example's average over its windows; every row sums to 1.
    targets : np.ndarray [shape=(n, n_labels)]
        1 where the example has the label, else 0; at most one 1 a row, none where the label is unknown.
    labels : sequence of str
        The model's labels: the columns.
    groups : sequence of str [shape=(n,)]
        What the bootstrap draws; an example without a group is its own (`genrekit.splits.group_keys`).
    split : str
        `Split.method`, or other words that say what was measured.
    inflated : bool
        `Split.inflated`.
    unknown_labels : Mapping[str, int], optional
        The names behind the rows of ``targets`` without a 1, with their counts.
    failures : sequence of (str, str)
        Id and reason of the examples that have no row because they could not be prepared.
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
        If the shapes do not fit one another, an example has several labels, or ``unknown_labels`` does not
        count the rows without a label.
    """
    if not len(targets):
        raise DatasetError(
            f"There is nothing to measure: {len(failures)} examples failed, none is left."
            + (f" The first: {failures[0][0]}: {failures[0][1]}" if failures else ""),
            "Try: genrekit datasets check SOURCE",
        )
    unknown_labels = dict(sorted((unknown_labels or {}).items()))
    targets = np.asarray(targets) > 0
    scores = _probabilities(scores, targets.shape)
    _check_targets(targets, labels, groups, unknown_labels)
    if not targets.any():
        raise DatasetError(
            f"None of the examples has a label that the model knows ({', '.join(labels)}); theirs are: "
            f"{', '.join(unknown_labels)}.",
            "Rename the labels of the data source, or choose another model.",
        )
    n_labels = len(labels)
    truth = np.where(targets.any(axis=1), targets.argmax(axis=1), n_labels)
    answers = scores.argmax(axis=1)

    group_of = np.unique(np.asarray(groups), return_inverse=True)[1]
    sums = _group_sums(_contributions(scores, truth, answers), group_of)
    n_groups = sums.shape[0]
    values = _metrics(sums.sum(axis=0, keepdims=True), n_labels)
    draws = _bootstrap(sums, n_labels, n_boot, seed) if n_groups > 1 else {}
    metrics = {name: _estimate(value[0], draws.get(name)) for name, value in values.items()}

    known = np.arange(n_labels)
    precision, recall, f1, support = precision_recall_fscore_support(
        truth, answers, labels=known, zero_division=0
    )
    return Report(
        split=split,
        inflated=inflated,
        n_examples=len(truth),
        n_groups=n_groups,
        metrics=metrics,
        baseline=float(support.max() / len(truth)),
        baseline_label=labels[int(support.argmax())],
        per_label=tuple(
            LabelMetrics(label, float(precision[i]), float(recall[i]), float(f1[i]), int(support[i]))
            for i, label in enumerate(labels)
        ),
        confusion=tuple(
            tuple(int(n) for n in row[:n_labels])
            for row in confusion_matrix(truth, answers, labels=np.arange(n_labels + 1))[:n_labels]
        ),
        unknown_labels=unknown_labels,
        failures=tuple(failures),
        n_boot=n_boot,
        seed=seed,
    )


def _probabilities(scores: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The scores as float64 rows that sum to 1 exactly, so that float32's rounding is not measured."""
    scores = scores.astype(np.float64)
    if scores.shape != shape:
        raise ValueError(f"scores have shape {scores.shape}, targets {shape}")
    totals = scores.sum(axis=1, keepdims=True)
    if not (np.isfinite(scores).all() and (scores >= 0).all() and np.allclose(totals, 1, atol=1e-3)):
        raise BackendError(
            f"The model's scores are not probabilities: they go from {scores.min():g} to {scores.max():g}, "
            f"and rows sum to {totals.min():g} up to {totals.max():g} instead of 1.",
            "Its backend must give calibrated probabilities; try genrekit.testing.check_backend on it.",
        )
    scores /= totals
    return scores


def _check_targets(
    targets: np.ndarray,
    labels: Sequence[str],
    groups: Sequence[str] | np.ndarray,
    unknown_labels: Mapping[str, int],
) -> None:
    if targets.shape != (len(groups), len(labels)):
        raise ValueError(
            f"targets have shape {targets.shape}; {len(groups)} groups and {len(labels)} labels given"
        )
    n_labels_of = targets.sum(axis=1)
    if (n_labels_of > 1).any():
        raise ValueError("an example has several labels; these metrics are for one label an example")
    n_unknown = int((n_labels_of == 0).sum())
    if n_unknown != sum(unknown_labels.values()):
        raise ValueError(
            f"{n_unknown} rows have no label, unknown_labels counts {sum(unknown_labels.values())}"
        )


def _contributions(scores: np.ndarray, truth: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """What every example adds to the sums of `_metrics`: one row an example."""
    n, n_labels = scores.shape
    rows = np.arange(n)
    correct = truth == answers
    is_known = truth < n_labels
    true_score = np.where(is_known, scores[rows, np.minimum(truth, n_labels - 1)], 1.0)
    loss = -np.log(np.maximum(true_score, np.finfo(np.float64).eps))
    best = np.argsort(-scores, axis=1, kind="stable")[:, :TOP]
    in_top = (best == truth[:, None]).any(axis=1)
    confidence = scores[rows, answers]
    gaps = np.zeros((n, N_BINS))
    gaps[rows, np.clip(np.ceil(confidence * N_BINS).astype(int) - 1, 0, N_BINS - 1)] = confidence - correct
    label = np.arange(n_labels)
    is_true, is_answer = truth[:, None] == label, answers[:, None] == label
    return np.hstack(
        [
            np.stack([np.ones(n), is_known, loss, correct, in_top], axis=1),
            gaps,
            is_true & is_answer,
            is_true,
            is_answer,
        ]
    )


def _group_sums(contributions: np.ndarray, group_of: np.ndarray) -> np.ndarray:
    order = np.argsort(group_of, kind="stable")
    starts = np.flatnonzero(np.diff(group_of[order], prepend=-1))
    return np.add.reduceat(contributions[order], starts)


def _metrics(sums: np.ndarray, n_labels: int) -> dict[str, np.ndarray]:
    """Every metric from sums over examples: one row of sums in, one value out."""
    n, n_known, loss, correct, in_top = sums[:, :5].T
    gaps, rest = sums[:, 5 : 5 + N_BINS], sums[:, 5 + N_BINS :]
    both, true, answered = rest[:, :n_labels], rest[:, n_labels : 2 * n_labels], rest[:, 2 * n_labels :]
    occurs = (true + answered) > 0
    f1 = np.divide(2 * both, true + answered, out=np.zeros_like(both), where=occurs)
    metrics = {
        "accuracy": correct / n,
        "macro_f1": f1.sum(axis=1) / occurs.sum(axis=1),
        # A resample without any known label has none.
        "log_loss": np.divide(loss, n_known, out=np.full_like(loss, np.nan), where=n_known > 0),
        "expected_calibration_error": np.abs(gaps).sum(axis=1) / n,
    }
    if n_labels > TOP:
        metrics[f"top_{TOP}_accuracy"] = in_top / n
    return metrics


def _bootstrap(sums: np.ndarray, n_labels: int, n_boot: int, seed: int) -> dict[str, np.ndarray]:
    """Every metric of ``n_boot`` resamples of the groups, in blocks of bounded memory."""
    n_groups = len(sums)
    rng = np.random.default_rng(seed)
    blocks = []
    block = max(1, min(n_boot, _BLOCK // n_groups))
    for start in range(0, n_boot, block):
        size = min(block, n_boot - start)
        drawn = rng.integers(n_groups, size=(size, n_groups)) + n_groups * np.arange(size)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=size * n_groups).reshape(size, n_groups)
        blocks.append(_metrics(counts @ sums, n_labels))
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def _estimate(value: float, draws: np.ndarray | None) -> Estimate:
    if draws is None:
        return Estimate(float(value), None, None)
    tail = (1 - LEVEL) / 2
    low, high = np.nanquantile(draws, [tail, 1 - tail])
    return Estimate(float(value), float(low), float(high))
