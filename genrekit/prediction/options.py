"""Options of predictions as plain values, without models, inputs or paths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Unfamiliar = Literal["flag", "abstain", "ignore"]
HeatMap = Literal["occlusion", "grad-cam"]


@dataclass(frozen=True)
class PredictOptions:
    """All options that a prediction depends on, besides its model and input; JSON-able, and hashed by a journal.

    Attributes
    ----------
    min_confidence : float in [0, 1]
        Threshold for the score of the best label; below it the model abstains.
    labels : tuple of str
        If not empty, only these labels compete: their scores are divided by their sum.
    top_k : int >= 1
        Number of labels that a prediction lists with their scores.
    windows : bool
        Whether a prediction has its timeline.
    explain : bool
        Whether a prediction has contributions of features, if the model provides them.
    images : bool
        Whether a prediction has a heat map as an image, if the windows of the model are pictures.
    heat_map : {'occlusion', 'grad-cam'}
        Its method: covering parts, through the graph alone, or gradients.
    unfamiliar : {'flag', 'abstain', 'ignore'}
        Treatment of an input that is unlike anything that the model learnt: its prediction says so, or also has no
        label, or the distance is not computed.
    measures : tuple of str
        Further properties of songs to measure, out of 'bpm', 'key' and 'loudness'.
    offset_s : float >= 0
        Start of the part of every song to read, in seconds.
    duration_s : float > 0, optional
        Length of that part in seconds; one hour by default.
    """

    min_confidence: float = 0.0
    labels: tuple[str, ...] = ()
    top_k: int = 3
    windows: bool = False
    explain: bool = False
    images: bool = False
    heat_map: HeatMap = "occlusion"
    unfamiliar: Unfamiliar = "flag"
    measures: tuple[str, ...] = ()
    offset_s: float = 0.0
    duration_s: float | None = None
