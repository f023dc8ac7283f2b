"""What every loader gives back: a Dataset, the examples with what was left out and why."""

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
"""What becomes of a track of a table that stands under several genres."""

Reading = Literal["table", "audio", "spectrogram"]
"""What to read where a source holds several: rows of features, songs, or spectrograms computed before."""


@dataclass(frozen=True)
class Dataset:
    """Labelled examples of one kind, in a reproducible order.

    Attributes
    ----------
    source : str
        The source as it was given.
    layout : str
        The loader that read it: 'folder', 'manifest', 'table', 'npz', 'gtzan', 'fma', 'synthetic' ...
    modality : Modality
        What the examples are.
    examples : tuple of Example
        At least one; ids are unique.
    left_out : tuple of (str, str)
        Id and reason of everything the loader saw and did not take.
    notes : tuple of str
        What a person should know: which reading was chosen where there was a doubt, what is missing.
    removed : Mapping of str to int
        How many rows cleaning removed, by reason: 'no_label', 'repeated', 'ambiguous' ...
    sources : tuple of str
        The sources as they were given, where they are several.
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
        """The distinct labels, sorted."""
        return tuple(sorted({label for example in self.examples for label in example.labels}))

    @property
    def counts(self) -> dict[str, int]:
        """The number of examples a label, in the order of ``labels``."""
        counter = Counter(label for example in self.examples for label in example.labels)
        return {label: counter[label] for label in self.labels}

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over ids, labels, groups, sides, rows, spectrograms and the sizes of files, not their content."""
        return hash_json([[e.id, list(e.labels), e.group, e.split, _substance(e)] for e in self.examples])


def _substance(example: Example) -> dict[str, str] | str | int:
    if example.row is not None:
        return {name: repr(value) for name, value in example.row.items()}
    if example.mel is not None:
        return hash_array(example.mel)
    assert example.path is not None
    return example.path.stat().st_size if example.path.exists() else -1
