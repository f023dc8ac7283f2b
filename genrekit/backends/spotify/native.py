"""The native payload of a ``spotify`` model, its trees: scores of many rows, and their reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import xgboost as xgb

from genrekit.backends.capabilities import Explainer, NativeScorer
from genrekit.backends.trees import gains, tensors, xgboost_json
from genrekit.backends.trees.tree_model import TreeModel
from genrekit.errors import BundleError
from genrekit.features import MODEL_COLUMNS
from genrekit.types import Contribution

TREES = "trees.safetensors"
"""The only payload: one model of a softmax, or one yes-or-no model per label."""

Floats = npt.NDArray[np.float32]

# Rows that are explained at once: SHAP values take 64 bytes per row and label.
_EXPLAINED_AT_ONCE = 4096


def scorer(members: Mapping[str, bytes]) -> NativeScorer:
    """Return a function that scores with XGBoost.

    Parameters
    ----------
    members : Mapping[str, bytes]
        Payloads by name; others than the trees are left alone.

    Returns
    -------
    callable
        From windows [shape=(n, 15), dtype=float32], NaN where unknown, to probabilities
        [shape=(n, n_labels), dtype=float32].

    Raises
    ------
    BundleError
        If a payload is damaged, or is not a model of these features.
    """
    boosters = _boosters(members)
    for booster in boosters:
        booster.set_param({"nthread": 1})  # the caller has one thread per block of rows

    def scores(windows: np.ndarray) -> np.ndarray:
        rows = _rows(windows)
        if not len(rows):  # XGBoost refuses an empty matrix
            return np.empty((0, _n_labels(boosters)), dtype=np.float32)
        return _columns([booster.inplace_predict(rows) for booster in boosters])

    return scores


def contributions(members: Mapping[str, bytes], windows: np.ndarray) -> Floats:
    """Decompose every margin into contributions of the features: exact SHAP values of the trees.

    Lundberg, Erion and Lee, *Consistent individualized feature attribution for tree ensembles*, 2018
    (https://arxiv.org/abs/1802.03888), as XGBoost's ``pred_contribs`` computes them.

    Parameters
    ----------
    members : Mapping[str, bytes]
        Payloads by name.
    windows : np.ndarray [shape=(n, 15), dtype=float32]

    Returns
    -------
    np.ndarray [shape=(n, n_labels, 16), dtype=float32]
        In the order of ``MODEL_COLUMNS``, the last one the bias; their sum is the margin of the label: its log odds if
        multi-label, else the logarithm of its score up to a constant that all labels share.

    Raises
    ------
    BundleError
        If a payload is damaged.
    """
    return _contributions(_boosters(members), windows)


def explainer(members: Mapping[str, bytes]) -> Explainer:
    """Return a function that computes which features support a label.

    Returns
    -------
    callable
        From windows [shape=(n, 15)] and the index of one label each to one tuple of `Contribution` per row, sorted by
        descending magnitude.

    Raises
    ------
    BundleError
        If a payload is damaged.
    """
    boosters = _boosters(members)

    def explain(windows: np.ndarray, labels: Sequence[int]) -> list[tuple[Contribution, ...]]:
        explained: list[tuple[Contribution, ...]] = []
        for start in range(0, len(windows), _EXPLAINED_AT_ONCE):
            rows = _rows(windows[start : start + _EXPLAINED_AT_ONCE])
            of_all = _contributions(boosters, rows)
            chosen = np.asarray(labels[start : start + len(rows)], dtype=np.intp)
            contributions = of_all[np.arange(len(rows)), chosen, :-1]
            explained += [_strongest_first(row, one) for row, one in zip(rows, contributions, strict=True)]
        return explained

    return explain


def gain_shares(members: Mapping[str, bytes], reg_lambda: float) -> npt.NDArray[np.float64]:
    """Return the share of the total gain per feature, the mean over the models of a multi-label bundle.

    Parameters
    ----------
    members : Mapping[str, bytes]
        Payloads by name.
    reg_lambda : float
        The setting of the training.

    Returns
    -------
    np.ndarray [shape=(15,)]

    Raises
    ------
    BundleError
        If a payload is damaged.
    """
    shares = [gains.gain_shares(model, reg_lambda) for model in _models(members)]
    return np.asarray(np.mean(shares, axis=0))


def _boosters(members: Mapping[str, bytes]) -> list[xgb.Booster]:
    return [xgboost_json.to_booster(model) for model in _models(members)]


def _models(members: Mapping[str, bytes]) -> list[TreeModel]:
    if TREES not in members:
        raise BundleError(
            f"The model has no native payload of the spotify backend: it holds {', '.join(sorted(members)) or 'none'}.",
            "Get the file again, or train the model again.",
        )
    try:
        models = tensors.loads(members[TREES])
        for model in models:
            _check(model, alone=len(models) == 1)
    except ValueError as error:
        raise BundleError(f"The native payload {TREES} is damaged: {error}.", "Get the file again.") from None
    return models


def _check(model: TreeModel, *, alone: bool) -> None:
    if model.n_features != len(MODEL_COLUMNS):
        raise ValueError(f"it looks at {model.n_features} features, not {len(MODEL_COLUMNS)}")
    if model.objective == "multi:softprob" and not alone:
        raise ValueError(f"its objective is {model.objective}, beside others")


def _rows(windows: np.ndarray) -> Floats:
    if windows.ndim != 2 or windows.shape[1] != len(MODEL_COLUMNS):
        raise BundleError(
            f"The model takes windows of {len(MODEL_COLUMNS)} numbers; these have shape {windows.shape[1:]}."
        )
    return np.ascontiguousarray(windows, dtype=np.float32)


def _n_labels(boosters: Sequence[xgb.Booster]) -> int:
    row = np.zeros((1, len(MODEL_COLUMNS)), dtype=np.float32)
    return int(_columns([booster.inplace_predict(row) for booster in boosters]).shape[1])


def _columns(parts: Sequence[np.ndarray]) -> Floats:
    """Return one column per label: from one softmax model, or from one binary model per label."""
    return np.asarray(parts[0] if parts[0].ndim == 2 else np.stack(parts, axis=1))


def _contributions(boosters: Sequence[xgb.Booster], windows: np.ndarray) -> Floats:
    rows = xgb.DMatrix(_rows(windows))
    parts = [booster.predict(rows, pred_contribs=True) for booster in boosters]
    return np.asarray(parts[0] if parts[0].ndim == 3 else np.stack(parts, axis=1))


def _strongest_first(row: Floats, contributions: Floats) -> tuple[Contribution, ...]:
    order = np.argsort(-np.abs(contributions), kind="stable")
    values = [None if np.isnan(value) else float(value) for value in row]
    return tuple(Contribution(MODEL_COLUMNS[k], values[k], float(contributions[k])) for k in order)
