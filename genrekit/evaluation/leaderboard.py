"""Ranks of models that were measured on the same examples, with ties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from genrekit.backends import Backend, BackendConfig
from genrekit.datasets import Dataset, group_keys
from genrekit.errors import DatasetError, UsageError
from genrekit.evaluation.cost import Cost, HasRuntime, measure_cost
from genrekit.labels import canonical
from genrekit.metrics import (
    LOWER_IS_BETTER,
    Draws,
    Estimate,
    Report,
    Thresholds,
    difference,
    measure_scores,
    paired_draws,
    ranks,
)
from genrekit.text import counted
from genrekit.training import Evaluation
from genrekit.types import Example, Say

METRICS = ("accuracy", "macro_f1", "log_loss")

MULTILABEL_METRICS = ("macro_f1", "micro_f1", "samples_f1")


@dataclass(frozen=True, eq=False)
class Compared:
    """One model of a comparison.

    Attributes
    ----------
    name : str
    rank : int >= 1
        1 plus the number of models that are told apart from it as better.
    report : Report
        On the examples that all models could read.
    differences : Mapping of str to Estimate
        Its value minus that of the best model, by metric, with the interval of the paired differences.
    cost : Cost or None
        None if it was not measured.
    size_mb : float or None
        Size of the bundle; None for a recipe.
    """

    name: str
    rank: int
    report: Report
    differences: Mapping[str, Estimate]
    cost: Cost | None = None
    size_mb: float | None = None


@dataclass(frozen=True, eq=False)
class Comparison:
    """Models measured on the same examples, best first.

    Attributes
    ----------
    by : str
        The metric of the ranks.
    split : str
        Description of the examples.
    labels : tuple of str
        The labels that could be predicted.
    notes : tuple of str
        Caveats in words.
    models : tuple of Compared
    """

    by: str
    split: str
    labels: tuple[str, ...]
    notes: tuple[str, ...]
    models: tuple[Compared, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as JSON-able values."""
        return {
            "notes": list(self.notes),
            "by": self.by,
            "split": self.split,
            "labels": list(self.labels),
            "models": [
                {
                    "rank": one.rank,
                    "name": one.name,
                    "differences": {name: asdict(value) for name, value in one.differences.items()},
                    "ms_per_input": one.cost.ms if one.cost else None,
                    "memory_mb": one.cost.memory_mb if one.cost else None,
                    "size_mb": one.size_mb,
                    "report": one.report.to_dict(),
                }
                for one in self.models
            ],
        }


@dataclass(frozen=True, eq=False)
class Measured:
    """A model's evaluation, with what its cost is measured by."""

    name: str
    evaluation: Evaluation
    dataset: Dataset
    backend: Backend
    config: BackendConfig
    model: HasRuntime
    size_mb: float | None = None


def leaderboard(
    measured: Sequence[Measured], method: str, by: str | None, notes: Sequence[str], *, cost: bool, say: Say
) -> Comparison:
    """Rank models that were measured on the same examples.

    Parameters
    ----------
    measured : sequence of Measured
    method : str
        Description of the examples.
    by : str or None
        The metric of the ranks; the first of `METRICS` or `MULTILABEL_METRICS` by default.
    notes : sequence of str
        What is to be said before the notes that are found here.
    cost : bool
        Whether to measure time and memory.
    say : callable
    """
    multilabel = measured[0].evaluation.report.multilabel
    metrics = MULTILABEL_METRICS if multilabel else METRICS
    by = by or metrics[0]
    if by not in metrics:
        raise UsageError(f"Ranks by {by!r} are not known here; allowed are {', '.join(metrics)}.")
    notes = list(notes)
    shared = set.intersection(*({row.id for row in one.evaluation.rows} for one in measured))
    everything = set.union(*({row.id for row in one.evaluation.rows} for one in measured))
    if not shared:
        raise DatasetError(
            "The models read different examples of the data, so they cannot be compared.",
            "Use --read audio or --read table, so that all of them read the same.",
        )
    if lost := len(everything) - len(shared):
        notes.append(f"Left out: {counted(lost, 'example')} that not every model could read.")
    kept = sorted(shared)
    labels = tuple(sorted(measured[0].evaluation.report.labels))
    draws, reports = [], []
    for one in measured:
        drawn, report = _on(one.evaluation, kept, labels, method)
        draws.append(drawn)
        reports.append(report)
        learnt = report.learnt
        if learnt and learnt.examples:
            notes.append(
                f"{one.name} learnt {learnt.examples} of the {counted(learnt.of, 'example')}: its numbers are not comparable."
            )
        elif report.inflated:
            notes.append(f"{one.name} has learned from these examples: its numbers are not comparable.")
    places = ranks(draws, by)
    sign = 1 if by in LOWER_IS_BETTER else -1
    order = sorted(range(len(measured)), key=lambda i: (places[i], sign * float(draws[i][by][0])))
    best = draws[min(order, key=lambda i: sign * float(draws[i][by][0]))]
    compared = []
    for i in order:
        one = measured[i]
        if cost:
            say(f"measuring what a prediction of {one.name} costs")
        compared.append(
            Compared(
                one.name,
                places[i],
                reports[i],
                {name: difference(draws[i], best, name) for name in metrics if name in best},
                measure_cost(one.backend, one.config, one.model, _examples(one.dataset, shared))
                if cost
                else None,
                one.size_mb,
            )
        )
    return Comparison(by, method, labels, tuple(notes), tuple(compared))


def _on(
    evaluation: Evaluation, kept: Sequence[str], labels: Sequence[str], method: str
) -> tuple[Draws, Report]:
    """Measure the examples of some ids again, in their order and in the order of ``labels``."""
    report = evaluation.report
    place = {row.id: i for i, row in enumerate(evaluation.rows)}
    order = [place[id_] for id_ in kept]
    rows = [evaluation.rows[i] for i in order]
    spelling = {canonical(label): label for label in labels} | {label: label for label in labels}

    def spelled(label: str) -> str:
        return spelling.get(label) or spelling.get(canonical(label), label)

    own = [spelled(label) for label in report.labels]
    columns = [own.index(label) for label in labels]
    scores = np.stack([row.scores for row in rows])[:, columns]
    true = [
        {spelled(label) for label in (row.label.split("|") if report.multilabel else [row.label])}
        for row in rows
    ]
    targets = np.array([[label in one for label in labels] for one in true])
    groups = group_keys([Example(row.id, group=row.group or None) for row in rows])
    thresholds: Thresholds | None = evaluation.thresholds
    if isinstance(thresholds, np.ndarray):
        thresholds = thresholds[order][:, columns]
    elif thresholds:
        thresholds = {spelled(label): value for label, value in thresholds.items()}
    unknown: dict[str, int] = {}
    for one in true:
        for label in one.difference(labels):
            unknown[label] = unknown.get(label, 0) + 1
    again = measure_scores(
        scores,
        targets,
        labels,
        groups,
        split=method,
        inflated=report.inflated,
        multilabel=report.multilabel,
        thresholds=thresholds,
        unknown_labels=unknown,
        failures=report.failures,
    )
    draws = paired_draws(scores, targets, labels, groups, multilabel=report.multilabel, thresholds=thresholds)
    return draws, replace(again, learnt=report.learnt)


def _examples(dataset: Dataset, shared: set[str]) -> list[Example]:
    return [example for example in dataset.examples if example.id in shared]
