"""Which examples a model learnt: its keys made when it is trained, and asked when it is measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from genrekit.backends import Backend, BackendConfig
from genrekit.datasets import Dataset
from genrekit.execution import ordered_map
from genrekit.hashing import row_keys
from genrekit.models.keys import LearntKeys, collect
from genrekit.preparation import Cache, Preparer
from genrekit.preparation.content_keys import name_key, spectrogram_key
from genrekit.progress import progress
from genrekit.training.prepared_dataset import Material
from genrekit.types import Example, Modality

_ROWS_AT_ONCE = 10_000


@dataclass(frozen=True)
class Recognised:
    """What a model knows of a data set.

    Attributes
    ----------
    learnt : tuple of str
        Ids of the examples that it learnt, in the order of the data set.
    examples : int
        How many were looked at.
    failures : tuple of (str, str)
        Id and reason of those that could not be read.
    """

    learnt: tuple[str, ...]
    examples: int
    failures: tuple[tuple[str, str], ...] = field(default=())


def learnt_keys(material: Material, indices: Sequence[int], modality: Modality) -> LearntKeys:
    """Make the keys of the prepared examples among ``indices``.

    Where the sound itself is not at hand, because rows or spectrograms were learnt, names are keys too.
    """
    indices = [i for i in indices if i in material.windows]
    examples = [material.dataset.examples[i] for i in indices]
    rows = [i for i, example in zip(indices, examples, strict=True) if example.row is not None]
    columns = _known_columns(material, rows)
    found = list(_of_rows(material, rows, columns))
    found += [(material.kind, material.file_keys[i]) for i in indices if i in material.file_keys]
    for example in examples:
        found += _others(example, names=modality is Modality.AUDIO, learning=True)
    return collect(found, columns)


def recognised(material: Material, indices: Sequence[int], learnt: LearntKeys) -> list[int]:
    """Those among ``indices`` that a model learnt."""
    indices = [i for i in indices if i in material.windows]
    rows = [i for i in indices if material.dataset.examples[i].row is not None]
    keys: dict[int, list[tuple[str, int]]] = {
        i: _others(material.dataset.examples[i], names=True, learning=False) for i in indices
    }
    if "row" in learnt.keys and _width(material, rows) > max(learnt.row_columns, default=-1):
        for i, key in zip(rows, _of_rows(material, rows, learnt.row_columns), strict=True):
            keys[i].append(key)
    for i in indices:
        if i in material.file_keys:
            keys[i].append((material.kind, material.file_keys[i]))
    return [i for i in indices if learnt.knows(keys[i])]


def recognise(
    learnt: LearntKeys,
    backend: Backend,
    config: BackendConfig,
    dataset: Dataset,
    *,
    jobs: int = 1,
    cache: Cache | None = None,
) -> Recognised:
    """Ask which examples of a data set a model learnt; files are read for their keys alone.

    Parameters
    ----------
    learnt : LearntKeys
        Of the model.
    backend, config
        Those of the model.
    dataset : Dataset
        Opened as the model reads it.
    jobs : int >= 1
        Processes that decode.
    cache : Cache, optional
    """
    preparer = Preparer(backend, config, cache or Cache())
    examples = dataset.examples
    windows: dict[int, np.ndarray] = {}
    file_keys: dict[int, int] = {}
    failures: list[tuple[str, str]] = []
    with_files = any(example.path is not None or example.address is not None for example in examples)
    with progress(len(examples), "recognising") as advance:
        for i, outcome in enumerate(ordered_map(preparer.key, examples, jobs=jobs if with_files else 1)):
            if outcome.value is None:
                failures.append((examples[i].id, outcome.error or "failed"))
            else:
                windows[i] = outcome.value.values
                if outcome.value.key is not None:
                    file_keys[i] = outcome.value.key
            advance()
    kind = "picture" if backend.info.modality is Modality.IMAGE else "sound"
    material = Material(dataset, windows, {}, file_keys, kind)
    known = recognised(material, range(len(examples)), learnt)
    return Recognised(tuple(examples[i].id for i in known), len(examples), tuple(failures))


def _others(example: Example, *, names: bool, learning: bool) -> list[tuple[str, int]]:
    at_hand = example.row is None and example.mel is None
    found = {
        "spectrogram": spectrogram_key(example),
        "name": name_key(example, only_gtzan=learning and at_hand) if names else None,
    }
    return [(kind, key) for kind, key in found.items() if key is not None]


def _of_rows(material: Material, rows: Sequence[int], columns: Sequence[int]) -> Iterator[tuple[str, int]]:
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        part = np.stack([material.windows[i].reshape(-1) for i in rows[start : start + _ROWS_AT_ONCE]])
        yield from (("row", key) for key in row_keys(part[:, list(columns)]))


def _known_columns(material: Material, rows: Sequence[int]) -> tuple[int, ...]:
    """The features that at least one row has: a table with more of them is recognised by these."""
    known = np.zeros(_width(material, rows), bool)
    for i in rows:
        known |= ~np.isnan(material.windows[i].reshape(-1))
    return tuple(np.flatnonzero(known).tolist())


def _width(material: Material, rows: Sequence[int]) -> int:
    return material.windows[rows[0]].size if rows else 0
