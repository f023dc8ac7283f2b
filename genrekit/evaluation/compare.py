"""Comparison of models on the same examples: a leaderboard with ties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from genrekit.backends import Backend, BackendConfig, resolve
from genrekit.datasets import Ambiguous, By, Dataset, Reading, Split, check_terms, group_keys, make_folds
from genrekit.errors import DatasetError, UsageError
from genrekit.evaluation.cost import Cost, Graph, HasRuntime, measure_cost
from genrekit.evaluation.evaluate import evaluate_on, learned_from, open_in_words_of, split_of
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
from genrekit.prediction import Model, load_model
from genrekit.preparation import Cache
from genrekit.text import counted
from genrekit.training import (
    Evaluation,
    copies_of,
    describe,
    encoded,
    fit_folds,
    gather,
    measure_folds,
    open_for,
    with_copies,
)
from genrekit.types import Example, Say, Sources, silent

METRICS = ("accuracy", "macro_f1", "log_loss")
MULTILABEL_METRICS = ("macro_f1", "micro_f1", "samples_f1")

Recipe = tuple[str, Backend | str, BackendConfig | Mapping[str, Any] | None]


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
        The labels that competed.
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
class _Measured:
    """A model's evaluation, with what its cost is measured by."""

    name: str
    evaluation: Evaluation
    dataset: Dataset
    backend: Backend
    config: BackendConfig
    model: HasRuntime
    size_mb: float | None = None


def compare(
    models: Sequence[Model | str | Path],
    source: Sources,
    *,
    split: str | None = None,
    by: str | None = None,
    cost: bool = True,
    merge_labels: bool = False,
    ambiguous: Ambiguous = "drop",
    read: Reading | None = None,
    jobs: int = 1,
    cache: Cache | None = None,
    cluster: str | None = None,
    say: Say = silent,
) -> Comparison:
    """Compare models on the same labelled examples.

    If only some models know a label, the labels that all of them know compete, and examples of other labels are left out.

    Parameters
    ----------
    models : sequence of Model, str or Path
        Two or more models, paths of bundles or names of shipped models.
    source : str, Path or DataFrame, or a sequence of them
        Anything that `genrekit.datasets.open_dataset` reads.
    split : {'train', 'valid', 'test'}, optional
        Only this split: as the training of the first model that can tell made it, or as published. All examples by default.
    by : str, optional
        The metric of the ranks: accuracy, macro_f1 or log_loss; for multi-label models macro_f1, micro_f1 or samples_f1.
    cost : bool
        Whether to measure time and memory.
    merge_labels, ambiguous, read, jobs, cache, cluster, say
        As for `genrekit.evaluate`.

    Returns
    -------
    Comparison

    Raises
    ------
    UsageError
        If there are fewer than two models, they take different kinds of input, or some have one label and others several.
    DatasetError
        If the models have fewer than two labels in common, read different examples, or as `genrekit.evaluate`.
    """
    loaded = [one if isinstance(one, Model) else load_model(one) for one in models]
    _check_kinds([(model.name, model.backend, model.bundle.manifest.multilabel) for model in loaded])
    labels, notes = _common_labels(loaded)
    say_once = _once(say)
    names = _distinct([model.name for model in loaded])
    datasets = [
        open_in_words_of(
            model, source, merge_labels=merge_labels, ambiguous=ambiguous, read=read, say=say_once
        )
        for model in loaded
    ]
    describe(datasets[0], say_once)
    splits = _same_examples(loaded, datasets, split)
    measured = []
    for name, model, dataset, found in zip(names, loaded, datasets, splits, strict=True):
        say(f"measuring {name}")
        evaluation = evaluate_on(
            model,
            dataset,
            found,
            split or "test",
            labels=labels,
            jobs=jobs,
            cache=cache,
            cluster=cluster,
            say=say_once,
        )
        path = model.bundle.path
        size_mb = path.stat().st_size / 1e6 if path else None
        fresh = replace(model)  # its graph is not loaded: another process does that
        measured.append(_Measured(name, evaluation, dataset, model.backend, model.config, fresh, size_mb))
    return _comparison(measured, splits[0].method, by, notes, cost=cost, say=say)


def compare_on(
    models: Mapping[str, Model],
    dataset: Dataset,
    found: Split,
    *,
    by: str | None = None,
    jobs: int = 1,
    cache: Cache | None = None,
    say: Say = silent,
) -> Comparison:
    """Compare models of one backend on the test part of a data set that is open already.

    Parameters
    ----------
    models : Mapping of str to Model
        Two or more by the names that the comparison gives them.
    dataset : Dataset
        As `open_in_words_of` returns it for one of the models.
    found : Split
    by, jobs, cache, say
        As for `compare`; what predictions cost is not measured.

    Returns
    -------
    Comparison

    Raises
    ------
    UsageError, DatasetError
        As for `compare`.
    """
    loaded = list(models.values())
    _check_kinds([(model.name, model.backend, model.bundle.manifest.multilabel) for model in loaded])
    labels, notes = _common_labels(loaded)
    measured = [
        _Measured(
            name,
            evaluate_on(model, dataset, found, "test", labels=labels, jobs=jobs, cache=cache, say=say),
            dataset,
            model.backend,
            model.config,
            model,
        )
        for name, model in models.items()
    ]
    return _comparison(measured, found.method, by, notes, cost=False, say=say)


def compare_recipes(
    recipes: Sequence[Recipe],
    source: Sources,
    *,
    k: int = 5,
    by: str | None = None,
    split_by: By = "auto",
    valid_size: float = 0.1,
    seed: int = 0,
    cost: bool = True,
    merge_labels: bool = False,
    ambiguous: Ambiguous = "drop",
    read: Reading | None = None,
    jobs: int = 1,
    cache: Cache | None = None,
    cluster: str | None = None,
    say: Say = silent,
) -> Comparison:
    """Compare recipes by cross-validation on the same folds.

    Parameters
    ----------
    recipes : sequence of (str, Backend or str, BackendConfig or Mapping or None)
        Name, backend and config of each.
    source, by, cost, merge_labels, ambiguous, read, jobs, cache, cluster, say
        As for `compare`.
    k, split_by, valid_size, seed
        The folds, as for `genrekit.cross_validate`.

    Returns
    -------
    Comparison
    """
    resolved = [(name, *resolve(backend, config)) for name, backend, config in recipes]
    _check_kinds([(name, backend, config.multilabel) for name, backend, config in resolved])
    names = _distinct([name for name, _, _ in resolved])
    say_once, cache = _once(say), cache or Cache()
    measured = []
    method = ""
    for name, (_, backend, config) in zip(names, resolved, strict=True):
        say(f"cross-validating {name}")
        dataset = open_for(backend, config, source, merge_labels=merge_labels, ambiguous=ambiguous, read=read)
        check_terms(dataset)
        describe(dataset, say_once)
        folds = make_folds(dataset.examples, k=k, seed=seed, by=split_by, valid_size=valid_size)
        method = method or folds[0].method
        indices = sorted({i for fold in folds for part in (fold.train, fold.valid, fold.test) for i in part})
        prepared = gather(
            backend, config, dataset, indices, jobs=jobs, cache=cache, cluster=cluster, say=say_once
        )
        prepared = with_copies(
            backend,
            config,
            encoded(backend, config, prepared, cache),
            indices,
            copies=copies_of(config),
            jobs=jobs,
            cache=cache,
            cluster=cluster,
            say=say_once,
        )
        scored = list(fit_folds(backend, config, prepared, folds, say))
        evaluation = measure_folds(config, prepared, folds, scored)
        graph = Graph(scored[-1].onnx, len(scored[-1].labels))
        measured.append(_Measured(name, evaluation, dataset, backend, config, graph))
    return _comparison(measured, method, by, [], cost=cost, say=say)


def _comparison(
    measured: Sequence[_Measured], method: str, by: str | None, notes: Sequence[str], *, cost: bool, say: Say
) -> Comparison:
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
            "Give --read audio or --read table, so that all of them read the same.",
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


def _same_examples(models: Sequence[Model], datasets: Sequence[Dataset], split: str | None) -> list[Split]:
    """Return one split per model with the same examples in the part to measure."""
    if split is None:
        return [split_of(model, dataset, None) for model, dataset in zip(models, datasets, strict=True)]
    problem: DatasetError | None = None
    for model, dataset in zip(models, datasets, strict=True):
        try:
            found = split_of(model, dataset, split)
        except DatasetError as error:
            problem = problem or error
            continue
        ids = {dataset.examples[i].id for i in getattr(found, split)}
        splits = []
        for other, its in zip(models, datasets, strict=True):
            indices = tuple(i for i, example in enumerate(its.examples) if example.id in ids)
            parts = {"train": (), "valid": (), "test": (), split: indices}
            one = Split(parts["train"], parts["valid"], parts["test"], found.method, found.inflated)
            own = its.fingerprint == dataset.fingerprint and _made(other) == _made(model)
            if split == "test" and not own and learned_from(other, its, one, "train"):
                one = replace(one, inflated=True)
            splits.append(one)
        return splits
    assert problem is not None
    raise problem


def _made(model: Model) -> Any:
    return model.bundle.manifest.data.get("split")


def _common_labels(models: Sequence[Model]) -> tuple[tuple[str, ...], list[str]]:
    """Return the labels that all models know in the spelling of the first, none where all know the same, and a note."""
    known = [{canonical(label): label for label in model.labels} for model in models]
    common = set.intersection(*(set(names) for names in known))
    if len({frozenset(names.values()) for names in known}) == 1:
        return (), []
    labels = tuple(known[0][name] for name in known[0] if name in common)
    if len(labels) < 2:
        raise DatasetError(
            f"The models have {len(labels) or 'no'} label{'s' * (not labels)} in common; a comparison needs two or more.",
            "'genrekit models NAME' lists the labels of a model.",
        )
    left_out = sorted({label for names in known for name, label in names.items() if name not in common})
    if not left_out:
        return labels, []
    return labels, [
        f"The {len(labels)} labels that all models know compete: {', '.join(labels)}. Only some know "
        f"{', '.join(left_out)}: examples of them are left out."
    ]


def _check_kinds(items: Sequence[tuple[str, Backend, bool]]) -> None:
    if len(items) < 2:
        raise UsageError(
            "A comparison needs two models or more.",
            "For example: genrekit compare a.genrekit b.genrekit music/",
        )
    kinds = {str(backend.info.modality) for _, backend, _ in items}
    if len(kinds) > 1:
        words = ", ".join(f"{name} takes {backend.info.modality}" for name, backend, _ in items)
        raise UsageError(f"Models of different kinds of input cannot be compared: {words}.")
    if len({multilabel for _, _, multilabel in items}) > 1:
        words = ", ".join(
            f"{name} predicts {'several labels' if several else 'one label'}" for name, _, several in items
        )
        raise UsageError(f"Models with one label and with several cannot be compared: {words}.")


def _distinct(names: Sequence[str]) -> list[str]:
    """Return the names, with a number where a name is there already."""
    found: list[str] = []
    for name in names:
        n = sum(one == name or one.startswith(f"{name} (") for one in found)
        found.append(f"{name} ({n + 1})" if n else name)
    return found


def _once(say: Say) -> Say:
    """Return a function that says each line once."""
    said: set[str] = set()

    def once(text: str) -> None:
        if text not in said:
            said.add(text)
            say(text)

    return once
