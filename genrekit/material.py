"""A data set on its way to a model: opened as a backend reads it, prepared, measured."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from genrekit.backends.base import Backend, BackendConfig, Prepared
from genrekit.cache import Cache
from genrekit.datasets import open_dataset
from genrekit.datasets.base import Dataset
from genrekit.errors import DatasetError
from genrekit.evaluation import Report, report
from genrekit.preparation import Preparer, prepare_all
from genrekit.progress import progress
from genrekit.splits import Split, group_keys

Say = Callable[[str], None]

ROW_SR = 22050


@dataclass(frozen=True, eq=False)
class Measured:
    """A report, and behind it a row an example: id, true label, answer, its score in [0, 1]."""

    report: Report
    rows: tuple[tuple[str, str, str, float], ...]


@dataclass(frozen=True, eq=False)
class Material:
    """A data set that went through ``prepare``: windows by the position of the example, failures likewise."""

    dataset: Dataset
    windows: dict[int, np.ndarray]
    failures: dict[int, str] = field(default_factory=dict)

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
        )

    def with_label(self, indices: Sequence[int], labels: Sequence[str]) -> list[int]:
        """Those among ``indices`` that have one of ``labels``."""
        return [i for i in indices if set(self.dataset.examples[i].labels) & set(labels)]

    def measure(
        self, scores: np.ndarray, indices: Sequence[int], labels: Sequence[str], split: Split
    ) -> Measured:
        """Measure the scores of the prepared examples among ``indices`` [shape=(n_prepared, n_labels)].

        Raises
        ------
        DatasetError
            If not one of them could be prepared, or has a label that the model knows.
        """
        side = self.side(indices, labels)
        kept = [self.dataset.examples[i] for i in indices if i in self.windows]
        unknown = Counter(e.labels[0] for e in kept if not set(e.labels) & set(labels))
        measured = report(
            scores,
            side.targets,
            labels,
            side.groups,
            split=split.method,
            inflated=split.inflated,
            unknown_labels=unknown,
            failures=[(self.dataset.examples[i].id, self.failures[i]) for i in indices if i in self.failures],
        )
        best = scores.argmax(axis=1)
        rows = tuple(
            (example.id, "|".join(example.labels), labels[k], float(row[k]))
            for example, k, row in zip(kept, best, scores, strict=True)
        )
        return Measured(measured, rows)


def open_for(
    backend: Backend,
    config: BackendConfig,
    source: str | Path,
    *,
    merge_labels: bool = False,
    read: Literal["table", "audio"] | None = None,
) -> Dataset:
    """Open a source the way a backend reads it: as a table where it understands the columns, else as files.

    Parameters
    ----------
    backend, config
        What will prepare the examples.
    source, merge_labels
        As for `genrekit.datasets.open_dataset`.
    read : {'table', 'audio'}, optional
        What to read where the source holds both.

    Raises
    ------
    DatasetError
        If the source cannot be read so, has several labels an example, or rows of another window length.
    """
    info = backend.info
    tables = {info.name: info.columns} if info.columns and read != "audio" else {}
    dataset = open_dataset(
        source,
        schemas=tables,
        modality=info.modality,
        prefer=read or ("table" if tables else "audio"),
        merge_labels=merge_labels,
    )
    if several := [example.id for example in dataset.examples if len(example.labels) > 1]:
        raise DatasetError(
            f"{several[0]} and {len(several) - 1} others have several labels; one label an example can be learned.",
            "Keep one of them in the label column.",
        )
    _check_window_length(dataset, config)
    return dataset


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
    say: Say,
) -> Material:
    """Prepare the examples at ``indices``; what cannot be read is listed, never replaced.

    Raises
    ------
    DatasetError
        If not one of them can be prepared.
    """
    windows: dict[int, np.ndarray] = {}
    failures: dict[int, str] = {}
    examples = [dataset.examples[i] for i in indices]
    outcomes = prepare_all(Preparer(backend, config, cache), examples, jobs=jobs)
    with progress(len(examples), "preparing") as advance:
        for i, outcome in zip(indices, outcomes, strict=True):
            if outcome.value is None:
                failures[i] = outcome.error or "failed"
            else:
                windows[i] = outcome.value.values
            advance()
    cache.prune()
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
    for name, reason in dataset.left_out[:10]:
        say(f"left out {name}: {reason}")
    if len(dataset.left_out) > 10:
        say(f"left out {len(dataset.left_out) - 10} more; 'genrekit datasets show' lists them")
