"""Reasons of predictions: contributions of features to the label."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from genrekit.prediction.model import Model
from genrekit.types import Prediction


def explained(model: Model, windows: np.ndarray, predictions: Iterable[Prediction]) -> Iterator[Prediction]:
    """Yield predictions with their reasons.

    Parameters
    ----------
    model : Model
        A model whose backend provides explanations.
    windows : np.ndarray [shape=(n, *shape)]
        One window per prediction.
    predictions : iterable of Prediction
        Predictions without errors.
    """
    listed = list(predictions)
    labels = [model.labels.index(p.label or p.scores[0][0]) for p in listed]
    for prediction, reasons in zip(listed, model.explainer(windows, labels), strict=True):
        yield replace(prediction, reasons=reasons)
