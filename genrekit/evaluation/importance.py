"""Effects of named features on the scores of a model: permutation importance, partial dependence, decision regions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from genrekit.backends import NamesFeatures, ScoresNatively
from genrekit.execution import default_jobs
from genrekit.metrics import LOWER_IS_BETTER, Estimate, Thresholds, difference, paired_draws
from genrekit.prediction import Model

Score = Callable[[np.ndarray], np.ndarray]

# Rows that a thread scores at once.
_BLOCK = 8192
_GRID, _MARGIN = 20, 0.02
# Examples that partial dependence and regions average over: the standard error of a mean score is then below 0.025.
_BACKGROUND, _FEW_BACKGROUND = 400, 40
_PIXELS = 50


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
class Dependence:
    """The mean scores of a model when a feature has one value in all examples (Friedman, *Annals of Statistics* 29(5), 2001).

    Attributes
    ----------
    feature : str
    values : np.ndarray [shape=(n_values,)]
    scores : np.ndarray [shape=(n_values, n_labels)]
    deciles : np.ndarray [shape=(9,)]
        Of the values in the examples.
    """

    feature: str
    values: np.ndarray
    scores: np.ndarray
    deciles: np.ndarray


@dataclass(frozen=True, eq=False)
class Regions:
    """Scores of a model on a plane.

    Attributes
    ----------
    title, x_name, y_name : str
    x, y : np.ndarray [shape=(n,)]
        The grid.
    scores : np.ndarray [shape=(n_y, n_x, n_labels)]
    points : np.ndarray [shape=(n_examples, 2)]
        Positions of the examples.
    """

    title: str
    x_name: str
    y_name: str
    x: np.ndarray
    y: np.ndarray
    scores: np.ndarray
    points: np.ndarray


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
    backend = model.backend
    if isinstance(backend, NamesFeatures):
        return backend.window_columns[: backend.n_features]
    columns = backend.info.columns
    return columns if columns and model.bundle.manifest.input_shape == (len(columns),) else ()


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
    backend = model.backend
    native = backend.native_scorer(model.bundle.payload) if isinstance(backend, ScoresNatively) else None
    one_block: Score = native or model.runtime.scores

    def score(features: np.ndarray) -> np.ndarray:
        rows = backend.windows_of(features) if isinstance(backend, NamesFeatures) else features
        blocks = [rows[start : start + _BLOCK] for start in range(0, len(rows), _BLOCK)]
        if native is None or len(blocks) == 1:  # ONNX Runtime has threads of its own
            return np.concatenate([one_block(block) for block in blocks])
        with ThreadPoolExecutor(default_jobs()) as pool:
            return np.concatenate(list(pool.map(one_block, blocks)))

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


def partial_dependence(table: FeatureTable, name: str, *, seed: int = 0) -> Dependence:
    """Measure the mean score of every label for values of a feature between its quantiles 0.02 and 0.98."""
    k = table.names.index(name)
    column = table.features[:, k]
    known = column[~np.isnan(column)]
    values = np.unique(known)
    if len(values) > _GRID:
        low, high = np.quantile(known, [_MARGIN, 1 - _MARGIN])
        values = np.linspace(low, high, _GRID) if low < high else np.array([low])
    background = _sample(table.features, _BACKGROUND, seed)
    rows = np.tile(background, (len(values), 1))
    rows[:, k] = np.repeat(values, len(background))
    scores = table.score(rows)
    means = scores.reshape(len(values), len(background), -1).mean(axis=1, dtype=np.float64)
    return Dependence(name, values, means, np.quantile(known, np.arange(1, 10) / 10))


def regions_of_pair(table: FeatureTable, x_name: str, y_name: str, *, seed: int = 0) -> Regions:
    """Measure the mean scores over the plane of two features, the others as in a sample of the examples."""
    at = [table.names.index(x_name), table.names.index(y_name)]
    x, y = (_axis(table.features[:, k]) for k in at)
    background = _sample(table.features, _FEW_BACKGROUND, seed)
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    rows = np.tile(background, (len(grid), 1))
    rows[:, at] = np.repeat(grid, len(background), axis=0)
    scores = table.score(rows).reshape(len(grid), len(background), -1).mean(axis=1, dtype=np.float64)
    return Regions(
        "The two strongest features, averaged over the others",
        x_name,
        y_name,
        x,
        y,
        scores.reshape(len(y), len(x), -1),
        _first_windows(table)[:, at],
    )


def regions_of_discriminants(table: FeatureTable, truth: np.ndarray) -> Regions | None:
    """Measure scores over the plane of the first two discriminant directions.

    Linear discriminant analysis of the examples that are drawn gives the directions W. A point z of the plane stands for the
    features that are expected there if they are normal with the common covariance S: mean + S W (W' S W)^-1 z.

    Parameters
    ----------
    table : FeatureTable
    truth : np.ndarray [shape=(n_examples,), dtype=int]
        The label of every example.

    Returns
    -------
    Regions or None
        None with fewer than three labels or two features that vary.
    """
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    features = _first_windows(table).astype(np.float64)
    varies = [k for k in range(len(table.names)) if table.usable(k) and not np.isnan(features[:, k]).all()]
    if len(np.unique(truth)) < 3 or len(varies) < 2 or len(features) < 10:
        return None
    medians = np.nanmedian(features[:, varies], axis=0)
    filled = np.where(np.isnan(features[:, varies]), medians, features[:, varies])
    middle, spread = filled.mean(axis=0), filled.std(axis=0)
    spread[spread == 0] = 1
    standard = (filled - middle) / spread
    lda = LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto", n_components=2)
    directions = lda.fit(standard, truth).scalings_[:, :2]
    points = standard @ directions
    covariance = np.cov(standard, rowvar=False)
    back = covariance @ directions @ np.linalg.pinv(directions.T @ covariance @ directions)
    x, y = _axis(points[:, 0]), _axis(points[:, 1])
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    rows = np.tile(np.nan_to_num(_medians(table.features)), (len(grid), 1))
    rows[:, varies] = grid @ back.T * spread + middle
    scores = table.score(rows.astype(np.float32)).astype(np.float64)
    return Regions(
        "The first two discriminant directions of the examples",
        "first direction",
        "second direction",
        x,
        y,
        scores.reshape(len(y), len(x), -1),
        points,
    )


def _medians(features: np.ndarray) -> np.ndarray:
    return np.array(
        [np.nan if np.isnan(column).all() else np.nanmedian(column) for column in features.T],
        dtype=np.float64,
    )


def _first_windows(table: FeatureTable) -> np.ndarray:
    """Return the first window of every example."""
    first: np.ndarray = table.features[np.cumsum(table.counts) - table.counts]
    return first


def _axis(column: np.ndarray) -> np.ndarray:
    known = column[~np.isnan(column)]
    low, high = np.quantile(known, [0.01, 0.99])
    if low == high:
        low, high = known.min(), known.max()
    return np.linspace(low, high, _PIXELS)


def _sample(features: np.ndarray, most: int, seed: int) -> np.ndarray:
    if len(features) <= most:
        return features
    return features[np.sort(np.random.default_rng(seed).choice(len(features), most, replace=False))]
