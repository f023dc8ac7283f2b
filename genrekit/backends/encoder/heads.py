"""Small classifiers over the pooled outputs of an encoder: discriminant analysis, logistic regression, support vectors
and a perceptron.

Every fitted head is a chain of a few steps that NumPy evaluates here and `genrekit.backends.encoder.graph` writes into
the graph. It ends in margins, one per label: log odds, or what is used as such; `Calibration` makes probabilities of them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit, log_expit, softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from genrekit.backends.gtzan.estimators import WithinClassWhitening

Floats = npt.NDArray[np.float64]

KINDS = ("lda", "logistic", "svm", "mlp")
# The margin of a label that no example, or every example, has.
NO_EVIDENCE = 8.0

# Chosen on artist-grouped folds of the train and validation splits of GTZAN (docs/encoder.md).
_SHRINKAGE = 0.1
_LOGISTIC_C = 0.03
_SVM_C = 1.0
_GAMMA = 0.6
_MLP_UNITS = 32
_MLP_ALPHA = 10.0
# Of the logarithm of the slope, before any example is seen: a handful of examples must not make scores certain.
_SLOPE_SD = 1.0


@dataclass(frozen=True, eq=False)
class Linear:
    """``x @ weight + bias``, of shapes (d, k) and (k,)."""

    weight: Floats
    bias: Floats

    def __call__(self, x: Floats) -> Floats:
        """Apply it to rows."""
        return x @ self.weight + self.bias


@dataclass(frozen=True)
class Relu:
    """``max(x, 0)``."""

    def __call__(self, x: Floats) -> Floats:
        """Apply it to rows."""
        return np.maximum(x, 0)


@dataclass(frozen=True, eq=False)
class Rbf:
    """``exp(-gamma * |x - centre|^2)`` for each of the centres [shape=(m, d)]."""

    centres: Floats
    gamma: float

    def __call__(self, x: Floats) -> Floats:
        """Apply it to rows."""
        squares = (x**2).sum(axis=1)[:, None] + (self.centres**2).sum(axis=1) - 2 * x @ self.centres.T
        return np.asarray(np.exp(-self.gamma * np.maximum(squares, 0)))


Step = Linear | Relu | Rbf


@dataclass(frozen=True, eq=False)
class Chain:
    """Steps from features [shape=(n, d)] to margins [shape=(n, n_labels)]."""

    steps: Sequence[Step]

    def __call__(self, x: Floats) -> Floats:
        """Return the margins of rows."""
        for step in self.steps:
            x = step(x)
        return x


@dataclass(frozen=True)
class Calibration:
    """Probabilities of margins: sigmoids of ``slope * margin + offset``, divided by their sum unless ``multilabel``.

    One slope and one offset for all labels: a sigmoid a label has too little to learn from where labels are rare.

    Attributes
    ----------
    multilabel : bool
    slope : float > 0
    offset : float
    """

    multilabel: bool
    slope: float = 1.0
    offset: float = 0.0

    def __call__(self, margins: Floats) -> Floats:
        """Return probabilities [shape=(n, n_labels)]."""
        odds = self.slope * margins + self.offset
        return np.asarray(expit(odds) if self.multilabel else softmax(log_expit(odds), axis=1))


def fit_head(kind: str, x: Floats, targets: npt.NDArray[np.bool_], *, multilabel: bool, seed: int) -> Chain:
    """Fit a head.

    Parameters
    ----------
    kind : {'logistic', 'svm', 'mlp'}
    x : np.ndarray [shape=(n, d)]
        Finite features.
    targets : np.ndarray [shape=(n, n_labels)]
        True where a row has the label; exactly one per row unless ``multilabel``.
    multilabel : bool
    seed : int
    """
    seen: npt.NDArray[np.bool_] = np.asarray(targets.any(axis=0) & ~targets.all(axis=0))
    fit: Callable[..., list[Step]] = {"lda": _lda, "logistic": _logistic, "svm": _svm, "mlp": _mlp}[kind]
    margin = np.where(targets.any(axis=0), NO_EVIDENCE, -NO_EVIDENCE)
    if not seen.any():
        return Chain([Linear(np.zeros((x.shape[1], len(seen))), margin)])
    first = _first(x, targets[:, seen], multilabel)
    steps = [first, *fit(first(x), targets[:, seen], multilabel, seed)]
    if seen.all():
        return Chain(steps)
    return Chain([*steps, Linear(np.eye(len(seen))[seen], np.where(seen, 0.0, margin))])


def _first(x: Floats, targets: npt.NDArray[np.bool_], multilabel: bool) -> Linear:
    """Standardise; where labels exclude one another, whiten within them too, so that no direction counts for its size."""
    scaler = StandardScaler().fit(x)
    standardise = Linear(np.diag(1 / scaler.scale_), -scaler.mean_ / scaler.scale_)
    if multilabel:
        return standardise
    whitening = WithinClassWhitening().fit(standardise(x), targets.argmax(axis=1))
    weight = standardise.weight @ whitening.rotation_
    return Linear(weight, (standardise.bias - whitening.mean_) @ whitening.rotation_)


def _lda(x: Floats, targets: npt.NDArray[np.bool_], multilabel: bool, seed: int) -> list[Step]:
    """Fit linear discriminant analysis with equal priors; of several labels, each against the rest with a shrunk covariance."""
    if not multilabel:  # whitened: the nearest mean
        means = np.stack([x[column].mean(axis=0) for column in targets.T], axis=1)
        return [Linear(means, -(means**2).sum(axis=0) / 2)]
    weight, bias = [], []
    for column in targets.T:
        with_it, without = x[column].mean(axis=0), x[~column].mean(axis=0)
        residuals = x - np.where(column[:, None], with_it, without)
        covariance = residuals.T @ residuals / len(x)
        scale = covariance.trace() / len(covariance)
        shrunk = (1 - _SHRINKAGE) * covariance + (_SHRINKAGE * scale + 1e-12) * np.eye(len(covariance))
        direction = np.linalg.solve(shrunk, with_it - without)
        weight.append(direction)
        bias.append(-direction @ (with_it + without) / 2)
    return [Linear(np.stack(weight, 1), np.array(bias))]


def _logistic(x: Floats, targets: npt.NDArray[np.bool_], multilabel: bool, seed: int) -> list[Step]:
    def model() -> LogisticRegression:
        return LogisticRegression(C=_LOGISTIC_C, max_iter=5000)

    if not multilabel and targets.shape[1] > 2:
        fitted = model().fit(x, targets.argmax(axis=1))
        return [Linear(fitted.coef_.T.copy(), fitted.intercept_)]
    each = [model().fit(x, column) for column in targets.T]
    return [Linear(np.stack([m.coef_[0] for m in each], 1), np.array([m.intercept_[0] for m in each]))]


def _svm(x: Floats, targets: npt.NDArray[np.bool_], multilabel: bool, seed: int) -> list[Step]:
    gamma = _GAMMA / x.shape[1]  # features have unit variance
    each = [SVC(C=_SVM_C, gamma=gamma).fit(x, column) for column in targets.T]
    used = np.unique(np.concatenate([model.support_ for model in each]))
    weight = np.zeros((len(used), len(each)))
    for k, model in enumerate(each):
        weight[np.searchsorted(used, model.support_), k] = model.dual_coef_[0]
    return [Rbf(x[used], gamma), Linear(weight, np.array([model.intercept_[0] for model in each]))]


def _mlp(x: Floats, targets: npt.NDArray[np.bool_], multilabel: bool, seed: int) -> list[Step]:
    y = targets.astype(int) if multilabel and targets.shape[1] > 1 else targets.argmax(axis=1)
    if targets.shape[1] == 1:
        y = targets[:, 0].astype(int)
    network = MLPClassifier(
        (_MLP_UNITS,),
        alpha=_MLP_ALPHA,
        solver="lbfgs",
        max_iter=200,
        max_fun=10**6,
        tol=1e-3,
        random_state=seed,
    )
    with warnings.catch_warnings():  # good enough is enough
        warnings.simplefilter("ignore", ConvergenceWarning)
        network.fit(x, y)
    first, last = (Linear(w, b) for w, b in zip(network.coefs_, network.intercepts_, strict=True))
    steps: list[Step] = [first, Relu(), last]
    if targets.shape[1] == 2 and not multilabel:  # one output, the log odds of the second label
        steps.append(Linear(np.array([[-0.5, 0.5]]), np.zeros(2)))
    return steps


def fit_calibration(
    margins: Floats, targets: npt.NDArray[np.bool_], starts: npt.NDArray[np.intp], *, multilabel: bool
) -> Calibration:
    """Fit a calibration on held-out windows, so that the mean over an example's windows is calibrated.

    Parameters
    ----------
    margins : np.ndarray [shape=(n_windows, n_labels)]
    targets : np.ndarray [shape=(n_examples, n_labels)]
    starts : np.ndarray [shape=(n_examples,)]
        The first window of each example.
    multilabel : bool
    """

    def loss(parameters: Floats) -> float:
        calibration = Calibration(multilabel, float(np.exp(parameters[0])), float(parameters[1]))
        scores = example_means(calibration(margins), starts)
        evidence = float(log_losses(scores, targets, multilabel=multilabel).sum())
        return evidence + float(parameters[0] / _SLOPE_SD) ** 2 / 2

    found = minimize(loss, [0.0, 0.0], method="Nelder-Mead", bounds=[(-4.0, 4.0), (-10.0, 10.0)]).x
    # Four digits: more would depend on the number of threads.
    return Calibration(multilabel, float(f"{np.exp(found[0]):.4g}"), float(f"{found[1]:.4g}"))


def example_means(scores: Floats, starts: npt.NDArray[np.intp]) -> Floats:
    """Return the mean over each example's windows; ``starts`` is the first window of each."""
    counts = np.diff([*starts, len(scores)])
    return np.asarray(np.add.reduceat(scores, starts, axis=0) / counts[:, None])


def log_losses(scores: Floats, targets: npt.NDArray[np.bool_], *, multilabel: bool) -> Floats:
    """Return the log loss of each example; for multi-label examples, the mean over labels."""
    scores = np.clip(scores, 1e-12, 1 - 1e-12)
    if multilabel:
        return np.asarray(-np.where(targets, np.log(scores), np.log1p(-scores)).mean(axis=1))
    return np.asarray(-np.log(scores[targets]))
