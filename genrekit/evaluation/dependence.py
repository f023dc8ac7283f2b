"""Dependence of a model's scores on its features: partial dependence and decision regions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from genrekit.evaluation.importance import FeatureTable

_GRID, _MARGIN = 20, 0.02

# Examples that partial dependence and regions average over: the standard error of a mean score is then below 0.025.
_BACKGROUND, _FEW_BACKGROUND = 400, 40

_PIXELS = 50


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
        Where the examples lie.
    """

    title: str
    x_name: str
    y_name: str
    x: np.ndarray
    y: np.ndarray
    scores: np.ndarray
    points: np.ndarray


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

    Linear discriminant analysis of the examples that are drawn finds the directions W. A point z of the plane represents the
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
