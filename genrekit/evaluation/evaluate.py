"""Evaluation of a model on a data set, and of a recipe by cross-validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from genrekit.backends import Backend, BackendConfig, resolve
from genrekit.datasets import Ambiguous, By, Dataset, Reading, Split, check_terms, make_folds
from genrekit.errors import DatasetError, UsageError
from genrekit.evaluation.model_data import learned_from, open_in_words_of, split_of
from genrekit.metrics import Learnt
from genrekit.prediction import Decision, Model, PredictOptions, load_model
from genrekit.preparation import Cache
from genrekit.text import counted
from genrekit.training import (
    Evaluation,
    PreparedDataset,
    copies_of,
    cross_fit,
    describe,
    encoded,
    gather,
    open_for,
    recognised,
    with_copies,
)
from genrekit.types import Say, Sources, silent


def cross_validate(
    source: Sources,
    *,
    backend: Backend | str = "gtzan",
    config: BackendConfig | Mapping[str, Any] | None = None,
    k: int = 5,
    by: By = "auto",
    valid_size: float = 0.1,
    merge_labels: bool = False,
    ambiguous: Ambiguous = "drop",
    read: Reading | None = None,
    jobs: int = 1,
    cache: Cache | None = None,
    cluster: str | None = None,
    say: Say = silent,
) -> Evaluation:
    """Evaluate a recipe by k-fold cross-validation: every held-out example is scored once, by a model that was not
    trained on it.

    Parameters
    ----------
    source, backend, config, merge_labels, ambiguous, read, jobs, cache, cluster, say
        As in `train`.
    k : int >= 2
        The number of folds.
    by : {'auto', 'group', 'random'}
        Method of making folds.
    valid_size : float
        Share of each training split that is used for early stopping and calibration.

    Returns
    -------
    Evaluation
        Over all held-out scores together.
    """
    backend, config = resolve(backend, config)
    dataset = open_for(backend, config, source, merge_labels=merge_labels, ambiguous=ambiguous, read=read)
    check_terms(dataset)
    describe(dataset, say)
    folds = make_folds(dataset.examples, k=k, seed=config.seed, by=by, valid_size=valid_size)
    indices = sorted({i for fold in folds for part in (fold.train, fold.valid, fold.test) for i in part})
    cache = cache or Cache()
    prepared = gather(backend, config, dataset, indices, jobs=jobs, cache=cache, cluster=cluster, say=say)
    prepared = encoded(backend, config, prepared, cache)
    prepared = with_copies(
        backend,
        config,
        prepared,
        indices,
        copies=copies_of(config),
        jobs=jobs,
        cache=cache,
        cluster=cluster,
        say=say,
    )
    return cross_fit(backend, config, prepared, folds, say, cluster=cluster)


def evaluate(
    model: Model | str | Path,
    source: Sources,
    *,
    split: str | None = None,
    labels: Sequence[str] = (),
    merge_labels: bool = False,
    ambiguous: Ambiguous = "drop",
    read: Reading | None = None,
    jobs: int = 1,
    cache: Cache | None = None,
    cluster: str | None = None,
    say: Say = silent,
) -> Evaluation:
    """Evaluate a model on labelled data.

    Parameters
    ----------
    model : Model, str or Path
        A model, the path of a bundle, or the name of a shipped model.
    source : str, Path or DataFrame, or a sequence of them
        Anything that `genrekit.datasets.open_dataset` reads. Labels that are other spellings of labels of the model
        count as these.
    split : {'train', 'valid', 'test'}, optional
        Evaluate only this split: the published one, or the one made by the training of the model if this is the data
        set that it was trained on. All examples by default.
    labels : sequence of str
        If given, only these labels of the model compete, as in `genrekit.predict`, and examples of other labels are
        left out.
    merge_labels, ambiguous, read, jobs, cache, cluster, say
        As in `genrekit.training.train.train`.

    Returns
    -------
    Evaluation

    Raises
    ------
    DatasetError
        If the source cannot be read, has no such split, or has no label that the model knows.
    UsageError
        If one of ``labels`` is not among the model's, or there is only one.
    """
    model = model if isinstance(model, Model) else load_model(model)
    check_competing(model, labels)
    dataset = open_in_words_of(
        model, source, merge_labels=merge_labels, ambiguous=ambiguous, read=read, say=say
    )
    describe(dataset, say)
    found = split_of(model, dataset, split)
    return evaluate_on(
        model,
        dataset,
        found,
        split or "test",
        labels=labels,
        jobs=jobs,
        cache=cache,
        cluster=cluster,
        say=say,
    )


def check_competing(model: Model, labels: Sequence[str]) -> None:
    """Refuse labels that a model does not know, or a single one.

    Raises
    ------
    UsageError
    """
    decision = model.decision(PredictOptions(labels=tuple(labels)))
    competing = [model.labels[k] for k in decision.allowed()]
    if len(competing) < 2 < len(model.labels):
        raise UsageError(
            f"A single label, {competing[0]!r}, cannot compete.",
            "Pass two or more: --labels A,B",
        )


def evaluate_on(
    model: Model,
    dataset: Dataset,
    found: Split,
    part: str,
    *,
    labels: Sequence[str] = (),
    jobs: int = 1,
    cache: Cache | None = None,
    cluster: str | None = None,
    prepared: PreparedDataset | None = None,
    say: Say = silent,
) -> Evaluation:
    """Evaluate a model on one part of a split of an opened data set; the other arguments are those of `evaluate`.

    Parameters
    ----------
    model : Model
    dataset : Dataset
        As `open_in_words_of` returns it.
    found : Split
    part : {'train', 'valid', 'test'}
        The part of ``found`` to measure.
    prepared : PreparedDataset, optional
        The data set as `prepare_for` prepared it, where that was done before.
    """
    decision = model.decision(PredictOptions(labels=tuple(labels)))
    competing = [model.labels[k] for k in decision.allowed()]
    indices = getattr(found, part)
    if not indices:
        raise DatasetError(f"{dataset.source} has no {part} split, or it is empty.")
    if learned_from(model, dataset, found, part):
        found = replace(
            found, inflated=True, method=f"{found.method}; the model has learned from these examples"
        )
        say("note: the model has learned from these examples; numbers on them do not apply to other examples")
    if labels:
        chosen = [i for i in indices if set(dataset.examples[i].labels) & set(competing)]
        if not chosen:
            raise DatasetError(
                f"No example of {dataset.source} has one of the labels {', '.join(competing)}."
            )
        words = f"only the labels {', '.join(competing)}"
        if len(chosen) < len(indices):
            words += f" ({counted(len(indices) - len(chosen), 'example')} of other labels left out)"
        found = replace(found, method=f"{found.method}; {words}")
        indices = chosen
    learnt = model.bundle.learnt
    if prepared is None:
        prepared = prepare_for(model, dataset, indices, jobs=jobs, cache=cache, cluster=cluster, say=say)
    if learnt is None:
        return _measure(model, decision, prepared, indices, found)
    known_ones = set(recognised(prepared, indices, learnt, model.backend.info))
    rest = [i for i in indices if i not in known_ones]
    if known_ones:
        found = replace(found, inflated=True)
    measured = _measure(model, decision, prepared, indices, found)
    others = None
    if known_ones and any(i in prepared.windows for i in rest):
        method = f"those of {found.method} that the model did not learn"
        others = _measure(
            model, decision, prepared, rest, replace(found, inflated=False, method=method)
        ).report
    n = sum(i in prepared.windows for i in indices)
    report = replace(measured.report, learnt=Learnt(len(known_ones), n, others))
    return replace(measured, report=report)


def prepare_for(
    model: Model,
    dataset: Dataset,
    indices: Sequence[int],
    *,
    jobs: int = 1,
    cache: Cache | None = None,
    cluster: str | None = None,
    say: Say = silent,
) -> PreparedDataset:
    """Prepare examples as a model reads them, with the content keys by which it recognises what it learnt."""
    learnt = model.bundle.learnt
    return gather(
        model.backend,
        model.config,
        dataset,
        indices,
        jobs=jobs,
        cache=cache or Cache(),
        cluster=cluster,
        keys=learnt is not None and bool(learnt.keys.keys() & {"sound", "picture"}),
        say=say,
    )


def _measure(
    model: Model, decision: Decision, prepared: PreparedDataset, indices: Sequence[int], split: Split
) -> Evaluation:
    manifest = model.bundle.manifest
    scores = model.runtime.example_scores(prepared.select(indices, model.labels).windows)
    names, scores = decision.competing(scores)
    thresholds = {label: value for label, value in manifest.thresholds.items() if label in names}
    return prepared.measure(
        scores, indices, names, split, multilabel=manifest.multilabel, thresholds=thresholds
    )
