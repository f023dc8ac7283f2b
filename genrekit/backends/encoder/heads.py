"""Small classifiers over the pooled outputs of an encoder: logistic regression, support vectors, a perceptron.

Every fitted head is a chain of a few steps that NumPy evaluates here and `genrekit.backends.encoder.graph` writes into
the graph. It ends in margins, one a label: log odds, or what is used as such; `Calibration` makes probabilities of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit, softmax
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

Floats = npt.NDArray[np.float64]

KINDS = ("logistic", "svm", "mlp")
# The margin of a label that no example, or every example, has.
NO_EVIDENCE = 8.0

# Chosen on artist-grouped folds of GTZAN's train and validation sides (docs/encoder.md).
_LOGISTIC_C = 0.1
_SVM_C = 3.0
_MLP_UNITS = 32
_MLP_ALPHA = 3.0
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
        return np.exp(-self.gamma * np.maximum(squares, 0))


Step = Linear | Relu | Rbf


@dataclass(frozen=True, eq=False)
class Chain:
    """Steps from features [shape=(n, d)] to margins [shape=(n, n_labels)]."""

    steps: Sequence[Step]

    def __call__(self, x: Floats) -> Floats:
        """Give the margins of rows."""
        for step in self.steps:
            x = step(x)
        return x


@dataclass(frozen=True)
class Calibration:
    """Probabilities of margins: a softmax of ``slope * margin``, or of several labels sigmoids with an offset too.

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
        """Give probabilities [shape=(n, n_labels)]."""
        if self.multilabel:
            return np.asarray(expit(self.slope * margins + self.offset))
        return np.asarray(softmax(self.slope * margins, axis=1))


def fit_head(kind: str, x: Floats, targets: npt.NDArray[np.bool_], *, multilabel: bool, seed: int) -> Chain:
    """Fit a head.

    Parameters
    ----------
    kind : {'logistic', 'svm', 'mlp'}
    x : np.ndarray [shape=(n, d)]
        Finite features.
    targets : np.ndarray [shape=(n, n_labels)]
        True where a row has the label; exactly one a row unless ``multilabel``.
    multilabel : bool
    seed : int
    """
    scaler = StandardScaler().fit(x)
    standardise = Linear(np.diag(1 / scaler.scale_), -scaler.mean_ / scaler.scale_)
    seen = targets.any(axis=0) & ~targets.all(axis=0)
    fit: Callable[..., list[Step]] = {"logistic": _logistic, "svm": _svm, "mlp": _mlp}[kind]
    margin = np.where(targets.any(axis=0), NO_EVIDENCE, -NO_EVIDENCE)
    if not seen.any():
        return Chain([Linear(np.zeros((x.shape[1], len(seen))), margin)])
    steps = [standardise, *fit(standardise(x), targets[:, seen], multilabel, seed)]
    if seen.all():
        return Chain(steps)
    return Chain([*steps, Linear(np.eye(len(seen))[seen], np.where(seen, 0.0, margin))])


def _logistic(x: Floats, targets: npt.NDArray[np.bool_], multilabel: bool, seed: int) -> list[Step]:
    def model() -> LogisticRegression:
        return LogisticRegression(C=_LOGISTIC_C, max_iter=5000)

    if not multilabel and targets.shape[1] > 2:
        fitted = model().fit(x, targets.argmax(axis=1))
        return [Linear(fitted.coef_.T.copy(), fitted.intercept_)]
    each = [model().fit(x, column) for column in targets.T]
    return [Linear(np.stack([m.coef_[0] for m in each], 1), np.array([m.intercept_[0] for m in each]))]


def _svm(x: Floats, targets: npt.NDArray[np.bool_], multilabel: bool, seed: int) -> list[Step]:
    gamma = 1 / x.shape[1]  # of standardised features
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
        (_MLP_UNITS,), alpha=_MLP_ALPHA, solver="lbfgs", max_iter=500, max_fun=10**6, random_state=seed
    )
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
        calibration = Calibration(
            multilabel, float(np.exp(parameters[0])), float(parameters[1]) if multilabel else 0.0
        )
        scores = example_means(calibration(margins), starts)
        return float(
            log_losses(scores, targets, multilabel=multilabel).sum() + (parameters[0] / _SLOPE_SD) ** 2 / 2
        )

    start = [0.0, 0.0] if multilabel else [0.0]
    bounds = [(-4.0, 4.0), (-10.0, 10.0)][: len(start)]
    found = minimize(loss, start, method="Nelder-Mead", bounds=bounds).x
    # Four digits: more would depend on the number of threads.
    slope, offset = (float(f"{value:.4g}") for value in (np.exp(found[0]), found[1] if multilabel else 0.0))
    return Calibration(multilabel, slope, offset)


def example_means(scores: Floats, starts: npt.NDArray[np.intp]) -> Floats:
    """Give the mean over each example's windows; ``starts`` is the first window of each."""
    counts = np.diff([*starts, len(scores)])
    return np.asarray(np.add.reduceat(scores, starts, axis=0) / counts[:, None])


def log_losses(scores: Floats, targets: npt.NDArray[np.bool_], *, multilabel: bool) -> Floats:
    """Give the log loss of each example; of several labels the mean over them."""
    scores = np.clip(scores, 1e-12, 1 - 1e-12)
    if multilabel:
        return np.asarray(-np.where(targets, np.log(scores), np.log1p(-scores)).mean(axis=1))
    return np.asarray(-np.log(scores[targets]))
