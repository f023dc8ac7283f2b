"""Comparison of models on the same examples: a leaderboard with ties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from genrekit.backends import Backend, BackendConfig, resolve
from genrekit.datasets import Ambiguous, By, Dataset, Reading, Split, check_terms, make_folds
from genrekit.errors import DatasetError, UsageError
from genrekit.evaluation.cost import Graph
from genrekit.evaluation.evaluate import evaluate_on
from genrekit.evaluation.leaderboard import Comparison, Measured, leaderboard
from genrekit.evaluation.model_data import learned_from, open_in_words_of, split_of
from genrekit.labels import canonical
from genrekit.prediction import Model, load_model
from genrekit.preparation import Cache
from genrekit.training import (
    copies_of,
    describe,
    encoded,
    fit_folds,
    gather,
    measure_folds,
    open_for,
    with_copies,
)
from genrekit.types import Say, Sources, silent

Recipe = tuple[str, Backend | str, BackendConfig | Mapping[str, Any] | None]


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
        measured.append(Measured(name, evaluation, dataset, model.backend, model.config, fresh, size_mb))
    return leaderboard(measured, splits[0].method, by, notes, cost=cost, say=say)


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
        Measured(
            name,
            evaluate_on(model, dataset, found, "test", labels=labels, jobs=jobs, cache=cache, say=say),
            dataset,
            model.backend,
            model.config,
            model,
        )
        for name, model in models.items()
    ]
    return leaderboard(measured, found.method, by, notes, cost=False, say=say)


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
        scored = list(fit_folds(backend, config, prepared, folds, say, cluster=cluster))
        evaluation = measure_folds(config, prepared, folds, scored)
        graph = Graph(scored[-1].onnx, len(scored[-1].labels))
        measured.append(Measured(name, evaluation, dataset, backend, config, graph))
    return leaderboard(measured, method, by, [], cost=cost, say=say)


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
