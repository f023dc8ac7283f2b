"""Training of the ``encoder`` backend: heads compared on grouped folds, calibrated there, and written with the encoder.

Both splits are joined: nothing here stops early, so a validation split is worth more in the folds. A fold holds out whole
groups; the held-out margins say how good a head is, and from them alone come its calibration, the thresholds of several
labels, and the threshold of the distance. What is kept is then fitted on everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from genrekit.backends.base import Fitted, Prepared, Progress
from genrekit.backends.encoder import encoders
from genrekit.backends.encoder.backend import EncoderConfig
from genrekit.backends.encoder.distance import Distance, fit_distance
from genrekit.backends.encoder.encoding import PatchEncoder
from genrekit.backends.encoder.graph import LIMIT, Limit, write_graph
from genrekit.backends.encoder.heads import (
    KINDS,
    NO_EVIDENCE,
    Calibration,
    Chain,
    Floats,
    example_means,
    fit_calibration,
    fit_head,
    log_losses,
)
from genrekit.backends.encoder.pooling import pool, transform
from genrekit.errors import ConfigError, DatasetError
from genrekit.metrics import best_threshold
from genrekit.text import counted

# Share of the held-out songs whose distance is above the threshold.
FALSE_ALARMS = 0.05
# Fewer say nothing of where a threshold should be.
_LEAST_FOR_DISTANCE = 30
_LEAST_HELD = 10
_N_CHECK = 12
_TOLERANCE = 1e-4

Bools = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Table:
    """Table of encoded windows, with the example of each.

    Attributes
    ----------
    patches : sequence of np.ndarray [shape=(n_patches, d)]
        The features of the patches, one array a window.
    x : np.ndarray [shape=(n_windows, d')]
        The same, pooled.
    targets : np.ndarray [shape=(n_examples, n_labels)]
    groups : np.ndarray [shape=(n_examples,)]
    counts : np.ndarray [shape=(n_examples,)]
        Windows an example.
    multilabel : bool
    """

    patches: Sequence[Floats]
    x: Floats
    targets: Bools
    groups: npt.NDArray[Any]
    counts: Integers
    multilabel: bool

    @property
    def owner(self) -> Integers:
        """The example of each window."""
        return np.repeat(np.arange(len(self.targets)), self.counts)

    @property
    def starts(self) -> Integers:
        """The first window of each example."""
        return np.asarray(np.cumsum(self.counts) - self.counts)

    def subset(self, examples: Integers) -> Table:
        """Return a table of some examples, in order."""
        windows = self.windows_of(examples)
        return replace(
            self,
            patches=[self.patches[i] for i in windows],
            x=self.x[windows],
            targets=self.targets[examples],
            groups=self.groups[examples],
            counts=self.counts[examples],
        )

    def windows_of(self, examples: Integers) -> Integers:
        """Return the windows of some examples, in order."""
        return np.flatnonzero(np.isin(self.owner, examples))

    def classes(self, windows: Integers) -> Integers:
        """Return the class of windows for the distance; multi-label windows are all of one class."""
        if self.multilabel:
            return np.zeros(len(windows), dtype=np.intp)
        return np.asarray(self.targets.argmax(axis=1)[self.owner[windows]])

    def folds(self, most: int, seed: int) -> list[tuple[Integers, Integers]]:
        """Return examples to learn from and to hold out, whole groups each; at least two folds.

        Raises
        ------
        DatasetError
            If there is one group only.
        """
        n_groups = len(np.unique(self.groups))
        if n_groups < 2:
            raise DatasetError(
                "All examples of the training split are in one group, so nothing can be held out to choose a head.",
                "Give the groups that belong together (artists, tracks), or leave the group column out.",
            )
        if self.multilabel:
            cutter: Any = GroupKFold(min(most, n_groups), shuffle=True, random_state=seed)
            return list(cutter.split(self.targets, groups=self.groups))
        y = self.targets.argmax(axis=1)
        rarest = min(len(np.unique(self.groups[y == k])) for k in np.unique(y))
        cutter = StratifiedGroupKFold(max(2, min(most, rarest)), shuffle=True, random_state=seed)
        return [(a, b) for a, b in cutter.split(y, y, self.groups) if len(a) and len(b)]


@dataclass(frozen=True, eq=False)
class Candidate:
    """A head, or the mean of several, with the scores that it gave to examples it had not seen.

    Attributes
    ----------
    kinds : tuple of str
    calibrations : tuple of Calibration
        One for each of the kinds.
    scores : np.ndarray [shape=(n_examples, n_labels)]
    """

    kinds: tuple[str, ...]
    calibrations: tuple[Calibration, ...]
    scores: Floats

    @property
    def name(self) -> str:
        """Name of the head."""
        return self.kinds[0] if len(self.kinds) == 1 else "mean"


@dataclass(frozen=True, eq=False)
class Learnt:
    """Result of training on a table: heads with their calibrations, and the results of the folds."""

    members: Sequence[tuple[Chain, Calibration]]
    thresholds: dict[str, float]
    distance: tuple[Distance, float] | None
    history: dict[str, Any]


def fit(
    train: Prepared,
    valid: Prepared | None,
    labels: tuple[str, ...],
    config: EncoderConfig,
    progress: Progress,
) -> Fitted:
    """Fit, calibrate and write; see `genrekit.backends.base.Backend`."""
    facts = encoders.get(config.encoder).facts
    layer = config.layer or facts.default_layer
    splits = [train, valid] if valid else [train]
    encoder, graph = PatchEncoder(config.encoder), encoders.graph(config.encoder)
    tuned: dict[str, Any] = {}
    if config.fine_tune:
        graph, tuned = _fine_tuned(encoder, layer, train, valid, config, progress)
        encoder = PatchEncoder(config.encoder, graph)
        splits = [replace(split, encoded=None) for split in splits]
    encoded = [part for split in splits for part in (split.encoded or map(encoder, split.windows))]
    layers = [encoder.layer_of(part, layer) for part in encoded]
    table = make_table(
        [transform(part, facts.layers[layer]) for part in layers],
        np.concatenate([split.targets for split in splits]) > 0,
        np.concatenate([split.groups for split in splits]),
        config,
    )
    folds = None
    if config.fine_tune:  # an encoder that was trained on them gives no honest folds of the training split
        folds = [(np.arange(len(train)), np.arange(len(train), len(table.targets)))]
    learnt = learn(table, labels, config, progress, folds)
    graph = write_graph(
        graph,
        facts,
        layer=layer,
        pooling=config.pooling,
        members=learnt.members,
        n_labels=len(labels),
        limits=[Limit(layer, *learnt.distance)] if learnt.distance else [],
    )
    check = np.stack(
        [windows[0] for windows in train.windows[:_N_CHECK] if len(windows[0]) == len(train.windows[0][0])]
    )
    check = np.concatenate([check, np.zeros_like(check[:1])]).astype(np.float32)
    features = transform(encoder.layer_of(encoder(check), layer), facts.layers[layer])
    return Fitted(
        onnx=graph,
        native={},
        check_windows=check,
        check_scores=scores_of(learnt, np.stack([pool(part, config.pooling) for part in features])),
        history={
            "encoder": facts.name,
            "encoder_licence": facts.licence,
            "layer": layer,
            **tuned,
            **learnt.history,
        },
        thresholds=learnt.thresholds,
        tolerance=_TOLERANCE,
        distance_threshold=LIMIT if learnt.distance else None,
    )


def make_table(
    features: Sequence[Floats], targets: Bools, groups: npt.NDArray[Any], config: EncoderConfig
) -> Table:
    """Make a table of the features of examples [shape=(n_windows, n_patches, d) each]."""
    patches = [window for windows in features for window in windows]
    return Table(
        patches=patches,
        x=np.stack([pool(window, config.pooling) for window in patches]),
        targets=targets,
        groups=groups,
        counts=np.array([len(windows) for windows in features]),
        multilabel=config.multilabel,
    )


def _fine_tuned(
    encoder: PatchEncoder,
    layer: str,
    train: Prepared,
    valid: Prepared | None,
    config: EncoderConfig,
    progress: Progress,
) -> tuple[bytes, dict[str, Any]]:
    """Return the graph of the encoder after further training, and facts for the history."""
    from genrekit.backends.encoder.fine_tune import Tunable, fine_tune

    if valid is None:
        raise ConfigError(
            "fine_tune needs a validation split; there is none.", "Give --valid-size 0.1, or omit fine_tune."
        )
    found = encoders.get(config.encoder)
    if not isinstance(found, Tunable):
        raise ConfigError(f"The encoder {config.encoder!r} cannot be trained further.", "Omit fine_tune.")
    facts = found.facts.layers[layer]
    parts = train.encoded or map(encoder, train.windows)
    x = np.stack([transform(encoder.layer_of(part, layer), facts).mean(axis=(0, 1)) for part in parts])
    head = fit_head("logistic", x, train.targets > 0, multilabel=config.multilabel, seed=config.seed)
    graph, history = fine_tune(found, layer, head, train, valid, config, progress)
    return graph, {"fine_tune": history}


def learn(
    table: Table,
    labels: Sequence[str],
    config: EncoderConfig,
    progress: Progress,
    folds: Sequence[tuple[Integers, Integers]] | None = None,
) -> Learnt:
    """Choose a head on folds, and fit it and the distance on everything.

    A single fold, of examples to learn from and to hold out, is a split: nothing is learnt from what it holds out.
    """
    with threadpool_limits(1):  # the same bytes everywhere
        folds = folds or table.folds(config.folds, config.seed)
        judged = table.subset(_held(folds))
        wanted = KINDS if config.head in ("auto", "mean") else (config.head,)
        where = (
            f"{counted(len(folds), 'fold')} of {len(table.targets)}"
            if folds[1:]
            else f"{len(judged.targets)} validation"
        )
        progress(f"comparing heads on {where} examples")
        candidates = _compare(table, folds, wanted, config)
        chosen = candidates[-1] if config.head == "mean" else _choose(judged, candidates)
        rows = [_row(judged, candidate) for candidate in candidates]
        for row in rows:
            measures = ", ".join(f"{key} {value:.3f}" for key, value in row.items() if key != "head")
            progress(f"  {row['head']:<10} {measures}")
        progress(f"kept {chosen.name}")
        windows = _learnt_windows(table, folds)
        x, y = table.x[windows], table.targets[table.owner][windows]
        members = [
            (fit_head(kind, x, y, multilabel=table.multilabel, seed=config.seed), calibration)
            for kind, calibration in zip(chosen.kinds, chosen.calibrations, strict=True)
        ]
        distance = limited(table, folds)
    thresholds = {}
    if table.multilabel:
        held = chosen.scores.astype(np.float32)
        thresholds = {
            label: best_threshold(held[:, k], judged.targets[:, k]) for k, label in enumerate(labels)
        }
    history = {
        "folds": len(folds),
        "examples": len(table.targets),
        "heads": rows,
        "head": chosen.name,
        "calibrations": [[c.slope, c.offset] for c in chosen.calibrations],
    }
    return Learnt(members, thresholds, distance, history)


def scores_of(learnt: Learnt, x: Floats) -> Floats:
    """Return the scores of pooled features [shape=(n, d)], as the graph does."""
    return np.asarray(np.mean([calibration(chain(x)) for chain, calibration in learnt.members], axis=0))


def _compare(
    table: Table, folds: Sequence[tuple[Integers, Integers]], kinds: Sequence[str], config: EncoderConfig
) -> list[Candidate]:
    """Score every head on every fold, and calibrate it on what was held out; the mean of all comes last."""
    held = _held(folds)
    judged, windows = table.subset(held), table.windows_of(held)
    starts = judged.starts
    y = table.targets[table.owner]
    found = []
    for kind in kinds:
        margins = np.full((len(table.x), table.targets.shape[1]), -NO_EVIDENCE)
        for learn_from, held in folds:
            rows, out = table.windows_of(learn_from), table.windows_of(held)
            chain = fit_head(kind, table.x[rows], y[rows], multilabel=table.multilabel, seed=config.seed)
            margins[out] = chain(table.x[out])
        margins = margins[windows]
        calibration = fit_calibration(margins, judged.targets, starts, multilabel=table.multilabel)
        found.append(Candidate((kind,), (calibration,), example_means(calibration(margins), starts)))
    if found[1:]:
        mean = np.mean([candidate.scores for candidate in found], axis=0)
        found.append(Candidate(tuple(kinds), tuple(c.calibrations[0] for c in found), mean))
    return found


def _choose(table: Table, candidates: Sequence[Candidate]) -> Candidate:
    """Select the candidate with the lowest log loss, or an earlier, simpler candidate that is not clearly worse.

    Not clearly: by less than a standard error over groups (Breiman, Friedman, Olshen and Stone, *Classification and
    Regression Trees*, 1984, section 3.4.3).
    """
    losses = [log_losses(c.scores, table.targets, multilabel=table.multilabel) for c in candidates]
    best = min(losses, key=lambda loss: float(loss.mean()))
    _, group = np.unique(table.groups, return_inverse=True)
    for candidate, loss in zip(candidates, losses, strict=True):
        difference = loss - best
        of_groups = np.bincount(group, weights=difference - difference.mean())
        if difference.mean() <= np.sqrt((of_groups**2).sum()) / len(difference):
            return candidate
    raise AssertionError("the best is not worse than itself")


def _row(table: Table, candidate: Candidate) -> dict[str, Any]:
    loss = log_losses(candidate.scores, table.targets, multilabel=table.multilabel).mean()
    row: dict[str, Any] = {"head": candidate.name}
    if not table.multilabel:
        right = candidate.scores.argmax(axis=1) == table.targets.argmax(axis=1)
        row["accuracy"] = round(float(right.mean()), 4)
    return {**row, "log_loss": round(float(loss), 4)}


def limited(table: Table, folds: Sequence[tuple[Integers, Integers]]) -> tuple[Distance, float] | None:
    """Fit the distance on everything that is learnt from, and its threshold on the songs that the folds held out."""
    held = _held(folds)
    if len(table.targets) < _LEAST_FOR_DISTANCE or len(held) < _LEAST_HELD:
        return None
    found = np.zeros(len(table.patches))
    for learn_from, out_of_fold in folds:
        rows, out = table.windows_of(learn_from), table.windows_of(out_of_fold)
        fitted = fit_distance([table.patches[i] for i in rows], table.classes(rows))
        found[out] = measure(fitted, [table.patches[i] for i in out])
    of_examples = example_means(found[table.windows_of(held)][:, None], table.subset(held).starts)[:, 0]
    windows = _learnt_windows(table, folds)
    distance = fit_distance([table.patches[i] for i in windows], table.classes(windows))
    return distance, float(f"{np.quantile(of_examples, 1 - FALSE_ALARMS):.4g}")


def _held(folds: Sequence[tuple[Integers, Integers]]) -> Integers:
    """Return the examples that any fold holds out, in order."""
    return np.unique(np.concatenate([held for _, held in folds]))


def _learnt_windows(table: Table, folds: Sequence[tuple[Integers, Integers]]) -> Integers:
    """Return the windows that a model is fitted on: all of them, or those of a single fold."""
    return np.arange(len(table.x)) if folds[1:] else table.windows_of(folds[0][0])


def measure(distance: Distance, patches: Sequence[Floats]) -> Floats:
    """Return the distance of windows by the features of their patches."""
    means = np.stack([window.mean(axis=0) for window in patches])
    return distance(means, np.array([len(window) for window in patches]))
