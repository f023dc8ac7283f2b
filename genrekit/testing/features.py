"""Conformance checks of what `genrekit.explain` asks of backends: `NamesFeatures` and `SummarisesTrees`."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, softmax

from genrekit.backends import (
    GRAPH_FILE,
    Backend,
    BackendConfig,
    Fitted,
    NamesFeatures,
    SummarisesTrees,
)
from genrekit.models import Runtime
from genrekit.testing.requirement import require

MAX_DIFFERENCE = 1e-3
"""Of scores that contributions sum to, and of numbers that are computed from features."""


def check_named_features(backend: Backend, windows: np.ndarray) -> None:
    """Check that the named features of a backend give its windows.

    Parameters
    ----------
    backend : Backend
    windows : np.ndarray [shape=(n, *shape)]
        What it prepared.

    Raises
    ------
    AssertionError
        With a sentence that names the broken requirement.
    """
    if not isinstance(backend, NamesFeatures):
        return
    names, n = backend.window_columns, backend.n_features
    require(len(set(names)) == len(names) and all(names), "window_columns are different names, none empty")
    require(0 < n <= len(names), f"n_features is from 1 to {len(names)}, not {n}")
    require(
        windows.shape[1:] == (len(names),),
        f"a window holds its window_columns, {len(names)} numbers; this one has the shape {windows.shape[1:]}",
    )
    made = backend.windows_of(windows[:, :n])
    require(
        made.shape == windows.shape and made.dtype == windows.dtype,
        f"windows_of returns {windows.dtype} windows [shape={windows.shape}], not {made.dtype} [shape={made.shape}]",
    )
    require(
        bool(np.allclose(made, windows, rtol=MAX_DIFFERENCE, atol=1e-6, equal_nan=True)),
        "windows_of returns the windows of prepare, from their features",
    )
    alone = np.concatenate([backend.windows_of(windows[i : i + 1, :n]) for i in range(min(3, len(windows)))])
    require(
        bool(np.array_equal(alone, made[: len(alone)], equal_nan=True)),
        "what windows_of returns for a row does not depend on the others",
    )


def check_trees(
    backend: Backend, config: BackendConfig, fitted: Fitted, labels: tuple[str, ...], *, multilabel: bool
) -> None:
    """Check that SHAP values sum to the scores of the graph, and that gains are shares.

    Parameters
    ----------
    backend, config
        The recipe.
    fitted : Fitted
        The result of its ``fit``.
    labels : tuple of str
    multilabel : bool

    Raises
    ------
    AssertionError
        With a sentence that names the broken requirement.
    """
    if not isinstance(backend, SummarisesTrees):
        return
    members = {GRAPH_FILE: fitted.onnx, **fitted.native}
    windows = fitted.check_windows[:50]
    names = backend.window_columns if isinstance(backend, NamesFeatures) else backend.info.columns
    n_columns = len(names)
    values = backend.contributions(members, windows)
    wanted = (len(windows), len(labels), n_columns + 1)
    require(values.shape == wanted, f"contributions have the shape {wanted}, not {values.shape}")
    require(bool(np.isfinite(values).all()), "contributions are finite numbers")
    odds = values.sum(axis=-1, dtype=np.float64)
    scores = Runtime(fitted.onnx, n_labels=len(labels)).scores(windows)
    worst = float(np.abs((expit(odds) if multilabel else softmax(odds, axis=1)) - scores).max())
    require(
        worst <= MAX_DIFFERENCE,
        f"contributions and the bias sum to the log odds of the scores; the worst score is off by {worst:.2g}",
    )
    shares = backend.gain_shares(members, config)
    if shares is None:
        return
    require(shares.shape == (n_columns,), f"gain_shares have the shape ({n_columns},), not {shares.shape}")
    require(
        bool((shares >= 0).all()) and abs(float(shares.sum()) - 1) <= MAX_DIFFERENCE,
        f"gain_shares are at least 0 and sum to 1, not to {shares.sum():g}",
    )
