"""Prepared data sets: prepare the examples of a data set, select from them, measure scores on them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from genrekit.backends import Backend, BackendConfig, Prepared
from genrekit.datasets import Dataset, Split, group_keys
from genrekit.distributed import rank, world_size
from genrekit.errors import DatasetError
from genrekit.execution import Outcome
from genrekit.metrics import Report, ScoredExample, Thresholds, above_thresholds, measure_scores
from genrekit.preparation import ENTRY_BYTES, Cache, Keyed, Preparer, prepare_all
from genrekit.progress import progress
from genrekit.text import counted
from genrekit.training.array_store import ArrayStore
from genrekit.types import Example, Modality, Say, Windows


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A report, the examples that it was computed from, and the thresholds of multi-label scores."""

    report: Report
    rows: tuple[ScoredExample, ...]
    thresholds: Thresholds | None = None


@dataclass(frozen=True, eq=False)
class PreparedDataset:
    """A data set that went through ``prepare``: windows by the position of the example, failures likewise.

    ``file_keys`` are the content keys of files by the same positions, of one ``kind``, where they were asked for.
    ``encoded`` are the windows as a pretrained network encodes them, for a backend that learns from that. ``copies`` are the
    windows of altered copies, for a training split.
    """

    dataset: Dataset
    windows: dict[int, np.ndarray]
    failures: dict[int, str] = field(default_factory=dict)
    file_keys: dict[int, int] = field(default_factory=dict)
    kind: str = "sound"
    encoded: dict[int, np.ndarray] = field(default_factory=dict)
    copies: dict[int, list[np.ndarray]] = field(default_factory=dict)

    def labels(self, indices: Sequence[int]) -> tuple[str, ...]:
        """Return the labels of the prepared examples among ``indices``, sorted."""
        found = {label for i in indices if i in self.windows for label in self.dataset.examples[i].labels}
        return tuple(sorted(found))

    def select(self, indices: Sequence[int], labels: Sequence[str]) -> Prepared:
        """Return the prepared examples among ``indices``, in that order, with a target column per label of ``labels``.

        Parameters
        ----------
        indices : sequence of int
            Positions in ``dataset.examples``.
        labels : sequence of str
            Labels in the order of the target columns; other labels of an example are ignored.

        Returns
        -------
        Prepared
            ``targets`` [shape=(n, n_labels), dtype=float32] holds 0 and 1.
        """
        kept = [i for i in indices if i in self.windows]
        examples = [self.dataset.examples[i] for i in kept]
        targets = np.array([[label in e.labels for label in labels] for e in examples], dtype=np.float32)
        return Prepared(
            windows=[self.windows[i] for i in kept],
            targets=targets.reshape(len(kept), len(labels)),
            groups=group_keys(examples),
            ids=tuple(example.id for example in examples),
            encoded=[self.encoded[i] for i in kept] if self.encoded else None,
        )

    def select_train(self, indices: Sequence[int], labels: Sequence[str], copies: int) -> Prepared:
        """Return what `select` returns, and behind it the first copies of these examples, with their targets and groups.

        Parameters
        ----------
        indices, labels
            As for `select`.
        copies : int >= 0
            Copies per example.
        """
        chosen = self.select(indices, labels)
        kept = [i for i in indices if i in self.windows]
        pairs = [(at, windows) for at, i in enumerate(kept) for windows in self.copies.get(i, [])[:copies]]
        if not pairs:
            return chosen
        at = [position for position, _ in pairs]
        return Prepared(
            windows=[*chosen.windows, *(windows for _, windows in pairs)],
            targets=np.concatenate([chosen.targets, chosen.targets[at]]),
            groups=np.concatenate([chosen.groups, chosen.groups[at]]),
            ids=(*chosen.ids, *(f"{chosen.ids[position]} (copy)" for position in at)),
        )

    def with_label(self, indices: Sequence[int], labels: Sequence[str]) -> list[int]:
        """Return those of ``indices`` whose example has one of ``labels``.

        Parameters
        ----------
        indices : sequence of int
            Positions in ``dataset.examples``.
        labels : sequence of str
            Labels, of which one suffices.

        Returns
        -------
        list of int
            In the order of ``indices``.
        """
        return [i for i in indices if set(self.dataset.examples[i].labels) & set(labels)]

    def measure(
        self,
        scores: np.ndarray,
        indices: Sequence[int],
        labels: Sequence[str],
        split: Split,
        *,
        multilabel: bool = False,
        thresholds: Thresholds | None = None,
    ) -> Evaluation:
        """Measure the scores of the prepared examples among ``indices`` [shape=(n_prepared, n_labels)].

        Parameters
        ----------
        scores, indices, labels, split
            Scores, the examples that were scored, the columns, and the split.
        multilabel, thresholds
            As for `genrekit.metrics.measure.measure_scores`.

        Raises
        ------
        DatasetError
            If none of them could be prepared, or has a label that the model knows.
        """
        selected = self.select(indices, labels)
        kept = [self.dataset.examples[i] for i in indices if i in self.windows]
        known = set(labels)
        unknown = Counter(label for e in kept for label in e.labels if label not in known)
        measured = measure_scores(
            scores,
            selected.targets,
            labels,
            selected.groups,
            split=split.method,
            inflated=split.inflated,
            multilabel=multilabel,
            thresholds=thresholds,
            unknown_labels=unknown,
            failures=[(self.dataset.examples[i].id, self.failures[i]) for i in indices if i in self.failures],
        )
        decided = (
            above_thresholds(scores, labels, {} if thresholds is None else thresholds)
            if multilabel
            else scores.argmax(axis=1)[:, None] == np.arange(len(labels))
        )
        rows = tuple(
            ScoredExample(
                e.id,
                "|".join(e.labels),
                "|".join(labels[k] for k in np.flatnonzero(row_labels).tolist()),
                float(row.max()),
                e.group or "",
                row,
            )
            for e, row_labels, row in zip(kept, decided, scores, strict=True)
        )
        return Evaluation(measured, rows, thresholds)


def preparation(backend: Backend, config: BackendConfig) -> str:
    """Return the settings that ``prepare`` depends on as one key: equal keys mean equal windows.

    Parameters
    ----------
    backend : Backend
        Its info lists the settings.
    config : BackendConfig
        One of its configs.

    Returns
    -------
    str
        JSON with sorted keys.
    """
    values = config.model_dump(mode="json")
    return json.dumps({key: values[key] for key in backend.info.prepare_keys}, sort_keys=True)


def gather(
    backend: Backend,
    config: BackendConfig,
    dataset: Dataset,
    indices: Sequence[int],
    *,
    jobs: int,
    cache: Cache,
    cluster: str | None = None,
    keys: bool = False,
    say: Say,
) -> PreparedDataset:
    """Prepare the examples at ``indices``; examples that cannot be read are listed as failures.

    Parameters
    ----------
    backend : Backend
    config : BackendConfig
    dataset : Dataset
    indices : sequence of int
        Positions of the examples.
    jobs : int >= 1
        Number of processes.
    cache : Cache
    cluster : str, optional
        Address of a Dask cluster.
    keys : bool
        Whether the content keys of files are found in the same pass.
    say : callable
        Receives progress lines.

    Returns
    -------
    PreparedDataset

    Raises
    ------
    DatasetError
        If none of them can be prepared.
    """
    start = (
        rank() * len(indices) // world_size()
    )  # each process starts at another position, and finds in the cache what the others prepared
    indices = [*indices[start:], *indices[:start]]
    prepared: list[int] = []
    store = ArrayStore(cache.folder)
    failures: dict[int, str] = {}
    examples = [dataset.examples[i] for i in indices]
    if all(example.path is None and example.address is None for example in examples):
        jobs, cluster = 1, None  # sending numbers elsewhere takes longer than preparing them
    file_keys: dict[int, int] = {}
    preparer = Preparer(backend, config, cache)
    outcomes: Iterator[Outcome[Example, Windows | Keyed]] = prepare_all(
        preparer.keyed if keys else preparer, examples, jobs=jobs, cluster=cluster
    )
    with progress(len(examples), "preparing") as advance:
        for i, outcome in zip(indices, outcomes, strict=True):
            found = outcome.value
            if found is None:
                failures[i] = outcome.error or "failed"
            else:
                prepared.append(i)
                store.put(found.values)
                if isinstance(found, Keyed) and found.key is not None:
                    file_keys[i] = found.key
            advance()
    windows = dict(zip(prepared, store.arrays(), strict=True))
    cache.prune(at_least_bytes=store.used_bytes + len(prepared) * ENTRY_BYTES)
    for i, reason in list(failures.items())[:20]:
        say(f"left out {dataset.examples[i].id}: {reason}")
    if len(failures) > 20:
        say(f"left out {len(failures) - 20} more")
    if not windows:
        raise DatasetError(
            f"None of the {counted(len(examples), 'example')} of {dataset.source} could be prepared; "
            f"the first error: {next(iter(failures.values()), 'nothing')}",
            f"'genrekit datasets check {dataset.source}' lists what is wrong.",
        )
    kind = "picture" if backend.info.modality is Modality.IMAGE else "sound"
    return PreparedDataset(dataset, windows, failures, file_keys, kind)
