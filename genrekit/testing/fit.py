"""Conformance checks of ``fit``: the second half of `genrekit.testing.backend.check_backend`."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from genrekit.backends import DISTANCE, EMBEDDINGS, Backend, BackendConfig, Fitted, Prepared
from genrekit.datasets import group_keys
from genrekit.models import KEYS, Runtime
from genrekit.testing.features import check_trees
from genrekit.testing.requirement import require
from genrekit.types import Example, Windows, silent

# A larger difference between graph and native scores can change the predicted label.
MAX_TOLERANCE = 1e-3


def check_fit(
    backend: Backend,
    config: BackendConfig,
    examples: Sequence[Example],
    prepared: Sequence[Windows],
    *,
    multilabel: bool,
) -> None:
    """Fit twice, with and without a validation split, and check the results against the protocol.

    Parameters
    ----------
    backend, config
        The recipe to check.
    examples : sequence of Example
        Labelled examples: one label each, or several if ``multilabel``.
    prepared : sequence of Windows
        One per example.
    multilabel : bool
        Whether ``config`` is multi-label.

    Raises
    ------
    AssertionError
        With a sentence that names the broken requirement.
    """
    labels = tuple(sorted({label for example in examples for label in example.labels}))
    targets = np.array([[label in e.labels for label in labels] for e in examples], dtype=np.float32)
    groups = group_keys(examples)

    def subset(members: Sequence[int]) -> Prepared:
        return Prepared(
            [prepared[i].values for i in members],
            targets[list(members)],
            groups[list(members)],
            tuple(examples[i].id for i in members),
        )

    everything = range(len(examples))
    whole = subset(everything)
    fitted = backend.fit(whole, None, labels, config, silent)
    _check_fitted(fitted, whole, labels, multilabel=multilabel)
    check_trees(backend, config, fitted, labels, multilabel=multilabel)
    again = backend.fit(whole, None, labels, config, silent)
    require(again.onnx == fitted.onnx, "the same data and seed make the same graph, byte for byte")
    require(dict(again.native) == dict(fitted.native), "the same data and seed make the same native payload")
    require(json.dumps(dict(again.history)) == json.dumps(dict(fitted.history)), "the history has no times")
    # As in `genrekit.training.train`, every label is in the training split: its first two examples are.
    seen = targets.cumsum(axis=0)
    often = [i for i in everything if (seen[i, targets[i] > 0] > 2).all()]
    valid = set(often[::3])
    train = subset([i for i in everything if i not in valid])
    stopped = backend.fit(train, subset(sorted(valid)) if valid else None, labels, config, silent)
    _check_fitted(stopped, train, labels, multilabel=multilabel)


def _check_fitted(fitted: Fitted, train: Prepared, labels: tuple[str, ...], *, multilabel: bool) -> None:
    runtime = Runtime(fitted.onnx, n_labels=len(labels))
    require(len(fitted.check_windows) > 0, "fit returns windows to check the graph on")
    graph = runtime.scores(fitted.check_windows)
    require(
        graph.shape == fitted.check_scores.shape,
        "check_scores has one row per check window, one column per label",
    )
    difference = float(np.abs(graph - fitted.check_scores).max())
    require(
        0 <= fitted.tolerance <= MAX_TOLERANCE,
        f"tolerance is at most {MAX_TOLERANCE:g}, not {fitted.tolerance:g}",
    )
    require(difference <= fitted.tolerance, f"graph and native model agree; they differ by {difference:.2g}")
    scores = runtime.scores(np.concatenate(train.windows))
    require(
        bool(((scores >= 0) & (scores <= 1)).all()),
        f"scores are from 0 to 1, not from {scores.min():g} to {scores.max():g}",
    )
    if multilabel:
        require(
            set(fitted.thresholds) == set(labels), "several labels per example: a threshold for every label"
        )
        require(all(0 <= value <= 1 for value in fitted.thresholds.values()), "thresholds are from 0 to 1")
    else:
        require(not fitted.thresholds, "one label per example: no thresholds")
        worst = float(np.abs(scores.sum(axis=1) - 1).max())
        require(
            math.isclose(worst, 0, abs_tol=1e-4),
            f"a window's scores sum to 1; the worst is off by {worst:.2g}",
        )
    json.dumps(dict(fitted.history), allow_nan=False)
    for name in fitted.native:
        require(
            re.fullmatch(r"[\w.-]+\.safetensors", name) is not None and name != KEYS,
            f"native payloads are .safetensors files, and not {KEYS}; this one is {name!r}",
        )
    _check_outputs(runtime, fitted, train)


def _check_outputs(runtime: Runtime, fitted: Fitted, train: Prepared) -> None:
    """Check the outputs beside the scores against what they promise; the runtime checks their numbers."""
    limits = (fitted.distance_threshold or 0.0, *fitted.distance_thresholds_of_few)
    require(all(math.isfinite(x) and x >= 0 for x in limits), "distance thresholds are finite, at least 0")
    require(
        fitted.distance_threshold is not None or not fitted.distance_thresholds_of_few,
        "distance_thresholds_of_few go with a distance_threshold",
    )
    declared = runtime.declaration(fitted.distance_threshold, fitted.distance_thresholds_of_few)
    again = Runtime(fitted.onnx, n_labels=fitted.check_scores.shape[1], declared=declared)
    require(
        fitted.distance_threshold is None or runtime.has_distance,
        "a distance_threshold goes with a graph that has the output 'distance'",
    )
    if declared.distance and fitted.distance_threshold is not None:
        far = [
            float(again.distance(windows).mean()) > (declared.distance.limit(len(windows)) or 0.0)
            for windows in train.windows
        ]
        require(
            sum(far) <= len(far) / 2, "most of the examples that were learnt from are within the threshold"
        )
    for name, has in ((EMBEDDINGS, declared.embeddings), (DISTANCE, declared.distance)):
        if has is None:
            continue
        values = again.outputs(fitted.check_windows, (name,))[name]
        alone = np.concatenate(
            [again.outputs(window[None], (name,))[name] for window in fitted.check_windows[:5]]
        )
        scale = float(np.abs(alone).max(initial=1))
        require(
            bool(np.allclose(values[:5], alone, atol=1e-4 * scale)),
            f"the {name} of a window does not depend on the others",
        )


def with_several_labels(examples: Sequence[Example]) -> Sequence[Example]:
    """Return the examples, with the next label added to every second one that has a single label."""
    labels = sorted({label for example in examples for label in example.labels})
    return [
        replace(e, labels=(*e.labels, labels[(labels.index(e.labels[0]) + 1) % len(labels)]))
        if i % 2 and len(e.labels) == 1
        else e
        for i, e in enumerate(examples)
    ]
