"""Options of a prediction: plain values, apart from models, inputs and places on disk."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PredictOptions:
    """Everything that a prediction depends on beside its model and its input; JSON-able, and hashed by a journal.

    Attributes
    ----------
    min_confidence : float in [0, 1]
        Below this score of the best label a prediction has no label: the model abstains.
    labels : tuple of str
        If given, only these labels compete: their scores are divided by their sum.
    top_k : int >= 1
        Number of labels that a prediction lists with their scores.
    windows : bool
        Whether a prediction has its timeline.
    explain : bool
        Whether a prediction has reasons in words, where the model gives them.
    images : bool
        Whether a prediction has its reasons as an image, where the model gives those.
    measures : tuple of str
        Further properties of songs to measure: of 'bpm', 'key' and 'loudness'.
    offset_s : float >= 0
        Start of the part of every song to hear, in seconds.
    duration_s : float > 0, optional
        Length of that part in seconds; an hour unless given.
    """

    min_confidence: float = 0.0
    labels: tuple[str, ...] = ()
    top_k: int = 3
    windows: bool = False
    explain: bool = False
    images: bool = False
    measures: tuple[str, ...] = ()
    offset_s: float = 0.0
    duration_s: float | None = None
