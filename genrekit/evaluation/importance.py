"""Effects of named features on the scores of a model: permutation importance, partial dependence, decision regions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from genrekit.backends import Backend, NamesFeatures, ScoresNatively
from genrekit.execution import default_jobs
from genrekit.metrics import LOWER_IS_BETTER, Estimate, Thresholds, difference, paired_draws
from genrekit.models import Combination, Manifest
from genrekit.prediction import Model

Score = Callable[[np.ndarray], np.ndarray]

# Rows that a thread scores at once.
_BLOCK = 8192


@dataclass(frozen=True)
class Importance:
    """Loss of a model when the values of a feature are permuted between examples.

    Attributes
    ----------
    feature : str
    losses : dict of str to Estimate
        Per metric how much worse it is, with the 95 % interval: above 0 where the model needs the feature, also for
        metrics of which less is better.
    """

    feature: str
    losses: dict[str, Estimate]


@dataclass(frozen=True, eq=False)
class FeatureTable:
    """The windows of examples as rows of named features, and the function that scores them.

    Attributes
    ----------
    names : tuple of str
        Names of the features.
    features : np.ndarray [shape=(n_windows, n_features), dtype=float32]
    counts : np.ndarray [shape=(n_examples,), dtype=int]
        Windows per example.
    score : callable
        From features to scores [shape=(n, n_labels)].
    """

    names: tuple[str, ...]
    features: np.ndarray = field(repr=False)
    counts: np.ndarray = field(repr=False)
    score: Score = field(repr=False)

    def example_scores(self, features: np.ndarray) -> np.ndarray:
        """Return the scores of the examples [shape=(n_examples, n_labels)] when their windows have other features."""
        scores = self.score(features).astype(np.float64)
        if (self.counts == 1).all():
            return scores
        starts = np.cumsum(self.counts) - self.counts
        means: np.ndarray = np.add.reduceat(scores, starts, axis=0) / self.counts[:, None]
        return means

    def usable(self, k: int) -> bool:
        """Return whether a feature has more than one value."""
        column = self.features[:, k]
        known = column[~np.isnan(column)]
        return len(known) > 0 and (known.min() < known.max() or len(known) < len(column))


def feature_names(model: Model) -> tuple[str, ...]:
    """Return the names of the features of a model's windows; empty for a model without named features."""
    backend, manifest = _reader(model)
    if isinstance(backend, NamesFeatures):
        return backend.window_columns[: backend.n_features]
    columns = backend.info.columns
    return columns if columns and manifest.input_shape == (len(columns),) else ()


def _reader(model: Model) -> tuple[Backend, Manifest]:
    """Return the backend that makes the windows: of a combination with a single preparation, that of its members."""
    backend = model.backend
    if isinstance(backend, Combination) and len(backend.parts) == 1:
        return backend.recipes[0][0], backend.manifests[0]
    return backend, model.bundle.manifest


def feature_table(model: Model, windows: Sequence[np.ndarray]) -> FeatureTable | None:
    """Return the windows of examples as features; None for a model without named features.

    Parameters
    ----------
    model : Model
    windows : sequence of np.ndarray [shape=(n_windows, n_columns)]
        One array per example.
    """
    names = feature_names(model)
    if not names:
        return None
    backend, whole = _reader(model)[0], model.backend
    native = whole.native_scorer(model.bundle.payload) if isinstance(whole, ScoresNatively) else None
    one_block: Score = native or model.runtime.scores

    def score(features: np.ndarray) -> np.ndarray:
        rows = backend.windows_of(features) if isinstance(backend, NamesFeatures) else features
        if isinstance(whole, Combination):
            rows = whole.joined_rows(rows)
        blocks = [rows[start : start + _BLOCK] for start in range(0, len(rows), _BLOCK)]
        if native is None or len(blocks) == 1:  # ONNX Runtime has threads of its own
            return np.concatenate([one_block(block) for block in blocks])
        with ThreadPoolExecutor(default_jobs()) as pool:
            return np.concatenate(list(pool.map(one_block, blocks)))

    if isinstance(whole, Combination):
        windows = [whole.member_windows(one, 0) for one in windows]
    features = np.concatenate(windows)[:, : len(names)].astype(np.float32)
    return FeatureTable(names, features, np.array([len(one) for one in windows]), score)


def permutation_importances(
    table: FeatureTable,
    targets: np.ndarray,
    labels: Sequence[str],
    groups: Sequence[str] | np.ndarray,
    *,
    metrics: Sequence[str],
    multilabel: bool = False,
    thresholds: Thresholds | None = None,
    repeats: int = 5,
    seed: int = 0,
) -> tuple[Importance, ...]:
    """Measure what a model loses when a feature is permuted (Breiman, *Machine Learning* 45, 2001), by the paired bootstrap over groups.

    Parameters
    ----------
    table : FeatureTable
    targets, labels, groups, multilabel, thresholds
        As for `genrekit.metrics.measure_scores`.
    metrics : sequence of str
        The first one orders the features, the others where it is equal.
    repeats : int >= 1
        Permutations per feature; their mean is measured.
    seed : int >= 0

    Returns
    -------
    tuple of Importance
        The largest loss first.
    """
    rng = np.random.default_rng(seed)

    def drawn(scores: np.ndarray, times: int) -> dict[str, np.ndarray]:
        return paired_draws(
            scores,
            np.tile(targets, (times, 1)),
            labels,
            np.tile(np.asarray(groups), times),
            multilabel=multilabel,
            thresholds=thresholds,
            seed=seed,
        )

    base = drawn(table.example_scores(table.features), 1)
    found = []
    for k, name in enumerate(table.names):
        if not table.usable(k):
            found.append(Importance(name, dict.fromkeys(metrics, Estimate(0.0, 0.0, 0.0))))
            continue
        parts = []
        for _ in range(repeats):
            features = table.features.copy()
            features[:, k] = features[rng.permutation(len(features)), k]
            parts.append(table.example_scores(features))
        permuted = drawn(np.concatenate(parts), repeats)
        losses = {
            metric: difference(permuted, base, metric)
            if metric in LOWER_IS_BETTER
            else difference(base, permuted, metric)
            for metric in metrics
        }
        found.append(Importance(name, losses))
    return tuple(sorted(found, key=lambda one: tuple(-one.losses[metric].value for metric in metrics)))
