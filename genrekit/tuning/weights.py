"""Weights and temperature of a combination: given, equal, or of the lowest log loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from genrekit.errors import UsageError
from genrekit.metrics import THRESHOLD, best_threshold
from genrekit.models import CombinedRuntime, place_of_labels, pooled
from genrekit.prediction import Model
from genrekit.training import PreparedDataset

Weights = str | Sequence[float]


@dataclass(frozen=True)
class Fit:
    weights: tuple[float, ...]
    temperature: float
    thresholds: Mapping[str, float]
    losses: Mapping[str, float]


def fit(
    model: Model, prepared: PreparedDataset, indices: Sequence[int], given: tuple[float, ...] | None
) -> Fit:
    """Find weights, unless they are given, and the temperature, of the lowest log loss."""
    runtime = model.runtime
    assert isinstance(runtime, CombinedRuntime)
    selected = prepared.select(indices, model.labels)
    scores = np.concatenate([runtime.member_scores(values) for values in selected.windows], axis=1)
    counts = np.array([len(values) for values in selected.windows])
    starts = np.cumsum(counts) - counts
    targets = selected.targets.astype(np.float64)
    multilabel = model.bundle.manifest.multilabel
    m = len(scores)

    def of_examples(factors: np.ndarray) -> np.ndarray:
        rows = pooled(scores, factors, multilabel=multilabel)
        found: np.ndarray = np.add.reduceat(rows, starts, axis=0) / counts[:, None]
        return found

    def loss(factors: np.ndarray) -> float:
        p = np.clip(of_examples(factors), 1e-12, 1 - 1e-12)
        if multilabel:
            return float(-(targets * np.log(p) + (1 - targets) * np.log1p(-p)).mean())
        return float(-np.log((p * targets).sum(axis=1)).mean())

    if given is None:
        start, scale = np.full(m, 1 / m), np.eye(m)
    else:
        start, scale = np.ones(1), np.array(given)[None]
    found = minimize(lambda x: loss(x @ scale), start, method="L-BFGS-B", bounds=[(1e-3, 20.0)] * len(start))
    factors = found.x @ scale
    factors = np.where(factors > 1e-3, factors, 0.0) if given is None else factors
    weights = tuple(float(f"{value:.6g}") for value in factors / factors.sum())
    temperature = float(f"{1 / factors.sum():.6g}")
    final = np.array(weights) / temperature
    has = targets > 0
    p = of_examples(final).astype(np.float32)
    thresholds = (
        {label: best_threshold(p[:, k], has[:, k]) for k, label in enumerate(model.labels)}
        if multilabel
        else {}
    )
    alone = {f"member {j + 1} alone": round(loss(np.eye(m)[j]), 4) for j in range(m)}
    return Fit(weights, temperature, thresholds, alone | {"combination": round(loss(final), 4)})


def given_weights(weights: Weights | None, n: int, *, has_data: bool) -> tuple[float, ...] | None:
    """Return the weights that are given, which then sum to 1; None if they are to be fitted."""
    if weights is None:
        weights = "fitted" if has_data else "equal"
    if weights == "fitted":
        if not has_data:
            raise UsageError(
                "Fitting weights needs labelled data.",
                "Add --data SOURCE, or use --weights equal or --weights 0.3,0.7.",
            )
        return None
    if weights == "equal":
        return equal(n)
    wrong = UsageError(
        f"--weights {weights!r} is not 'fitted', 'equal', or {n} numbers of at least 0.",
        f"For example: --weights {','.join(['1'] * n)}",
    )
    try:
        values = [float(value) for value in (weights.split(",") if isinstance(weights, str) else weights)]
    except ValueError:
        raise wrong from None
    total = sum(values)
    if len(values) != n or min(values) < 0 or not np.isfinite(total) or total <= 0:
        raise wrong
    return tuple(value / total for value in values)


def equal(n: int) -> tuple[float, ...]:
    return (1 / n,) * n


def mean_thresholds(members: Sequence[Model], weights: Sequence[float]) -> dict[str, float]:
    """Return the weighted mean of the members' thresholds in log odds, for several labels per example."""
    if not members[0].bundle.manifest.multilabel:
        return {}
    labels = members[0].labels
    limits = []
    for one in members:
        own = np.array([one.bundle.manifest.thresholds.get(label, THRESHOLD) for label in one.labels])
        limits.append(own[None, place_of_labels(labels, one.labels)])
    means = pooled(np.stack(limits), np.asarray(weights), multilabel=True)[0]
    return dict(zip(labels, means.tolist(), strict=True))
