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
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from genrekit.backends.base import Fitted, Prepared, Progress
from genrekit.backends.encoder import encoders
from genrekit.backends.encoder.backend import EncoderConfig
from genrekit.backends.encoder.distance import Distance
from genrekit.backends.encoder.distance_threshold import limited
from genrekit.backends.encoder.encoding import PatchEncoder
from genrekit.backends.encoder.graph import LIMIT, Limit, write_graph
from genrekit.backends.encoder.head_choice import choose, compare, figures
from genrekit.backends.encoder.heads import KINDS, Calibration, Chain, Floats, fit_head
from genrekit.backends.encoder.pooling import pool, transform
from genrekit.backends.encoder.table import Folds, Table, held_out, learnt_windows, make_table
from genrekit.errors import ConfigError
from genrekit.metrics import best_threshold
from genrekit.text import counted

_N_CHECK = 12
_TOLERANCE = 1e-4


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
            "fine_tune needs a validation split; there is none.", "Use --valid-size 0.1, or omit fine_tune."
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
    folds: Folds | None = None,
) -> Learnt:
    """Choose a head on folds, and fit it and the distance on everything.

    A single fold, of examples to learn from and to hold out, is a split: nothing is learnt from what it holds out.
    """
    with threadpool_limits(1):  # the same bytes everywhere
        folds = folds or table.folds(config.folds, config.seed)
        judged = table.subset(held_out(folds))
        wanted = KINDS if config.head in ("auto", "mean") else (config.head,)
        where = (
            f"{counted(len(folds), 'fold')} of {len(table.targets)}"
            if folds[1:]
            else f"{len(judged.targets)} validation"
        )
        progress(f"comparing heads on {where} examples")
        candidates = compare(table, folds, wanted, config)
        chosen = candidates[-1] if config.head == "mean" else choose(judged, candidates)
        rows = [figures(judged, candidate) for candidate in candidates]
        for row in rows:
            measures = ", ".join(f"{key} {value:.3f}" for key, value in row.items() if key != "head")
            progress(f"  {row['head']:<10} {measures}")
        progress(f"kept {chosen.name}")
        windows = learnt_windows(table, folds)
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
