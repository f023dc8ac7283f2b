"""Results of explaining a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from genrekit.evaluation.dependence import Dependence, Regions
from genrekit.evaluation.importance import Importance
from genrekit.metrics import Report, ScoredExample


@dataclass(frozen=True, eq=False)
class Shap:
    """SHAP values of a sample of the examples (Lundberg, Erion & Lee, 2018, arXiv:1802.03888).

    Attributes
    ----------
    names : tuple of str
        The numbers of a window.
    strength : np.ndarray [shape=(n_labels, n_columns)]
        Mean magnitude of the contributions to each label, in log odds.
    values : np.ndarray [shape=(n, n_columns)]
    contributions : np.ndarray [shape=(n, n_columns)]
        Contributions to the predicted label of each example.
    """

    names: tuple[str, ...]
    strength: np.ndarray
    values: np.ndarray
    contributions: np.ndarray


@dataclass(frozen=True, eq=False)
class AverageMap:
    """The mean heat map of examples of a label that the model recognises.

    Attributes
    ----------
    label : str
    heat : np.ndarray [shape=(height, width), range 0 to 1]
    examples : int
    member : str
        The member of a combination whose map it is; empty for a single model.
    """

    label: str
    heat: np.ndarray
    examples: int
    member: str = ""


@dataclass(frozen=True, eq=False)
class Mistake:
    """A wrong prediction, with what the model was given as a picture where there is one; of sound the lowest band comes first."""

    row: ScoredExample
    picture: np.ndarray | None = None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Explanation:
    """Behaviour of a model on labelled data.

    Attributes
    ----------
    model : str
    report : Report
        The measured examples.
    metrics : tuple of str
        Metrics of the importances.
    importances : tuple of Importance
        The strongest feature first; empty for a model without named features, as all that follows from features is.
    dependences : tuple of Dependence
    regions : tuple of Regions
    truth : np.ndarray [shape=(n_examples,), dtype=int]
        Label of every example of ``regions``.
    gains : Mapping of str to float
        Share of the gain of the splits of trees.
    shap : Shap or None
    heat_maps : tuple of AverageMap
    mistakes : tuple of Mistake
        The most confident ones first.
    sound : bool
        Whether pictures of mistakes are spectrograms.
    notes : tuple of str
        What is missing, and why.
    """

    model: str
    report: Report
    metrics: tuple[str, ...]
    importances: tuple[Importance, ...] = ()
    dependences: tuple[Dependence, ...] = ()
    regions: tuple[Regions, ...] = ()
    truth: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=int))
    gains: Mapping[str, float] = field(default_factory=dict)
    shap: Shap | None = None
    heat_maps: tuple[AverageMap, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    sound: bool = False
    notes: tuple[str, ...] = ()
