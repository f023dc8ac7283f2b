"""Measuring: a model on a data set, and a recipe by cross-validation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from genrekit.backends import Backend, BackendConfig, resolve
from genrekit.datasets import Ambiguous, By, Dataset, Reading, Split, make_folds, make_split
from genrekit.errors import DatasetError
from genrekit.hashing import hash_file
from genrekit.labels import canonical
from genrekit.prediction import Model, load_model
from genrekit.preparation import Cache
from genrekit.training import Measured, Say, cross_fit, describe, gather, open_for
from genrekit.training.encode import encoded


def cross_validate(
    source: str | Path,
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
    say: Say = lambda text: None,
) -> Measured:
    """Measure a recipe by k-fold cross-validation: what is scored is scored once, by a
    model that never saw it.

    Parameters
    ----------
    source, backend, config, merge_labels, ambiguous, read, jobs, cache, cluster, say
        As in `train`.
    k : int >= 2
        The number of folds.
    by : {'auto', 'group', 'random'}
        How folds are made.
    valid_size : float
        The part of each training side that is kept for stopping and calibrating.

    Returns
    -------
    Measured
        Over all held-out scores together.
    """
    backend, config = resolve(backend, config)
    dataset = open_for(backend, config, source, merge_labels=merge_labels, ambiguous=ambiguous, read=read)
    describe(dataset, say)
    folds = make_folds(dataset.examples, k=k, seed=config.seed, by=by, valid_size=valid_size)
    indices = sorted({i for fold in folds for side in (fold.train, fold.valid, fold.test) for i in side})
    cache = cache or Cache()
    material = gather(backend, config, dataset, indices, jobs=jobs, cache=cache, cluster=cluster, say=say)
    material = encoded(backend, config, material, cache)
    return cross_fit(backend, config, material, folds, say)


def evaluate(
    model: Model | str | Path,
    source: str | Path,
    *,
    split: str | None = None,
    merge_labels: bool = False,
    ambiguous: Ambiguous = "drop",
    read: Reading | None = None,
    jobs: int = 1,
    cache: Cache | None = None,
    cluster: str | None = None,
    say: Say = lambda text: None,
) -> Measured:
    """Measure a model on labelled data.

    Parameters
    ----------
    model : Model, str or Path
        A model, the path of a bundle, or a name in the box.
    source : str or Path
        Anything that `genrekit.datasets.open_dataset` reads. Labels that are another spelling of one of the
        model's count as that one.
    split : {'train', 'valid', 'test'}, optional
        Only this side: the published or written one where there is one, else the side that the model's own
        training made, where this is the data set that it was trained on. All examples by default.
    merge_labels, ambiguous, read, jobs, cache, cluster, say
        As in `genrekit.training.train.train`.

    Returns
    -------
    Measured

    Raises
    ------
    DatasetError
        If the source cannot be read, has no such side, or has no label that the model knows.
    """
    model = model if isinstance(model, Model) else load_model(model)
    dataset = _in_words_of(
        model,
        open_for(
            model.backend, model.config, source, merge_labels=merge_labels, ambiguous=ambiguous, read=read
        ),
        say,
    )
    describe(dataset, say)
    facts = model.bundle.manifest.data
    same = facts.get("fingerprint") == dataset.fingerprint
    sides = _sides(dataset, facts, split, same=same)
    indices = getattr(sides, split) if split else sides.test
    if not indices:
        raise DatasetError(f"{dataset.source} has no {split} side, or it is empty.")
    refitted = str(facts.get("fitted_on", "")).startswith("all sides")
    # Another reading of the same file, or of GTZAN (audio for the table), has another fingerprint.
    again = Path(dataset.source).is_file() and facts.get("sha256") == hash_file(dataset.source)
    known = same or again or (refitted and dataset.layout == facts.get("layout") == "gtzan")
    if known and (refitted or split != "test"):
        sides = replace(
            sides, inflated=True, method=f"{sides.method}; the model has learned from these examples"
        )
        say("note: the model has learned from these examples; its numbers on them say nothing about others")
    material = gather(
        model.backend,
        model.config,
        dataset,
        indices,
        jobs=jobs,
        cache=cache or Cache(),
        cluster=cluster,
        say=say,
    )
    scores = model.runtime.example_scores(material.side(indices, model.labels).windows)
    manifest = model.bundle.manifest
    return material.measure(
        scores, indices, model.labels, sides, multilabel=manifest.multilabel, thresholds=manifest.thresholds
    )


def _in_words_of(model: Model, dataset: Dataset, say: Say) -> Dataset:
    """Give labels that the model spells otherwise the model's spelling."""
    names = {canonical(label): label for label in model.labels}
    renamed = {
        label: names[canonical(label)]
        for label in dataset.labels
        if label not in model.labels and canonical(label) in names
    }
    if not renamed:
        return dataset
    say("note: read " + ", ".join(f"{a!r} as {b!r}" for a, b in renamed.items()))
    return replace(
        dataset,
        examples=tuple(
            replace(e, labels=tuple(dict.fromkeys(renamed.get(label, label) for label in e.labels)))
            for e in dataset.examples
        ),
    )


def _sides(dataset: Dataset, facts: Mapping[str, Any], split: str | None, *, same: bool) -> Split:
    if split is None:
        return Split((), (), tuple(range(len(dataset.examples))), f"all examples of {dataset.source}")
    made = facts.get("split")
    if same and isinstance(made, Mapping):
        return make_split(
            dataset.examples,
            test_size=made["test_size"],
            valid_size=made["valid_size"],
            seed=made["seed"],
            by=made["by"],
        )
    if any(example.split for example in dataset.examples):
        return make_split(dataset.examples, by="published", valid_size=0)
    raise DatasetError(
        f"{dataset.source} has no sides, and it is not the data set that the model was trained on.",
        "Leave --split out to measure all of it, or write sides: "
        f"genrekit datasets split {dataset.source} -o sides.csv",
    )
