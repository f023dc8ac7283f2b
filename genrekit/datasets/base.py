"""The type Dataset, which all loaders return: examples, and what was left out and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from genrekit.hashing import hash_array, hash_json
from genrekit.types import Example, Modality

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
    """

    source: str
    layout: str
    modality: Modality
    examples: tuple[Example, ...]
    left_out: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    removed: Mapping[str, int] = field(default_factory=dict, hash=False)
    sources: tuple[str, ...] = ()

    @property
    def file(self) -> Path | None:
        """The one file that it was read from; None where it is none, or several."""
        return Path(self.source) if not self.sources and Path(self.source).is_file() else None

    @property
    def labels(self) -> tuple[str, ...]:
        """Distinct labels, sorted."""
        return tuple(sorted({label for example in self.examples for label in example.labels}))

    @property
    def counts(self) -> dict[str, int]:
        """Number of examples per label, in the order of ``labels``."""
        counter = Counter(label for example in self.examples for label in example.labels)
        return {label: counter[label] for label in self.labels}

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over ids, labels, groups, splits, rows, spectrograms and the sizes of files, not their content."""
        return hash_json([[e.id, list(e.labels), e.group, e.split, _substance(e)] for e in self.examples])


def _substance(example: Example) -> dict[str, str] | str | int:
    if example.row is not None:
        return {name: repr(value) for name, value in example.row.items()}
    if example.array is not None:
        return hash_array(example.array)
    if example.path is None:
        return dict(example.extra)
    return example.path.stat().st_size if example.path.exists() else -1
