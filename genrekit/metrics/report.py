"""What was measured: one frozen `Report`, with everything a reader needs to trust, or distrust, a number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from genrekit.metrics.bootstrap import LEVEL

if TYPE_CHECKING:
    import numpy as np

# Cameron, Gelbach & Miller, Review of Economics and Statistics 90(3), 2008: with "few (five to thirty)"
# clusters, intervals that resample clusters come out too narrow.
FEW_GROUPS = 30
INFLATED = (
    "The numbers are inflated: the model has learned from the groups (slices of a track, tracks of an artist) "
    "that it is measured on."
)


_MOST_NAMED = 12
# How `Report.split` begins where no split was made.
WHOLE = "all examples of "

_WRONG = "unknown labels count as wrong"
_LOWER = "answers to unknown labels lower precision"
_EFFECTS = {
    "accuracy": _WRONG,
    "macro_f1": _LOWER,
    "macro_f1_present": _LOWER,
    "log_loss": "without the unknown labels",
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
    """One measured example: what the numbers of a report are computed from.

    Attributes
    ----------
    id : str
    label, predicted : str
        The true label and the one given; several are joined by ``|``.
    score : float in [0, 1]
        Of the best label, given or not.
    group : str
        What the bootstrap draws; empty for an example that is its own group.
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
    """A number and its 95 % interval; the ends are None where a single group gives none."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class LabelMetrics:
    """One label: precision, recall and F1 in [0, 1], 0 where undefined; ``support`` examples have it.

    ``average_precision`` and ``roc_auc``, in [0, 1], are of multi-label scores only, and None where
    undefined: where no example has the label; for the area, also where every example has it.
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
    """How many of the measured examples the model learnt, and what it gives on the others.

    Attributes
    ----------
    examples, of : int
        So many of all measured ones.
    rest : Report or None
        The numbers on the others; None where there are none.
    """

    examples: int
    of: int
    rest: Report | None = None

    @property
    def note(self) -> str:
        """What to say of it before the numbers."""
        note = f"The model learnt {self.examples} of these {self.of} examples"
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
        The headline numbers by name, in the order of `genrekit.metrics.definitions` and `genrekit.metrics.ranking`.
    baseline : float
        What always answering ``baseline_label``, the most frequent label of the measured examples, gives: its
        accuracy, or its micro-F1 where the model is multi-label.
    per_label : tuple of LabelMetrics
        In the order of the model's labels.
    confusion : tuple of tuple of int
        Rows are true labels, columns are answers; without the examples of unknown labels. Empty where the
        model is multi-label: an answer is then not instead of another.
    unknown_labels : Mapping[str, int]
        Labels the model has never seen, with their number of examples.
    failures : tuple of (str, str)
        Id and reason of the examples that could not be prepared: they are in no other number.
    n_boot, seed : int
        How the intervals were drawn.
    multilabel : bool
        Whether examples may have several labels, and answers several or none.
    thresholds : Mapping[str, float]
        Multi-label only: the score from which each label was given; empty where examples had their own.
    calibration : tuple of (int, float, float)
        Single labels only: per bin of confidence that has examples, their number, mean confidence and accuracy.
    n_boot_ranking : int
        Multi-label only: the resamples behind the intervals of mean_average_precision and roc_auc; fewer
        than ``n_boot`` where all of them would take minutes.
    learnt : Learnt or None
        What the model learnt of the measured examples; None where its bundle has no content keys.
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
        """The model's labels, in the order of ``per_label`` and ``confusion``."""
        return tuple(metrics.label for metrics in self.per_label)

    @property
    def effects(self) -> Mapping[str, str]:
        """What labels that the model does not know do to each number, by metric or 'baseline'; empty without them."""
        if not self.unknown_labels:
            return {}
        words = _MULTILABEL_EFFECTS if self.multilabel else _EFFECTS
        return {name: words[name] for name in (*self.metrics, "baseline") if name in words}

    @property
    def notes(self) -> tuple[str, ...]:
        """What to know before the numbers, most important first; the inflation of a split always leads."""
        notes = [INFLATED] if self.inflated else []
        if self.learnt and self.learnt.examples:
            notes.append(self.learnt.note)
        if self.failures:
            n_all = self.n_examples + len(self.failures)
            notes.append(f"{len(self.failures)} of {n_all} examples could not be read and are in no number.")
        if self.unknown_labels:
            names = ", ".join(f"{label} ({n})" for label, n in self.unknown_labels.items())
            notes.append(
                "Labels the model does not know, left out of the numbers (an example without another label "
                f"has no right answer): {names}."
                if self.multilabel
                else f"Labels the model does not know, counted as wrong: {names}."
            )
        if absent := [label.label for label in self.per_label if not label.support]:
            more = f" and {len(absent) - _MOST_NAMED} more" if len(absent) > _MOST_NAMED else ""
            notes.append(
                f"No example has the labels {', '.join(absent[:_MOST_NAMED])}{more}: where they were answered, they count as an F1 of 0 in "
                "macro-F1. The macro-F1 of the labels that examples have stands below it."
            )
        if self.n_groups == 1:
            notes.append("There is no interval: all examples belong to one group.")
        elif self.n_groups < FEW_GROUPS:
            notes.append(f"Only {self.n_groups} groups: the intervals are rough, rather too narrow.")
        return tuple(notes)

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON-able values, keys always in the same order, the notes first."""
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
