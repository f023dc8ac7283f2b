"""Reports of measurements, with everything needed to judge whether a number can be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from genrekit.metrics.bootstrap import LEVEL
from genrekit.text import counted

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

# Cameron, Gelbach & Miller, Review of Economics and Statistics 90(3), 2008: with "few (five to thirty)"
# clusters, intervals that resample clusters are too narrow.
FEW_GROUPS = 30
INFLATED = (
    "The numbers are inflated: the model has learned from the groups (slices of a track, tracks of an artist) "
    "that it is measured on."
)


_MOST_NAMED = 12
# Prefix of `Report.split` if no split was made.
WHOLE = "all examples of "

_WRONG = "unknown labels count as wrong"
_LOWER = "predictions for unknown labels lower precision"
_EFFECTS = {
    "accuracy": _WRONG,
    "macro_f1": _LOWER,
    "macro_f1_present": _LOWER,
    "log_loss": "without examples of unknown labels",
    "expected_calibration_error": _WRONG,
    "top_3_accuracy": _WRONG,
    "baseline": _WRONG,
}
_EMPTY = "an example without a known label counts 0"
_MULTILABEL_EFFECTS = {
    "micro_f1": _LOWER,
    "macro_f1": _LOWER,
    "macro_f1_present": _LOWER,
    "samples_f1": _EMPTY,
    "mean_average_precision": "unknown labels count as no label",
    "roc_auc": "unknown labels count as no label",
    "baseline": _LOWER,
}


class ScoredExample(NamedTuple):
    """One measured example; the numbers of a report are computed from these.

    Attributes
    ----------
    id : str
    label, predicted : str
        The true and the predicted label; multiple labels are joined by ``|``.
    score : float in [0, 1]
        Score of the best label, predicted or not.
    group : str
        Unit that the bootstrap draws; empty for an example that is its own group.
    scores : np.ndarray [shape=(n_labels,)]
        In the order of the report's labels.
    """

    id: str
    label: str
    predicted: str
    score: float
    group: str
    scores: np.ndarray


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number and its 95 % interval; the ends are None if there is a single group."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class LabelMetrics:
    """One label: precision, recall and F1 in [0, 1], 0 where undefined; ``support`` examples have it.

    ``average_precision`` and ``roc_auc``, in [0, 1], exist for multi-label scores only, and are None where undefined:
    if no example has the label; for the area, also if every example has it.
    """

    label: str
    precision: float
    recall: float
    f1: float
    support: int
    average_precision: float | None = None
    roc_auc: float | None = None


@dataclass(frozen=True)
class Learnt:
    """Number of measured examples that the model learnt, and the report on the others.

    Attributes
    ----------
    examples, of : int
        Number of learnt examples, and of all measured ones.
    rest : Report or None
        The numbers on the others; None where there are none.
    """

    examples: int
    of: int
    rest: Report | None = None

    @property
    def note(self) -> str:
        """Note to print before the numbers."""
        note = f"The model learnt {self.examples} of these {counted(self.of, 'example')}"
        if not self.examples:
            return note.replace("learnt 0", "learnt none") + ", as far as its content keys tell."
        if self.rest is None:
            return note + ": nothing is left that says how it does on others."
        name, estimate = next(iter(self.rest.metrics.items()))
        value = (
            f"{100 * estimate.value:.1f} %" if name.endswith(("accuracy", "f1")) else f"{estimate.value:.3f}"
        )
        return f"{note}; on the other {self.rest.n_examples} its {name.replace('_', ' ')} is {value}."


@dataclass(frozen=True)
class Report:
    """Measured numbers, with everything needed to judge whether they can be trusted.

    Attributes
    ----------
    split : str
        Description of the examples measured and of how they were held out.
    inflated : bool
        Whether parts of the same group were both learned from and measured.
    n_examples, n_groups : int
        Size of the data measured.
    metrics : Mapping[str, Estimate]
        The headline numbers by name, in the order of `genrekit.metrics.definitions` and `genrekit.metrics.ranking`.
    baseline : float
        Accuracy, or micro-F1 for multi-label models, of always predicting ``baseline_label``, the most frequent label
        of the measured examples.
    per_label : tuple of LabelMetrics
        In the order of the model's labels.
    confusion : tuple of tuple of int
        Rows are true labels, columns are predictions; without the examples of unknown labels. Empty for multi-label
        models, where labels are not alternatives.
    unknown_labels : Mapping[str, int]
        Labels unknown to the model, with their number of examples.
    failures : tuple of (str, str)
        Id and reason of the examples that could not be prepared: no other number includes them.
    n_boot, seed : int
        Number of resamples of the intervals, and their seed.
    multilabel : bool
        Whether examples may have more than one label, and predictions any number.
    thresholds : Mapping[str, float]
        Multi-label only: the score from which each label was predicted; empty if thresholds differed between examples.
    calibration : tuple of (int, float, float)
        Single-label only: per bin of confidence that has examples, their number, mean confidence and accuracy.
    n_boot_ranking : int
        Multi-label only: the resamples behind the intervals of mean_average_precision and roc_auc; fewer
        than ``n_boot`` where all of them would take minutes.
    learnt : Learnt or None
        The measured examples that the model learnt; None if its bundle has no content keys.
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
    multilabel: bool = False
    thresholds: Mapping[str, float] = field(default_factory=dict)
    n_boot_ranking: int = 0
    calibration: tuple[tuple[int, float, float], ...] = ()
    learnt: Learnt | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of the model, in the order of ``per_label`` and ``confusion``."""
        return tuple(metrics.label for metrics in self.per_label)

    @property
    def effects(self) -> Mapping[str, str]:
        """Effect of labels unknown to the model on each number, by metric or 'baseline'; empty if there are none."""
        if not self.unknown_labels:
            return {}
        words = _MULTILABEL_EFFECTS if self.multilabel else _EFFECTS
        return {name: words[name] for name in (*self.metrics, "baseline") if name in words}

    @property
    def notes(self) -> tuple[str, ...]:
        """Caveats of the numbers, most important first; an inflated split is always the first."""
        notes = [INFLATED] if self.inflated else []
        if self.learnt and self.learnt.examples:
            notes.append(self.learnt.note)
        if self.failures:
            n_all = self.n_examples + len(self.failures)
            notes.append(
                f"{len(self.failures)} of {counted(n_all, 'example')} could not be read and are not included in the numbers."
            )
        if self.unknown_labels:
            names = ", ".join(f"{label} ({n})" for label, n in self.unknown_labels.items())
            notes.append(
                "Labels the model does not know, left out of the numbers (an example without another label "
                f"has no correct prediction): {names}."
                if self.multilabel
                else f"Labels the model does not know, counted as wrong: {names}."
            )
        if absent := [label.label for label in self.per_label if not label.support]:
            more = f" and {len(absent) - _MOST_NAMED} more" if len(absent) > _MOST_NAMED else ""
            notes.append(
                f"No example has the labels {', '.join(absent[:_MOST_NAMED])}{more}: where they were predicted, they count as an F1 of 0 in "
                "macro-F1. The macro-F1 of the labels that examples have is listed below it."
            )
        if self.n_groups == 1:
            notes.append("There is no interval: all examples belong to one group.")
        elif self.n_groups < FEW_GROUPS:
            notes.append(
                f"Only {counted(self.n_groups, 'group')}: the intervals are rough, rather too narrow."
            )
        return tuple(notes)

    def to_frame(
        self, part: Literal["metrics", "labels", "confusion", "calibration"] = "metrics"
    ) -> pd.DataFrame:
        """Return a part of the report as a data frame.

        Parameters
        ----------
        part : {'metrics', 'labels', 'confusion', 'calibration'}

        Returns
        -------
        pd.DataFrame
            'metrics': the index ``metric``, and ``value``, ``low`` and ``high`` (float64), the ends of the 95 % interval.
            'labels': the index ``label``, ``precision``, ``recall`` and ``f1`` (float64) and ``support`` (int64); for
            multi-label models also ``average_precision`` and ``roc_auc`` (float64).
            'confusion': the index ``label``, the true one, and a column per predicted label (int64); no rows for
            multi-label models. 'calibration': ``examples`` (int64), ``confidence`` and ``accuracy`` (float64).

        Raises
        ------
        UsageError
            If there is no such part.
        """
        from genrekit.metrics.to_frame import frame_of

        return frame_of(self, part)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON-able values, keys always in the same order, the notes first."""
        ranking = {"n_boot_ranking": self.n_boot_ranking} if self.multilabel else {}
        left_out = () if self.multilabel else ("average_precision", "roc_auc")
        return {
            "notes": list(self.notes),
            "split": self.split,
            "inflated": self.inflated,
            "multilabel": self.multilabel,
            "n_examples": self.n_examples,
            "n_groups": self.n_groups,
            "metrics": {name: asdict(estimate) for name, estimate in self.metrics.items()},
            "baseline": {
                "micro_f1" if self.multilabel else "accuracy": self.baseline,
                "label": self.baseline_label,
            },
            "interval": {
                "level": LEVEL,
                "method": "bootstrap over groups",
                "n_boot": self.n_boot,
                **ranking,
                "seed": self.seed,
            },
            "labels": list(self.labels),
            "thresholds": dict(self.thresholds),
            "per_label": [
                {key: value for key, value in asdict(label).items() if key not in left_out}
                for label in self.per_label
            ],
            "confusion": [list(row) for row in self.confusion],
            "calibration": [
                {"examples": n, "confidence": confidence, "accuracy": accuracy}
                for n, confidence, accuracy in self.calibration
            ],
            "unknown_labels": dict(self.unknown_labels),
            "effects_of_unknown_labels": dict(self.effects),
            "failures": [{"id": id_, "reason": reason} for id_, reason in self.failures],
            **({"learnt": _learnt_facts(self.learnt)} if self.learnt else {}),
        }


def _learnt_facts(learnt: Learnt) -> dict[str, Any]:
    rest = learnt.rest.to_dict() if learnt.rest else None
    return {"examples": learnt.examples, "of": learnt.of, "rest": rest}
