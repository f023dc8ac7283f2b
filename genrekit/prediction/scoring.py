"""Scoring of prepared windows: many examples in one pass of the graph."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from genrekit.errors import GenrekitError
from genrekit.prediction.model import Model


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Outputs of the graph for the windows of one example.

    Attributes
    ----------
    scores : np.ndarray [shape=(n_windows, n_labels)]
    distance : np.ndarray [shape=(n_windows,)] or None
        None unless predictions depend on it.
    """

    scores: np.ndarray
    distance: np.ndarray | None = None


def score_windows(model: Model, windows: list[np.ndarray], names: tuple[str, ...]) -> list[Scored | str]:
    """Score windows of many examples in one batch; an example that the graph rejects gets its error message.

    Parameters
    ----------
    model : Model
    windows : list of np.ndarray [shape=(n_windows, *shape)]
        One array per example.
    names : tuple of str
        Outputs of the graph: ``scores``, with ``distance`` where predictions depend on it.

    Returns
    -------
    list of Scored or str
        One per example, in order.

    Raises
    ------
    BundleError
        If the graph cannot be loaded: a fault of the model, not of an example.
    """
    runtime = model.runtime
    if len({values.shape[1:] for values in windows}) == 1:
        try:
            ends = np.cumsum([len(values) for values in windows])[:-1]
            outputs = runtime.outputs(np.concatenate(windows), names)
            parts = (np.split(outputs[name], ends) for name in names)
            return [Scored(*part) for part in zip(*parts, strict=True)]
        except GenrekitError as error:
            if len(windows) == 1:
                return [str(error)]
    return [part for values in windows for part in score_windows(model, [values], names)]
