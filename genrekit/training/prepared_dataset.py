"""A data set on its way to a model: opened as a backend reads it, prepared, measured."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from genrekit.backends import Backend, BackendConfig, BackendInfo, Prepared, registry
from genrekit.datasets import (
    Ambiguous,
    Dataset,
    Reading,
    Split,
    group_keys,
    open_dataset,
    printable,
    quote_all,
)
from genrekit.distributed import rank, world_size
from genrekit.errors import DatasetError
from genrekit.metrics import Report, Thresholds, given, measure_scores
from genrekit.preparation import ENTRY_BYTES, Cache, Preparer, prepare_all
from genrekit.progress import progress
from genrekit.training.array_store import Shelf

Say = Callable[[str], None]

ROW_SR = 22050


@dataclass(frozen=True, eq=False)
class Measured:
    """A report, and behind it a row an example: id, true label, answer, its score in [0, 1].

    Several labels are joined by ``|``, and the score is then the best of all labels, given or not.
    """

    report: Report
    rows: tuple[tuple[str, str, str, float], ...]


@dataclass(frozen=True, eq=False)
class Material:
    """A data set that went through ``prepare``: windows by the position of the example, failures likewise.

    ``encoded`` has what a pretrained network made of the windows, for a backend that learns from that.
    """

    dataset: Dataset
    windows: dict[int, np.ndarray]
    failures: dict[int, str] = field(default_factory=dict)
    encoded: dict[int, np.ndarray] = field(default_factory=dict)

    def labels(self, indices: Sequence[int]) -> tuple[str, ...]:
        """The labels of the prepared examples among ``indices``, sorted."""
        found = {label for i in indices if i in self.windows for label in self.dataset.examples[i].labels}
        return tuple(sorted(found))

    def side(self, indices: Sequence[int], labels: Sequence[str]) -> Prepared:
        """The prepared examples among ``indices``, in that order; other labels than ``labels`` have no column."""
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
        """Those among ``indices`` that have one of ``labels``."""
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
    ) -> Measured:
        """Measure the scores of the prepared examples among ``indices`` [shape=(n_prepared, n_labels)].

        Parameters
        ----------
        scores, indices, labels, split
            What was scored, and how it was held out.
        multilabel, thresholds
            As for `genrekit.metrics.measure.measure_scores`.

        Raises
        ------
        DatasetError
            If not one of them could be prepared, or has a label that the model knows.
        """
        side = self.side(indices, labels)
        kept = [self.dataset.examples[i] for i in indices if i in self.windows]
        known = set(labels)
        unknown = Counter(label for e in kept for label in e.labels if label not in known)
        measured = measure_scores(
            scores,
            side.targets,
            labels,
            side.groups,
            split=split.method,
            inflated=split.inflated,
            multilabel=multilabel,
            thresholds=thresholds,
            unknown_labels=unknown,
            failures=[(self.dataset.examples[i].id, self.failures[i]) for i in indices if i in self.failures],
        )
        answers = (
            given(scores, labels, {} if thresholds is None else thresholds)
            if multilabel
            else scores.argmax(axis=1)[:, None] == np.arange(len(labels))
        )
        rows = tuple(
            (
                e.id,
                "|".join(e.labels),
                "|".join(labels[k] for k in np.flatnonzero(answer).tolist()),
                float(row.max()),
            )
            for e, answer, row in zip(kept, answers, scores, strict=True)
        )
        return Measured(measured, rows)


def open_for(
    backend: Backend,
    config: BackendConfig,
    source: str | Path,
    *,
    merge_labels: bool = False,
    ambiguous: Ambiguous = "drop",
    read: Reading | None = None,
) -> Dataset:
    """Open a source the way a backend reads it: as a table where it understands the columns, else as files.

    A backend that takes spectrograms gets them where a source has more of them than of songs.

    Parameters
    ----------
    backend, config
        What will prepare the examples.
    source, merge_labels, ambiguous
        As for `genrekit.datasets.open_dataset`.
    read : {'table', 'audio', 'spectrogram'}, optional
        What to read where the source holds several.

    Raises
    ------
    DatasetError
        If the source cannot be read so, holds spectrograms and the backend takes none, has rows of another
        window length, or several labels an example where ``config`` has no ``multilabel`` that is on.
    """
    info = backend.info
    tables = {info.name: info.columns} if info.columns and read != "audio" else {}
    dataset = open_dataset(
        source,
        schemas=tables,
        modality=info.modality,
        prefer=read or ("table" if tables else None if info.spectrograms else "audio"),
        spectrograms=info.spectrograms,
        merge_labels=merge_labels,
        ambiguous=ambiguous,
    )
    check_spectrograms(dataset, info)
    _check_labels(dataset, backend, config)
    _check_window_length(dataset, config)
    return dataset


def check_spectrograms(dataset: Dataset, info: BackendInfo) -> None:
    """Refuse spectrograms that were computed before where a backend needs the songs.

    Raises
    ------
    DatasetError
        With the names of the backends that take them.
    """
    if info.spectrograms or all(example.mel is None for example in dataset.examples):
        return
    able = [item.name for item in registry.listings() if item.info and item.info.spectrograms]
    hint = f"Use --backend {able[0]}, or give" if able else "Give"
    raise DatasetError(
        f"{printable(dataset.source)} holds spectrograms, which the backend {info.name!r} cannot read"
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
        f"{backend.info.name!r} learns one label an example"
        + (", unless it is told otherwise." if backend.info.multilabel else "."),
        "Train with --multilabel (in a config: multilabel: true) to learn all of them, or keep one of them."
        if backend.info.multilabel
        else "Keep one of them in the label column.",
    )


def _check_window_length(dataset: Dataset, config: BackendConfig) -> None:
    """Hold the length of rows, in samples at 22,050 Hz as Kaggle's tables have it, against ``window_s``."""
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
    say: Say,
) -> Material:
    """Prepare the examples at ``indices``; what cannot be read is listed, never replaced.

    Raises
    ------
    DatasetError
        If not one of them can be prepared.
    """
    start = (
        rank() * len(indices) // world_size()
    )  # each begins elsewhere, and finds in the cache what others did
    indices = [*indices[start:], *indices[:start]]
    prepared: list[int] = []
    shelf = Shelf(cache.folder)
    failures: dict[int, str] = {}
    examples = [dataset.examples[i] for i in indices]
    if all(example.path is None and example.address is None for example in examples):
        jobs, cluster = 1, None  # sending numbers elsewhere takes longer than preparing them
    outcomes = prepare_all(Preparer(backend, config, cache), examples, jobs=jobs, cluster=cluster)
    with progress(len(examples), "preparing") as advance:
        for i, outcome in zip(indices, outcomes, strict=True):
            if outcome.value is None:
                failures[i] = outcome.error or "failed"
            else:
                prepared.append(i)
                shelf.put(outcome.value.values)
            advance()
    windows = dict(zip(prepared, shelf.arrays(), strict=True))
    cache.prune(at_least_bytes=shelf.used_bytes + len(prepared) * ENTRY_BYTES)
    for i, reason in list(failures.items())[:20]:
        say(f"left out {dataset.examples[i].id}: {reason}")
    if len(failures) > 20:
        say(f"left out {len(failures) - 20} more")
    if not windows:
        raise DatasetError(
            f"None of the {len(examples)} examples of {dataset.source} could be prepared; "
            f"the first said: {next(iter(failures.values()), 'nothing')}",
            f"'genrekit datasets check {dataset.source}' lists what is wrong.",
        )
    return Material(dataset, windows, failures)


def describe(dataset: Dataset, say: Say) -> None:
    """Say what was opened, what was left out, and what a person should know."""
    counts = ", ".join(f"{label} {count}" for label, count in dataset.counts.items())
    say(f"{dataset.source}: {len(dataset.examples)} examples as {dataset.layout}: {counts}")
    for note in dataset.notes:
        say(f"note: {note}")
    shown = 10 - min(10, sum(dataset.removed.values()))  # the notes say it of what cleaning removed
    for name, reason in dataset.left_out[:shown]:
        say(f"left out {name}: {reason}")
    if len(dataset.left_out) > shown:
        say(f"'genrekit datasets show' lists the {len(dataset.left_out)} that were left out, with reasons")
