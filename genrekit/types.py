"""Types that the packages share: frozen dataclasses with no dependency beyond the standard library."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard, Union

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


Say = Callable[[str], None]
"""A callable that takes a line of text for the user."""


SPECTROGRAM = "spectrogram"
"""The kind of an example that is a log-mel spectrogram."""


def silent(text: str) -> None:
    """Drop a line of text for the user."""


Source = Union[str, Path, "pd.DataFrame"]
"""One data set: a path or name as `genrekit.open_dataset` takes it, or a data frame."""

Sources = Source | Sequence[Source]
"""One data set, or several that are read as one."""


def is_data_frame(item: Any) -> TypeGuard[pd.DataFrame]:
    """Return whether a value is a data frame of pandas; pandas is not imported for it."""
    pandas = sys.modules.get("pandas")  # a caller with a data frame has imported it
    return pandas is not None and isinstance(item, pandas.DataFrame)


def listed_sources(source: Sources) -> list[Source]:
    """Return one or more sources as a list."""
    return [source] if isinstance(source, str | Path) or is_data_frame(source) else list(source)


class Modality(StrEnum):
    """Kind of content of an input, determined from the file, not from its name."""

    AUDIO = "audio"
    IMAGE = "image"
    TABLE = "table"


@dataclass(frozen=True, slots=True)
class Example:
    """An input of known or unknown genre: a file, a part of a file, a row of numbers, or an array.

    Attributes
    ----------
    id : str
        Unique in its data set, and readable by the user: the path as given, or the name of a row.
    path : Path or None
        The file to decode; None for a row.
    row : Mapping[str, float] or None
        Named feature values of a table row, missing values as NaN; None for a file.
    array : np.ndarray or None
        Numbers computed before, in place of a file; None for a file or a row.
    kind : str or None
        The kind of ``array``, which a backend lists in ``info.arrays``; None without one. The kind ``spectrogram`` is a
        log-mel spectrogram [shape=(n_mels, n_frames)]: uint8, 0 to 255 from the floor to the loudest value, or float32
        in dB.
    labels : tuple of str
        The known labels, lower case; empty if unknown, more than one in multi-label data.
    group : str or None
        Examples of one group must stay in one split: the artist, or the track that slices were cut from.
    split : {'train', 'valid', 'test'} or None
        The split of the example in a published or written list, if any.
    offset_s, duration_s : float, float or None
        The part of a song to read, in seconds; None means to the end.
    extra : Mapping[str, str]
        Identifying columns (artist, track ...) that a prediction repeats.
    address : str or None
        Address to fetch the file from; it may hold a secret, and is never shown.
    row_number : int or None
        The row of the table that it was read from, as a spreadsheet counts: the column names are row 1.
    """

    id: str
    path: Path | None = None
    row: Mapping[str, float] | None = None
    array: np.ndarray | None = field(default=None, repr=False, compare=False)
    kind: str | None = None
    labels: tuple[str, ...] = ()
    group: str | None = None
    split: str | None = None
    offset_s: float = 0.0
    duration_s: float | None = None
    extra: Mapping[str, str] = field(default_factory=dict)
    address: str | None = field(default=None, repr=False)
    row_number: int | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Output of ``prepare`` for one example: the input of the model, with its times.

    Attributes
    ----------
    values : np.ndarray [shape=(n_windows, *shape), dtype=float32 or uint8]
        One entry per window, n_windows >= 1. The model receives them as float32.
    times_s : tuple of (float, float)
        Start and end of every window in seconds; empty where the example has no time (a picture, a row).
    note : str
        A remark for readers of the prediction, for example that part of a song could not be decoded; may be empty.
    """

    values: np.ndarray
    times_s: tuple[tuple[float, float], ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class WindowScore:
    """The best label of one window: a step of the timeline. Times in seconds, score in [0, 1]."""

    start_s: float
    end_s: float
    label: str
    score: float


@dataclass(frozen=True, slots=True)
class Content:
    """Size and hash of a file when it was read.

    Attributes
    ----------
    size : int
        In bytes.
    sha256 : str
        64 hexadecimal digits.
    sound_key : str
        The key of its sound whatever its tags (`genrekit.media.stream_key`); empty where it was not asked for, or
        where there is none.
    """

    size: int
    sha256: str
    sound_key: str = ""


@dataclass(frozen=True, slots=True)
class Contribution:
    """Contribution of one feature of a row to the score of a label.

    Attributes
    ----------
    feature : str
        The feature's name.
    value : float or None
        The value in the row; None if missing.
    contribution : float
        In log odds (the margin of the model); positive values favour the label.
    """

    feature: str
    value: float | None
    contribution: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """The prediction for one input.

    Attributes
    ----------
    id : str
        The input as it was given.
    model : str
        The name of the model that predicted; empty if none did.
    label : str or None
        The predicted label; None after an error, or if the model abstained.
    score : float or None
        The calibrated probability of ``label`` in [0, 1].
    scores : tuple of (str, float)
        The best labels with their probabilities, best first.
    labels : tuple of str
        Every label above its threshold (multi-label), else ``label`` alone.
    windows : tuple of WindowScore
        The timeline, if requested.
    error : str or None
        The reason why there is no prediction.
    note : str or None
        A caveat: only part of the song was decoded, or there is little sound.
    familiar : bool or None
        False if the input is unlike anything that the model learnt; None if the model cannot tell. It is independent of
        whether the label is right.
    extra : Mapping[str, str]
        Identifying columns of the input row.
    image : bytes or None
        PNG that shows which part of the input led to the label, if requested and if the model provides it.
    reasons : tuple of Contribution
        Contributions of features to the label, largest first, if requested.
    content : Content or None
        The content that was predicted; None for bare numbers, and for a file that could not be opened.
    model_sha256 : str
        The hash of the bundle that predicted; empty if none did.
    analysis : Mapping of str to float, str or None
        Further measured properties of a song (`genrekit.analysis.columns.COLUMNS`), if requested.
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
    note: str | None = None
    image: bytes | None = field(default=None, repr=False, compare=False)
