"""The type Dataset, which all loaders return: examples, and what was left out and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from genrekit.hashing import hash_array, hash_json
from genrekit.types import Example, Modality

if TYPE_CHECKING:
    import pandas as pd

Ambiguous = Literal["drop", "first", "multi"]
"""Treatment of a track that a table lists under more than one genre."""

Reading = Literal["table", "audio", "spectrogram"]
"""Choice between the contents of a source: rows of features, songs, or precomputed spectrograms."""


@dataclass(frozen=True)
class Dataset:
    """Labelled examples of one kind, in a reproducible order.

    Attributes
    ----------
    source : str
        The source as given.
    layout : str
        The loader that read it: 'folder', 'manifest', 'table', 'npz', 'gtzan', 'fma', 'synthetic' ...
    modality : Modality
        Kind of the examples.
    examples : tuple of Example
        At least one; ids are unique.
    left_out : tuple of (str, str)
        Id and reason of everything that the loader left out.
    notes : tuple of str
        Remarks for the user: choices in doubtful cases, and what is missing.
    removed : Mapping of str to int
        Number of rows that cleaning removed, by reason: 'no_label', 'repeated', 'ambiguous' ...
    sources : tuple of str
        The sources as given, if there are several.
    index : pd.Index or None
        The index of the data frame that it was read from; None where it is none, or several.
    """

    source: str
    layout: str
    modality: Modality
    examples: tuple[Example, ...]
    left_out: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    removed: Mapping[str, int] = field(default_factory=dict, hash=False)
    sources: tuple[str, ...] = ()
    index: pd.Index[Any] | None = field(default=None, repr=False, compare=False)

    @property
    def file(self) -> Path | None:
        """The one file that it was read from; None where it is none, or several."""
        alone = not self.sources and self.index is None
        return Path(self.source) if alone and Path(self.source).is_file() else None

    @property
    def labels(self) -> tuple[str, ...]:
        """Distinct labels, sorted."""
        return tuple(sorted({label for example in self.examples for label in example.labels}))

    @property
    def counts(self) -> dict[str, int]:
        """Number of examples per label, in the order of ``labels``."""
        counter = Counter(label for example in self.examples for label in example.labels)
        return {label: counter[label] for label in self.labels}

    def to_frame(self) -> pd.DataFrame:
        """Return the examples as a data frame, a row per example, in their order.

        Returns
        -------
        pd.DataFrame
            Columns ``id`` (string), ``path`` (string, missing without a file), ``label`` (string, several labels with ``|``
            between them, missing without one), ``group`` and ``split`` (string); for parts of songs ``offset_s`` and
            ``duration_s`` (float64, in seconds); for rows of numbers the features (float64); then the identifying columns
            (string; ``extra_NAME`` if the name is taken). Arrays are not in it. The index is that of the data
            frame that the data set was read from, of the rows that were kept; else 0, 1, 2 ...
        """
        from genrekit.datasets.to_frame import frame_of

        return frame_of(self)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over ids, labels, groups, splits, rows, spectrograms and the sizes of files, not their content."""
        return hash_json([[e.id, list(e.labels), e.group, e.split, substance(e)] for e in self.examples])


def substance(example: Example) -> dict[str, str] | str | int:
    """Return what an example is made of: its row, the hash of its array, or the size of its file in bytes, -1 without one."""
    if example.row is not None:
        return {name: repr(value) for name, value in example.row.items()}
    if example.array is not None:
        return hash_array(example.array)
    if example.path is None:
        return dict(example.extra)
    return example.path.stat().st_size if example.path.exists() else -1
