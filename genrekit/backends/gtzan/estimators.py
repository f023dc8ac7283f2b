"""The estimators of the ``gtzan`` backend: transform, whitening, classifier, sigmoid, and a vote of them.

Everything is computed in float64 on float32 windows, as the exported graph does (`genrekit.backends.gtzan.export`);
trees compare float32 values, so that thresholds decide the same way in both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import xgboost as xgb
from scipy.optimize import minimize
from scipy.special import log_expit, softmax
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import PowerTransformer, StandardScaler
from sklearn.svm import SVC

from genrekit.backends.gtzan.relative import LOG_FLOOR, Floats, Relative

Integers = npt.NDArray[np.intp]

CLASSIFIERS = ("lda", "svm", "forest", "xgboost", "logistic")
TRANSFORMS = ("standard", "power")  # from linear to non-linear
# One of each kind, Gaussian, kernel and trees: better together than any of them, or than the best three, in
# grouped cross-validation on the training and validation splits of GTZAN.
VOTERS = ("lda", "svm", "forest")
N_TREES = 300  # of a forest

# Probabilities are clipped to this distance from 0 and 1 before their log odds are computed.
LEAST_PROBABILITY = 1e-9

_SHRINKAGE = 0.1
_LEAST_SPREAD = 1e-4  # of a direction, relative to the largest
# Of the order of 1 / n_features, for features with unit variance within a class.
_GAMMA = 0.0125


class WithinClassWhitening(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Rotation and scaling to an identity pooled covariance within classes.

    Directions in which songs of one genre differ no longer have more weight than others. Hatch, Kajarekar and Stolcke,
    *Within-class covariance normalization for SVM-based speaker recognition*, Interspeech 2006.

    Parameters
    ----------
    shrinkage : float in [0, 1]
        Weight of a multiple of the identity that is mixed into the covariance first.
    """

    def __init__(self, shrinkage: float = _SHRINKAGE) -> None:
        self.shrinkage = shrinkage

    def fit(self, X: Floats, y: Integers) -> Self:
        """Estimate the rotation from rows [shape=(n, d)] and their classes."""
        classes, which = np.unique(y, return_inverse=True)
        means = np.stack([X[which == k].mean(axis=0) for k in range(len(classes))])
        residuals = X - means[which]
        covariance = residuals.T @ residuals / len(X)
        variance = covariance.trace() / len(covariance)
        shrunk = (1 - self.shrinkage) * covariance + self.shrinkage * variance * np.eye(len(covariance))
        values, vectors = np.linalg.eigh(shrunk)
        self.mean_ = X.mean(axis=0)
        self.rotation_ = vectors / np.sqrt(np.maximum(values, LOG_FLOOR))
        # Columns that do not vary are rounding errors here, which trees must not split by.
        spread = ((X - self.mean_) @ vectors).std(axis=0)
        varies = spread > _LEAST_SPREAD * spread.max()
        if varies.any():
            self.rotation_ = self.rotation_[:, varies]
        return self

    def transform(self, X: Floats) -> Floats:
        """Whiten rows."""
        return np.asarray((X - self.mean_) @ self.rotation_)


class Boosting(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """XGBoost on one thread, with a softmax even for two classes."""

    def __init__(self, n_estimators: int = 100, seed: int = 0) -> None:
        self.n_estimators = n_estimators
        self.seed = seed

    def fit(self, X: Floats, y: Integers) -> Self:
        """Train the trees."""
        self.classes_, codes = np.unique(y, return_inverse=True)
        settings = {
            "objective": "multi:softprob",
            "num_class": len(self.classes_),
            "max_depth": 3,
            "learning_rate": 0.15,
            "subsample": 0.7,
            "colsample_bytree": 0.3,
            "nthread": 1,
            "seed": self.seed,
            "verbosity": 0,
        }
        data = xgb.DMatrix(X.astype(np.float32), codes, nthread=1)
        self.booster_ = xgb.train(settings, data, self.n_estimators)
        return self

    def predict_proba(self, X: Floats) -> Floats:
        """Return probabilities [shape=(n, n_classes)]."""
        data = xgb.DMatrix(X.astype(np.float32), nthread=1)
        margins = self.booster_.predict(data, output_margin=True).astype(np.float64)
        return np.asarray(softmax(margins, axis=1))


def build(classifier: str, transform: str, *, seed: int) -> Pipeline:
    """Return an unfitted pipeline from 57 raw features to a classifier.

    Parameters
    ----------
    classifier, transform : str
        As in `genrekit.backends.gtzan.backend.GtzanConfig`.
    seed : int >= 0

    Returns
    -------
    Pipeline
    """
    return make_pipeline(*build_transform(transform), *build_classifier(classifier, seed=seed))


def build_transform(transform: str) -> Pipeline:
    """Return the unfitted steps of `build` before the classifier."""
    steps: dict[str, list[Any]] = {
        "standard": [Relative(), StandardScaler()],
        # The inner scaler is for the optimiser: features span ten orders of magnitude.
        "power": [Relative(), StandardScaler(), PowerTransformer(standardize=False), StandardScaler()],
    }
    return make_pipeline(*steps[transform])


def build_classifier(classifier: str, *, seed: int) -> Pipeline:
    """Return the unfitted classifier of `build`, with its whitening."""
    classifiers: dict[str, list[Any]] = {
        "lda": [LinearDiscriminantAnalysis(solver="lsqr", shrinkage=_SHRINKAGE)],
        "svm": [WithinClassWhitening(), OneVsRestClassifier(SVC(C=1.0, gamma=_GAMMA))],
        "forest": [
            WithinClassWhitening(),
            RandomForestClassifier(N_TREES, min_samples_leaf=2, random_state=seed, n_jobs=1),
        ],
        "xgboost": [WithinClassWhitening(), Boosting(seed=seed)],
        "logistic": [WithinClassWhitening(), LogisticRegression(C=0.03, max_iter=3000)],
    }
    return make_pipeline(*classifiers[classifier])


def log_odds(model: Pipeline, X: Floats) -> Floats:
    """Return log odds per class [shape=(n, n_classes)]; margins for support vector machines.

    Parameters
    ----------
    model : Pipeline
        A fitted pipeline.
    X : np.ndarray [shape=(n, 57)]

    Returns
    -------
    np.ndarray [shape=(n, n_classes), dtype=float64]
    """
    if isinstance(model[-1], OneVsRestClassifier):
        margins = np.asarray(model.decision_function(X), dtype=np.float64)
        return margins if margins.ndim == 2 else np.stack([-margins, margins], axis=1)
    p = np.clip(model.predict_proba(X).astype(np.float64), LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    return np.asarray(np.log(p) - np.log1p(-p))


@dataclass(frozen=True)
class Sigmoid:
    """Platt's sigmoid with one slope and offset for all classes, normalised to sum 1.

    A sigmoid per class (Platt 1999; Zadrozny and Elkan, KDD 2002) has two parameters per class, which cannot be
    estimated if a class occurs in a single group.
    """

    slope: float = 1.0
    offset: float = 0.0

    def __call__(self, odds: Floats) -> Floats:
        """Return probabilities from log odds."""
        return np.asarray(softmax(log_expit(self.slope * odds + self.offset), axis=1))

    @classmethod
    def fit(cls, odds: Floats, y: Integers, starts: Integers) -> Self:
        """Fit to held-out windows, so that the mean over the windows of an example is calibrated.

        Parameters
        ----------
        odds : np.ndarray [shape=(n_windows, n_classes)]
        y : np.ndarray [shape=(n_examples,)]
        starts : np.ndarray [shape=(n_examples,)]
            Index of the first window of each example.
        """

        def loss(parameters: Floats) -> float:
            sigmoid = cls(float(np.exp(parameters[0])), float(parameters[1]))
            return float(log_losses(example_means(sigmoid(odds), starts), y).mean())

        found = minimize(loss, [0.0, 0.0], method="Nelder-Mead", bounds=[(-4, 4), (-10, 10)])
        return cls(float(np.exp(found.x[0])), float(found.x[1]))


def example_means(scores: Floats, starts: Integers) -> Floats:
    """Return the mean over the windows of each example; ``starts`` has the first window of each.

    Parameters
    ----------
    scores : np.ndarray [shape=(n_windows, n_classes)]
    starts : np.ndarray [shape=(n_examples,), dtype=int]

    Returns
    -------
    np.ndarray [shape=(n_examples, n_classes)]
    """
    counts = np.diff([*starts, len(scores)])
    return np.asarray(np.add.reduceat(scores, starts, axis=0) / counts[:, None])


def log_losses(scores: Floats, y: Integers) -> Floats:
    """Return the negative log probability of the true class per example.

    Parameters
    ----------
    scores : np.ndarray [shape=(n_examples, n_classes)]
        Probabilities.
    y : np.ndarray [shape=(n_examples,), dtype=int]
        True classes.

    Returns
    -------
    np.ndarray [shape=(n_examples,)]
    """
    return np.asarray(-np.log(np.maximum(scores[np.arange(len(y)), y], 1e-300)))


@dataclass(frozen=True, eq=False)
class Vote:
    """The mean of calibrated models of the same classes.

    Attributes
    ----------
    voters : sequence of (Pipeline, Sigmoid)
    classes : np.ndarray [shape=(n_classes,), dtype=int]
        Columns of the labels that occurred in training; the others score 0.
    n_labels : int
    """

    voters: Sequence[tuple[Pipeline, Sigmoid]]
    classes: Integers
    n_labels: int

    def scores(self, X: Floats) -> Floats:
        """Return probabilities [shape=(n, n_labels)]."""
        voted = np.mean([sigmoid(log_odds(model, X)) for model, sigmoid in self.voters], axis=0)
        scores = np.zeros((len(X), self.n_labels))
        scores[:, self.classes] = voted
        return scores
