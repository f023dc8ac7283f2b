"""Prepared data sets: open a source for a backend, prepare its examples, measure scores on them."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from genrekit.backends import Backend, BackendConfig, BackendInfo, Prepared, registry
from genrekit.datasets import Ambiguous, Dataset, Reading, Split, group_keys, open_dataset
from genrekit.distributed import rank, world_size
from genrekit.errors import DatasetError, UnknownSourceError
from genrekit.execution import Outcome
from genrekit.metrics import Report, ScoredExample, Thresholds, above_thresholds, measure_scores
from genrekit.preparation import ENTRY_BYTES, Cache, Keyed, Preparer, prepare_all
from genrekit.progress import progress
from genrekit.text import printable, quote_all
from genrekit.training.array_store import ArrayStore
from genrekit.training.choice import backends_for
from genrekit.types import SPECTROGRAM, Example, Modality, Say, Windows

ROW_SR = 22050


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
    ``encoded`` are the windows as a pretrained network encodes them, for a backend that learns from that.
    """

    dataset: Dataset
    windows: dict[int, np.ndarray]
    failures: dict[int, str] = field(default_factory=dict)
    file_keys: dict[int, int] = field(default_factory=dict)
    kind: str = "sound"
    encoded: dict[int, np.ndarray] = field(default_factory=dict)

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


def open_for(
    backend: Backend,
    config: BackendConfig,
    source: str | Path | Sequence[str | Path],
    *,
    merge_labels: bool = False,
    ambiguous: Ambiguous = "drop",
    read: Reading | None = None,
) -> Dataset:
    """Open a source for a backend: as a table if the backend understands its columns, else as files.

    A backend that accepts spectrograms receives them if the source has more of them than of songs.

    Parameters
    ----------
    backend, config
        The recipe that will prepare the examples.
    source, merge_labels, ambiguous
        As for `genrekit.datasets.open_dataset`.
    read : {'table', 'audio', 'spectrogram'}, optional
        Content to read if the source has more than one kind.

    Raises
    ------
    DatasetError
        If the source cannot be read this way, holds arrays of a kind that the backend does not accept, has rows of another
        window length, or examples with several labels and ``config`` is not multi-label.
    """
    info = backend.info
    tables = {info.name: info.columns} if info.columns and read != "audio" else {}
    try:
        dataset = open_dataset(
            source,
            schemas=tables,
            modality=info.modality,
            prefer=read or ("table" if tables else None if SPECTROGRAM in info.arrays else "audio"),
            spectrograms=SPECTROGRAM in info.arrays,
            merge_labels=merge_labels,
            ambiguous=ambiguous,
        )
    except UnknownSourceError:
        raise
    except DatasetError as error:
        others, holds = backends_for(source, ambiguous=ambiguous, read=read)
        if not others or info.name in others:
            raise
        names = [source] if isinstance(source, str | Path) else source
        raise DatasetError(
            f"{' + '.join(map(printable, names))} holds {holds}, which the backend {info.name!r} does not read; "
            f"{quote_all(others)} {'do' if others[1:] else 'does'}.",
            f"Give --backend {others[0]}, or a model of it.",
        ) from error
    check_arrays(dataset, info)
    check_fit(dataset, backend, config)
    return dataset


def check_fit(dataset: Dataset, backend: Backend, config: BackendConfig) -> None:
    """Raise an error if a config cannot learn from the examples.

    Parameters
    ----------
    dataset : Dataset
        The examples with their labels.
    backend : Backend
        The backend that is to learn from them.
    config : BackendConfig
        Its config.

    Raises
    ------
    DatasetError
        If they have several labels and ``config`` is not multi-label, or are rows of another window length.
    """
    _check_labels(dataset, backend, config)
    _check_window_length(dataset, config)


def check_arrays(dataset: Dataset, info: BackendInfo) -> None:
    """Raise an error if the examples are arrays of a kind that the backend does not accept.

    Parameters
    ----------
    dataset : Dataset
        The examples.
    info : BackendInfo
        Info of the backend that is to learn from them.

    Raises
    ------
    DatasetError
        With the names of the backends that accept them.
    """
    kind = next((e.kind for e in dataset.examples if e.kind and e.kind not in info.arrays), None)
    if kind is None:
        return
    able = [item.name for item in registry.listings() if item.info and kind in item.info.arrays]
    hint = f"Use --backend {able[0]}, or give" if able else "Give"
    raise DatasetError(
        f"{printable(dataset.source)} holds {kind}s, which the backend {info.name!r} cannot read"
        + (f"; {quote_all(able)} can." if able else "."),
        f"{hint} the songs themselves.",
    )


def _check_labels(dataset: Dataset, backend: Backend, config: BackendConfig) -> None:
    several = [example.id for example in dataset.examples if len(example.labels) > 1]
    if not several or (backend.info.multilabel and config.multilabel):
        return
    others = f" and {len(several) - 1} more" if several[1:] else ""
    raise DatasetError(
        f"{printable(several[0])}{others} of {len(dataset.examples)} examples have several labels; the backend "
        f"{backend.info.name!r} learns one label per example"
        + (" by default." if backend.info.multilabel else "."),
        "Train with --multilabel (in a config: multilabel: true) to learn all of them, or keep one of them."
        if backend.info.multilabel
        else "Keep one of them in the label column.",
    )


def _check_window_length(dataset: Dataset, config: BackendConfig) -> None:
    """Compare the length of rows, in samples at 22,050 Hz as in Kaggle's tables, with ``window_s``."""
    window_s = getattr(config, "window_s", None)
    lengths = [float(e.extra["length"]) for e in dataset.examples if e.extra.get("length", "").isdecimal()]
    if window_s is None or not lengths:
        return
    length_s = statistics.median(lengths) / ROW_SR
    if not 0.9 <= length_s / window_s <= 1.1:
        raise DatasetError(
            f"The rows of {dataset.source} describe {length_s:.3g} s of sound each; window_s is {window_s:g}.",
            f"Give --set window_s={length_s:.3g}, or --read audio where there are songs.",
        )


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
    say : callable
        Receives progress lines.

    Returns
    -------
    PreparedDataset

    With ``keys`` the content keys of files are found in the same pass.

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
            f"None of the {len(examples)} examples of {dataset.source} could be prepared; "
            f"the first error: {next(iter(failures.values()), 'nothing')}",
            f"'genrekit datasets check {dataset.source}' lists what is wrong.",
        )
    kind = "picture" if backend.info.modality is Modality.IMAGE else "sound"
    return PreparedDataset(dataset, windows, failures, file_keys, kind)


def describe(dataset: Dataset, say: Say) -> None:
    """Report what was opened, what was left out, and notes for the user.

    Parameters
    ----------
    dataset : Dataset
    say : callable
        Receives the lines.
    """
    counts = ", ".join(f"{label} {count}" for label, count in dataset.counts.items())
    say(f"{dataset.source}: {len(dataset.examples)} examples as {dataset.layout}: {counts}")
    for note in dataset.notes:
        say(f"note: {note}")
    shown = 10 - min(10, sum(dataset.removed.values()))  # the notes cover what cleaning removed
    for name, reason in dataset.left_out[:shown]:
        say(f"left out {name}: {reason}")
    if len(dataset.left_out) > shown:
        say(f"'genrekit datasets show' lists the {len(dataset.left_out)} that were left out, with reasons")
