"""Content keys of the examples that a model learnt: computed in training, compared in evaluation."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from genrekit.backends import Backend, BackendConfig, BackendInfo
from genrekit.datasets import Dataset
from genrekit.execution import ordered_map
from genrekit.hashing import row_keys
from genrekit.models import LearntKeys, collect
from genrekit.preparation import Cache, Preparer, array_key, name_key
from genrekit.progress import progress
from genrekit.training.prepared_dataset import PreparedDataset
from genrekit.types import Example, Modality

_ROWS_AT_ONCE = 10_000


@dataclass(frozen=True)
class Recognised:
    """The examples of a data set that a model learnt.

    Attributes
    ----------
    learnt : tuple of str
        Ids of the examples that it learnt, in the order of the data set.
    examples : int
        Number of examples compared.
    failures : tuple of (str, str)
        Id and reason of those that could not be read.
    """

    learnt: tuple[str, ...]
    examples: int
    failures: tuple[tuple[str, str], ...] = field(default=())


def learnt_keys(prepared: PreparedDataset, indices: Sequence[int], info: BackendInfo) -> LearntKeys:
    """Return the content keys of the examples that a model learnt.

    Names are keys too if the sound itself is not available because rows or spectrograms were learnt.

    Parameters
    ----------
    prepared : PreparedDataset
        The prepared data set.
    indices : sequence of int
        The examples that were learnt; those that are not prepared are skipped.
    info : BackendInfo
        Info of the backend that learnt them.

    Returns
    -------
    LearntKeys
    """
    indices = [i for i in indices if i in prepared.windows]
    examples = [prepared.dataset.examples[i] for i in indices]
    rows = [example.row for example in examples if example.row is not None]
    columns = _known_columns(rows, info.columns)
    found = [("row", key) for key in _of_rows(rows, [info.columns[at] for at in columns])]
    found += [(prepared.kind, prepared.file_keys[i]) for i in indices if i in prepared.file_keys]
    for example in examples:
        found += _others(example, names=info.modality is Modality.AUDIO, learning=True)
    return collect(found, columns)


def recognised(
    prepared: PreparedDataset, indices: Sequence[int], learnt: LearntKeys, info: BackendInfo
) -> list[int]:
    """Return the prepared examples that a model learnt.

    Parameters
    ----------
    prepared : PreparedDataset
        The prepared data set.
    indices : sequence of int
        The examples to check; those that are not prepared are skipped.
    learnt : LearntKeys
        Keys from the bundle of the model.
    info : BackendInfo
        Info of the backend of the model.

    Returns
    -------
    list of int
        Members of ``indices``, in their order.
    """
    indices = [i for i in indices if i in prepared.windows]
    examples = prepared.dataset.examples
    keys = {i: _others(examples[i], names=True, learning=False) for i in indices}
    rows = {i: row for i in indices if (row := examples[i].row) is not None}
    if "row" in learnt.keys and max(learnt.row_columns, default=len(info.columns)) < len(info.columns):
        columns = [info.columns[at] for at in learnt.row_columns]
        for i, key in zip(rows, _of_rows(list(rows.values()), columns), strict=True):
            keys[i].append(("row", key))
    for i in indices:
        if i in prepared.file_keys:
            keys[i].append((prepared.kind, prepared.file_keys[i]))
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
    """Find the examples of a data set that a model learnt; files are read for their keys alone.

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
    prepared = PreparedDataset(dataset, windows, {}, file_keys, kind)
    known = recognised(prepared, range(len(examples)), learnt, backend.info)
    return Recognised(tuple(examples[i].id for i in known), len(examples), tuple(failures))


def _others(example: Example, *, names: bool, learning: bool) -> list[tuple[str, int]]:
    at_hand = example.row is None and example.array is None
    found = {
        "spectrogram": array_key(example),
        "name": name_key(example, only_gtzan=learning and at_hand) if names else None,
    }
    return [(kind, key) for kind, key in found.items() if key is not None]


def _of_rows(rows: Sequence[Mapping[str, float]], columns: Sequence[str]) -> Iterator[int]:
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        part = [
            [row.get(column, math.nan) for column in columns] for row in rows[start : start + _ROWS_AT_ONCE]
        ]
        yield from row_keys(np.array(part, dtype=np.float64))


def _known_columns(rows: Sequence[Mapping[str, float]], columns: Sequence[str]) -> tuple[int, ...]:
    """Return the features that at least one row has: a table with more of them is recognised by these."""
    known = {
        at for row in rows for at, column in enumerate(columns) if not math.isnan(row.get(column, math.nan))
    }
    return tuple(sorted(known))
