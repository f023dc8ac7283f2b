"""Altered copies of songs for a training split: prepared once, through the cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from genrekit.backends import Backend, BackendConfig, MakesCopies
from genrekit.preparation import Cache, Preparer, prepare_all
from genrekit.progress import progress
from genrekit.text import counted
from genrekit.training.array_store import ArrayStore
from genrekit.training.prepared_dataset import PreparedDataset
from genrekit.types import Say


def copies_of(config: BackendConfig) -> int:
    """Return the number of copies per song that a config asks for."""
    return int(getattr(config, "copies", 0))


def with_copies(
    backend: Backend,
    config: BackendConfig,
    prepared: PreparedDataset,
    indices: Sequence[int],
    *,
    copies: int,
    jobs: int,
    cache: Cache,
    cluster: str | None = None,
    say: Say,
) -> PreparedDataset:
    """Return the data set with copies of the songs at ``indices``; only `PreparedDataset.select_train` gives them out.

    Parameters
    ----------
    backend, config
        The recipe that learns from the copies.
    prepared : PreparedDataset
    indices : sequence of int
        Positions of the examples that may be in a training split.
    copies : int >= 0
        Copies per song.
    jobs, cache, cluster, say
        As for `genrekit.training.prepared_dataset.gather`.
    """
    examples = prepared.dataset.examples
    songs = [
        i
        for i in indices
        if i in prepared.windows and (examples[i].path is not None or examples[i].address is not None)
    ]
    if not copies or not isinstance(backend, MakesCopies):
        return prepared
    if len(songs) < len(indices):
        say(
            f"copies: {len(indices) - len(songs)} of {counted(len(indices), 'example')} are not readable songs and have none"
        )
    store = ArrayStore(cache.folder)
    made: list[int] = []
    lost = 0
    with progress(copies * len(songs), "copying") as advance:
        for number in range(1, copies + 1):
            preparer = Preparer(backend, config, cache, copy=number)
            outcomes = prepare_all(preparer, [examples[i] for i in songs], jobs=jobs, cluster=cluster)
            for i, outcome in zip(songs, outcomes, strict=True):
                if outcome.value is None:
                    lost += 1
                else:
                    made.append(i)
                    store.put(outcome.value.values)
                advance()
    if lost:
        say(f"copies: {lost} could not be made")
    found: dict[int, list[np.ndarray]] = {}
    for i, values in zip(made, store.arrays(), strict=True):
        found.setdefault(i, []).append(values)
    return replace(prepared, copies=found)
