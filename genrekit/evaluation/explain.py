"""Explanation of a whole model on labelled data: which features matter, how, where it decides what, and where it errs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from genrekit.backends import NamesFeatures, SummarisesTrees
from genrekit.datasets import Ambiguous, Reading
from genrekit.errors import DatasetError
from genrekit.evaluation.dependence import (
    Dependence,
    Regions,
    partial_dependence,
    regions_of_discriminants,
    regions_of_pair,
)
from genrekit.evaluation.evaluate import evaluate_on, prepare_for
from genrekit.evaluation.explain_examples import average_maps, most_confident_mistakes
from genrekit.evaluation.explanation import Explanation, Shap
from genrekit.evaluation.importance import (
    FeatureTable,
    Importance,
    feature_table,
    permutation_importances,
)
from genrekit.evaluation.leaderboard import METRICS, MULTILABEL_METRICS
from genrekit.evaluation.model_data import open_in_words_of, split_of
from genrekit.evaluation.shapley import sampled_shap
from genrekit.metrics import ScoredExample
from genrekit.prediction import Model, load_model
from genrekit.preparation import Cache
from genrekit.text import counted
from genrekit.training import describe
from genrekit.types import Modality, Say, silent

STRONGEST = 5

# Permutations per feature, and the rows that are scored for them in all: a minute with 2,000 trees.
_REPEATS, _ALL_ROWS = 5, 500_000
_MOST_SHAP = 400


def explain(
    model: Model | str | Path,
    source: str | Path | Sequence[str | Path],
    *,
    split: str | None = None,
    merge_labels: bool = False,
    ambiguous: Ambiguous = "drop",
    read: Reading | None = None,
    repeats: int | None = None,
    seed: int = 0,
    jobs: int = 1,
    cache: Cache | None = None,
    say: Say = silent,
) -> Explanation:
    """Explain a model on labelled data.

    Parameters
    ----------
    model : Model, str or Path
        A model, the path of a bundle, or the name of a shipped model.
    source : str or Path, or a sequence of them
        Anything that `genrekit.datasets.open_dataset` reads.
    split : {'train', 'valid', 'test'}, optional
        Only this split; by default test where there is one, else all examples.
    merge_labels, ambiguous, read, jobs, cache, say
        As for `genrekit.evaluate`.
    repeats : int >= 1, optional
        Permutations per feature; 5 by default, fewer for many examples, which need no mean over permutations.
    seed : int >= 0
        Of permutations and samples.

    Returns
    -------
    Explanation

    Raises
    ------
    DatasetError
        As `genrekit.evaluate`.
    """
    model = model if isinstance(model, Model) else load_model(model)
    dataset = open_in_words_of(
        model, source, merge_labels=merge_labels, ambiguous=ambiguous, read=read, say=say
    )
    describe(dataset, say)
    try:
        found = split_of(model, dataset, split or "test")
        if split is None and not found.test:
            found = split_of(model, dataset, None)
    except DatasetError:
        if split is not None:
            raise
        say("note: there is no test split to explain the model on, so all examples are used")
        found = split_of(model, dataset, None)
    part = split or "test"
    indices = getattr(found, part)
    if not indices:
        raise DatasetError(f"{dataset.source} has no {part} split, or it is empty.")
    prepared = prepare_for(model, dataset, indices, jobs=jobs, cache=cache, say=say)
    evaluation = evaluate_on(model, dataset, found, part, prepared=prepared, say=say)
    kept = [i for i in indices if i in prepared.windows]
    examples = [dataset.examples[i] for i in kept]
    selected = prepared.select(kept, model.labels)
    windows = selected.windows
    multilabel = model.bundle.manifest.multilabel
    notes = [
        "The model has learned from these examples: the pictures show what it remembers, too."
    ] * evaluation.report.inflated
    metrics = MULTILABEL_METRICS if multilabel else METRICS
    table = feature_table(model, windows)
    importances: tuple[Importance, ...] = ()
    dependences: tuple[Dependence, ...] = ()
    regions: tuple[Regions, ...] = ()
    truth = np.where(selected.targets.any(axis=1), selected.targets.argmax(axis=1), len(model.labels))
    if table is None:
        notes.append(
            f"There are no importances of features: the windows of backend {model.backend.info.name!r} have no named features."
        )
    else:
        say(
            f"measuring the importance of {counted(len(table.names), 'feature')} on {counted(len(kept), 'example')}"
        )
        importances = permutation_importances(
            table,
            selected.targets,
            model.labels,
            selected.groups,
            metrics=metrics,
            multilabel=multilabel,
            thresholds=model.bundle.manifest.thresholds if multilabel else None,
            repeats=repeats or max(1, min(_REPEATS, _ALL_ROWS // table.features.size)),
            seed=seed,
        )
        dependences, regions = _shapes(table, importances, truth, multilabel, seed, notes)
    gains, shap = _of_trees(model, windows, evaluation.rows, table, seed, say, notes)
    heat_maps = average_maps(model, windows, truth, evaluation.rows, seed, say, notes)
    return Explanation(
        model.name,
        evaluation.report,
        metrics,
        importances,
        dependences,
        regions,
        truth,
        gains,
        shap,
        heat_maps,
        most_confident_mistakes(model, dataset, examples, windows, evaluation.rows, multilabel),
        model.backend.info.modality is Modality.AUDIO,
        tuple(notes),
    )


def _shapes(
    table: FeatureTable,
    importances: Sequence[Importance],
    truth: np.ndarray,
    multilabel: bool,
    seed: int,
    notes: list[str],
) -> tuple[tuple[Dependence, ...], tuple[Regions, ...]]:
    """Return the dependences on the strongest features, and the decision regions."""
    # A feature that is missing in every example has no values to go through.
    strongest = [
        one.feature
        for one in importances
        if len(np.unique((c := table.features[:, table.names.index(one.feature)])[~np.isnan(c)])) > 1
    ][:STRONGEST]
    dependences = tuple(partial_dependence(table, name, seed=seed) for name in strongest)
    if multilabel:
        notes.append("There are no decision regions: the labels of a multi-label model do not compete.")
        return dependences, ()
    regions = []
    if len(strongest) > 1:
        regions.append(regions_of_pair(table, strongest[0], strongest[1], seed=seed))
    plane = regions_of_discriminants(table, truth)
    if plane is None:
        notes.append("There are no two discriminant directions: they need three labels and two features.")
    else:
        regions.append(plane)
    return dependences, tuple(regions)


def _of_trees(
    model: Model,
    windows: Sequence[np.ndarray],
    rows: Sequence[ScoredExample],
    table: FeatureTable | None,
    seed: int,
    say: Say,
    notes: list[str],
) -> tuple[dict[str, float], Shap | None]:
    """Return the shares of gain, and SHAP values of a sample of the examples."""
    backend = model.backend
    if not isinstance(backend, SummarisesTrees):
        if table is None:
            return {}, None
        say("estimating SHAP values")
        estimated, orders = sampled_shap(table, seed)
        notes.append(
            f"The SHAP values of {counted(len(estimated.values), 'example')} are estimates, from {orders} random orders of the "
            f"features each. There are no gains: backend {backend.info.name!r} has no trees that split on its features."
        )
        return {}, estimated
    names = backend.window_columns if isinstance(backend, NamesFeatures) else backend.info.columns
    members = model.bundle.payload
    shares = backend.gain_shares(members, model.config)
    if shares is None:
        notes.append(
            "There are no gains: with an L1 penalty (reg_alpha) they cannot be computed from the bundle."
        )
    chosen = np.arange(len(windows))
    if len(chosen) > _MOST_SHAP:
        chosen = np.sort(np.random.default_rng(seed).choice(chosen, _MOST_SHAP, replace=False))
    values = np.stack([windows[i][0] for i in chosen.tolist()])
    of_all = backend.contributions(members, values)[:, :, : len(names)]
    best = np.array([int(np.argmax(rows[i].scores)) for i in chosen.tolist()])
    shap = Shap(names, np.abs(of_all).mean(axis=0), values, of_all[np.arange(len(chosen)), best])
    return {} if shares is None else dict(zip(names, shares.tolist(), strict=True)), shap
