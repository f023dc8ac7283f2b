"""Explanation of a whole model on labelled data: which features matter, how, where it decides what, and where it errs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from genrekit.backends import NamesFeatures, SummarisesTrees, picture_of
from genrekit.datasets import Ambiguous, Dataset, Reading
from genrekit.errors import DatasetError, GenrekitError
from genrekit.evaluation.evaluate import evaluate_on, open_in_words_of, prepare_for, split_of
from genrekit.evaluation.importance import (
    Dependence,
    FeatureTable,
    Importance,
    Regions,
    feature_names,
    feature_table,
    partial_dependence,
    permutation_importances,
    regions_of_discriminants,
    regions_of_pair,
)
from genrekit.features import log_mel
from genrekit.media import audio
from genrekit.metrics import Report, ScoredExample
from genrekit.prediction import Model, load_model
from genrekit.preparation import Cache
from genrekit.text import counted
from genrekit.training import describe
from genrekit.types import Example, Modality, Say, silent

METRICS = ("accuracy", "macro_f1", "log_loss")
MULTILABEL_METRICS = ("macro_f1", "micro_f1", "samples_f1")
STRONGEST = 5
MISTAKES = 12

# Permutations per feature, and the rows that are scored for them in all: a minute with 2,000 trees.
_REPEATS, _ALL_ROWS = 5, 500_000
_MOST_SHAP = 400
# Maps are averaged over so many examples of a label, and over so many in all.
_MOST_MAPS, _ALL_MAPS = 8, 80
_SHEET_S = 30.0


@dataclass(frozen=True, eq=False)
class Shap:
    """SHAP values of a sample of the examples (Lundberg, Erion & Lee, 2018, arXiv:1802.03888).

    Attributes
    ----------
    names : tuple of str
        The numbers of a window.
    strength : np.ndarray [shape=(n_labels, n_columns)]
        Mean magnitude of the contributions to each label, in log odds.
    values : np.ndarray [shape=(n, n_columns)]
    pushes : np.ndarray [shape=(n, n_columns)]
        Contributions to the predicted label of each example.
    """

    names: tuple[str, ...]
    strength: np.ndarray
    values: np.ndarray
    pushes: np.ndarray


@dataclass(frozen=True, eq=False)
class AverageMap:
    """The mean heat map of examples of a label [shape=(height, width), range 0 to 1] that the model recognises."""

    label: str
    heat: np.ndarray
    examples: int


@dataclass(frozen=True, eq=False)
class Mistake:
    """A wrong prediction, with what the model was given as a picture where there is one; of sound the lowest band comes first."""

    row: ScoredExample
    picture: np.ndarray | None = None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Explanation:
    """What a model does on labelled data.

    Attributes
    ----------
    model : str
    report : Report
        The measured examples.
    metrics : tuple of str
        Metrics of the importances.
    importances : tuple of Importance
        The strongest feature first; empty for a model without named features, as all that follows from features is.
    dependences : tuple of Dependence
    regions : tuple of Regions
    truth : np.ndarray [shape=(n_examples,), dtype=int]
        Label of every example of ``regions``.
    gains : Mapping of str to float
        Share of the gain of the splits of trees.
    shap : Shap or None
    heat_maps : tuple of AverageMap
    mistakes : tuple of Mistake
        The most confident ones first.
    sound : bool
        Whether pictures of mistakes are spectrograms.
    notes : tuple of str
        What is missing, and why.
    """

    model: str
    report: Report
    metrics: tuple[str, ...]
    importances: tuple[Importance, ...] = ()
    dependences: tuple[Dependence, ...] = ()
    regions: tuple[Regions, ...] = ()
    truth: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=int))
    gains: Mapping[str, float] = field(default_factory=dict)
    shap: Shap | None = None
    heat_maps: tuple[AverageMap, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    sound: bool = False
    notes: tuple[str, ...] = ()


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
    gains, shap = _of_trees(model, windows, evaluation.rows, seed, notes)
    heat_maps = _average_maps(model, windows, truth, evaluation.rows, seed, say, notes)
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
        _mistakes(model, dataset, examples, windows, evaluation.rows, multilabel),
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
    model: Model, windows: Sequence[np.ndarray], rows: Sequence[ScoredExample], seed: int, notes: list[str]
) -> tuple[dict[str, float], Shap | None]:
    """Return the shares of gain, and SHAP values of a sample of the examples."""
    backend = model.backend
    if not isinstance(backend, SummarisesTrees):
        if feature_names(model):
            notes.append(
                f"There are neither gains nor SHAP values: backend {backend.info.name!r} has no trees to read."
            )
        return {}, None
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


def _average_maps(
    model: Model,
    windows: Sequence[np.ndarray],
    truth: np.ndarray,
    rows: Sequence[ScoredExample],
    seed: int,
    say: Say,
    notes: list[str],
) -> tuple[AverageMap, ...]:
    """Return the mean heat map per label, of examples that the model recognises."""
    if model.picture_axes is None:
        if model.has_heat_maps:
            notes.append("There are no average heat maps: the members of a combination have their own.")
        return ()
    rng = np.random.default_rng(seed)
    per_label = max(1, min(_MOST_MAPS, _ALL_MAPS // len(model.labels)))
    say("averaging heat maps per label")
    found = []
    for k, label in enumerate(model.labels):
        right = [i for i in np.flatnonzero(truth == k).tolist() if label in rows[i].predicted.split("|")]
        chosen = sorted(rng.permutation(right)[:per_label].tolist())
        maps = []
        for i in chosen:
            best = int(model.runtime.scores(windows[i])[:, k].argmax()) if len(windows[i]) > 1 else 0
            maps.append(model.heat_map(windows[i][best], label))
        same = [one for one in maps if one.shape == maps[0].shape]
        if same:
            found.append(AverageMap(label, np.mean(same, axis=0), len(same)))
    missing = set(model.labels) - {one.label for one in found}
    if missing:
        notes.append(f"No example of {', '.join(sorted(missing))} is recognised: no heat map.")
    return tuple(found)


def _mistakes(
    model: Model,
    dataset: Dataset,
    examples: Sequence[Example],
    windows: Sequence[np.ndarray],
    rows: Sequence[ScoredExample],
    multilabel: bool,
) -> tuple[Mistake, ...]:
    def is_wrong(row: ScoredExample) -> bool:
        best = model.labels[int(np.argmax(row.scores))]
        return best not in row.label.split("|")

    wrong = [i for i, row in enumerate(rows) if is_wrong(row)]
    worst = sorted(wrong, key=lambda i: (-float(np.max(rows[i].scores)), rows[i].id))[:MISTAKES]
    return tuple(
        Mistake(
            rows[i], _picture(model, examples[i], windows[i], rows[i]), _reasons(model, windows[i], rows[i])
        )
        for i in worst
    )


def _reasons(model: Model, windows: np.ndarray, row: ScoredExample) -> tuple[str, ...]:
    """Return the three features that speak most for the wrong label, in words."""
    if not isinstance(model.backend, SummarisesTrees):
        return ()
    found = model.explainer(windows[:1], [int(np.argmax(row.scores))])[0]
    first = [one for one in found if one.contribution > 0][:3]
    return tuple(
        f"{one.feature} {'unknown' if one.value is None else format(one.value, '.4g')}" for one in first
    )


def _picture(model: Model, example: Example, windows: np.ndarray, row: ScoredExample) -> np.ndarray | None:
    if model.picture_axes is not None:
        best = (
            int(model.runtime.scores(windows)[:, int(np.argmax(row.scores))].argmax())
            if len(windows) > 1
            else 0
        )
        return picture_of(windows[best], model.picture_axes)[0]
    if model.backend.info.modality is not Modality.AUDIO or example.path is None:
        return None
    try:
        length_s = min(example.duration_s or _SHEET_S, _SHEET_S)
        sound = audio.read(example.path, offset_s=example.offset_s, duration_s=length_s)
    except GenrekitError:
        return None
    return log_mel(sound.y, sound.sr, n_fft=2048, hop_length=1024, n_mels=96)
