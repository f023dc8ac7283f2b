"""What travels between the pieces: frozen dataclasses over the standard library, nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


class Modality(StrEnum):
    """What an input is, whatever its name says."""

    AUDIO = "audio"
    IMAGE = "image"
    TABLE = "table"


@dataclass(frozen=True, slots=True)
class Example:
    """One thing that carries a genre: a file, a part of a file, or a row of numbers.

    Attributes
    ----------
    id : str
        Unique in its data set, and what a person would call it: the path as given, or a row's name.
    path : Path or None
        The file to decode; None for a row.
    row : Mapping[str, float] or None
        Named feature values of a table row, missing values as NaN; None for a file.
    mel : np.ndarray or None
        A log-mel spectrogram that was computed before [shape=(n_mels, n_frames)]: uint8, 0 to 255 from the floor to
        the loudest value, or float32 in dB. None for a file or a row.
    labels : tuple of str
        The known labels, lower case; empty where unknown, several for multi-label data.
    group : str or None
        What must not be separated by a split: the artist, or the track that slices were cut from.
    split : {'train', 'valid', 'test'} or None
        The side of a published or written split, where there is one.
    offset_s, duration_s : float, float or None
        The part of a song to look at, in seconds; None means to the end.
    extra : Mapping[str, str]
        Identifying columns (artist, track ...) that an answer repeats.
    address : str or None
        Where to fetch the file first; it may hold a secret, and is never shown.
    """

    id: str
    path: Path | None = None
    row: Mapping[str, float] | None = None
    mel: np.ndarray | None = field(default=None, repr=False, compare=False)
    labels: tuple[str, ...] = ()
    group: str | None = None
    split: str | None = None
    offset_s: float = 0.0
    duration_s: float | None = None
    extra: Mapping[str, str] = field(default_factory=dict)
    address: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """What ``prepare`` makes of one example: what the model looks at, and when it happens.

    Attributes
    ----------
    values : np.ndarray [shape=(n_windows, *shape), dtype=float32 or uint8]
        One entry a window, n_windows >= 1. The model gets them as float32.
    times_s : tuple of (float, float)
        Start and end of every window in seconds; empty where the example has no time (a picture, a row).
    """

    values: np.ndarray
    times_s: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class WindowScore:
    """The best label of one window: a step of the timeline. Times in seconds, score in [0, 1]."""

    start_s: float
    end_s: float
    label: str
    score: float


@dataclass(frozen=True, slots=True)
class Content:
    """What a file held when it was looked at: its size in bytes and its SHA-256, 64 hexadecimal digits."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Contribution:
    """How far one feature pushed a row towards a label, or away from it.

    Attributes
    ----------
    feature : str
        The feature's name.
    value : float or None
        What the row has there; None where it is missing.
    contribution : float
        In log odds (the model's margin): above 0 towards the label.
    """

    feature: str
    value: float | None
    contribution: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """The answer for one input.

    Attributes
    ----------
    id : str
        The input as it was given.
    model : str
        The name of the bundle that answered; empty where none did.
    label : str or None
        The answer; None where there was an error, or where the model abstained.
    score : float or None
        The calibrated probability of ``label`` in [0, 1].
    scores : tuple of (str, float)
        The labels asked for with their probabilities, best first.
    labels : tuple of str
        Every label above its threshold (multi-label), else the answer alone.
    windows : tuple of WindowScore
        The timeline, where it was asked for.
    error : str or None
        Why there is no answer.
    familiar : bool or None
        False where the input is unlike anything that the model learnt; None where the model cannot tell. It says
        nothing of whether the label is right.
    extra : Mapping[str, str]
        Identifying columns of the input row.
    reasons : tuple of Contribution
        What pushed towards the label, largest first, where it was asked for.
    content : Content or None
        What the answer is about; None for bare numbers, and for a file that could not be opened.
    model_sha256 : str
        The hash of the bundle that answered; empty where none did.
    analysis : Mapping of str to float, str or None
        What was measured of a song beside its genre (`genrekit.analysis.columns.COLUMNS`), where it was asked for.
    """

    id: str
    model: str = ""
    label: str | None = None
    score: float | None = None
    scores: tuple[tuple[str, float], ...] = ()
    labels: tuple[str, ...] = ()
    windows: tuple[WindowScore, ...] = ()
    error: str | None = None
    familiar: bool | None = None
    extra: Mapping[str, str] = field(default_factory=dict)
    reasons: tuple[Contribution, ...] = ()
    content: Content | None = None
    model_sha256: str = ""
    analysis: Mapping[str, float | str | None] = field(default_factory=dict)
