"""From a data set and a backend to a bundle: split, prepare, fit, check, measure once, save."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from genrekit import __version__
from genrekit.backends.base import Backend, BackendConfig, Fitted, Prepared
from genrekit.bundle import Bundle, load, save
from genrekit.cache import Cache
from genrekit.card import write_card
from genrekit.datasets import open_dataset
from genrekit.datasets.base import Dataset
from genrekit.errors import BackendError, DatasetError, OutputExistsError
from genrekit.evaluation import Report, report
from genrekit.manifest import Manifest
from genrekit.preparation import Preparer, prepare_all
from genrekit.progress import progress
from genrekit.runtime import Runtime
from genrekit.splits import By, Split, group_keys, make_split

Say = Callable[[str], None]

MAX_CONFUSION_LABELS = 500


@dataclass(frozen=True)
class SplitOptions:
    """How the sides of a data set are made; see `genrekit.splits.make_split`."""

    by: By = "auto"
    test_size: float = 0.2
    valid_size: float = 0.1


@dataclass(frozen=True, eq=False)
class Measured:
    """A report, and behind it a row an example: id, true label, answer, its score in [0, 1]."""

    report: Report
    rows: tuple[tuple[str, str, str, float], ...]


@dataclass(frozen=True, eq=False)
class Trained:
    """A saved bundle, with what its test side gave (None where there was no test side)."""

    path: Path
    bundle: Bundle
    measured: Measured | None


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


def open_for(backend: Backend, source: str | Path, *, merge_labels: bool = False) -> Dataset:
    """Open a source the way a backend reads it: as a table where it understands the columns, else as files."""
    info = backend.info
    schemas = {info.name: info.columns} if info.columns else {}
    return open_dataset(
        source,
        schemas=schemas,
        modality=info.modality,
        prefer="table" if info.columns else "audio",
        merge_labels=merge_labels,
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


def fit_checked(
    backend: Backend,
    train: Prepared,
    valid: Prepared | None,
    labels: tuple[str, ...],
    config: BackendConfig,
    say: Say,
) -> tuple[Fitted, Runtime]:
    """Fit, and hold the exported graph against the native model before anybody relies on it.

    Raises
    ------
    BackendError
        If the graph's scores differ from the native ones by more than the backend's tolerance.
    DatasetError
        If there is nothing to learn: no examples, or one label only.
    """
    seen = int((train.targets.sum(axis=0) > 0).sum())
    if seen < 2:
        raise DatasetError(
            f"The training side has {len(train)} usable examples of {seen} label(s); a classifier needs two labels or more.",
            "Add examples of another label, or make the training side larger.",
        )
    fitted = backend.fit(train, valid if valid and len(valid) else None, labels, config, say)
    runtime = Runtime(fitted.onnx, n_labels=len(labels))
    difference = float(np.abs(runtime.scores(fitted.check_windows) - fitted.check_scores).max(initial=0.0))
    if not difference <= fitted.tolerance:
        raise BackendError(
            f"The exported graph of backend {backend.info.name!r} differs from the native model by {difference:.2g} "
            f"(allowed: {fitted.tolerance:g}); nothing was saved.",
            "Please report this with the versions of scikit-learn, xgboost, onnx and onnxruntime.",
        )
    return fitted, runtime


def train(
    source: str | Path,
    *,
    backend: Backend,
    config: BackendConfig,
    output: str | Path,
    options: SplitOptions | None = None,
    refit: bool = False,
    merge_labels: bool = False,
    licence: str = "",
    jobs: int = 1,
    cache: Cache | None = None,
    overwrite: bool = False,
    say: Say = lambda text: None,
) -> Trained:
    """Train a backend on a data set and save the bundle.

    The test side is held back until the model is final and touched once; its numbers go into the bundle.

    Parameters
    ----------
    source : str or Path
        Anything that `genrekit.datasets.open_dataset` reads.
    backend : Backend
    config : BackendConfig
        An instance of ``backend.Config``.
    output : str or Path
        The bundle to write.
    options : SplitOptions, optional
    refit : bool
        After the test side was measured, fit the same recipe again on all sides; the bundle then holds that
        model, and says that its numbers come from the one before.
    merge_labels : bool
        Whether spellings that mean the same genre become one label.
    licence : str
        The licence of the model, for its card.
    jobs : int >= 1
        Processes that prepare examples.
    cache : Cache, optional
    overwrite : bool
        Whether an existing ``output`` may be replaced.
    say : callable
        Gets lines for a person.

    Returns
    -------
    Trained

    Raises
    ------
    OutputExistsError
        If ``output`` exists and ``overwrite`` is false.
    DatasetError
        If the source cannot be read or has too little to learn from.
    """
    output = Path(output)
    if output.exists() and not overwrite:
        raise OutputExistsError(f"{output} exists.", "Give --overwrite to replace it, or another --output.")
    options = options or SplitOptions()
    dataset = open_for(backend, source, merge_labels=merge_labels)
    describe(dataset, say)
    if any(len(example.labels) > 1 for example in dataset.examples) and not backend.info.multilabel:
        raise DatasetError(
            f"Backend {backend.info.name!r} learns one label an example; this data set has several."
        )
    split = make_split(
        dataset.examples,
        test_size=options.test_size,
        valid_size=options.valid_size,
        seed=config.seed,
        by=options.by,
    )
    say(f"split: {split.method}: {len(split.train)} train, {len(split.valid)} valid, {len(split.test)} test")
    everything = [*split.train, *split.valid, *split.test]
    material = gather(backend, config, dataset, everything, jobs=jobs, cache=cache or Cache(), say=say)
    labels = material.labels(split.train)
    fitted, runtime = fit_checked(
        backend, material.side(split.train, labels), material.side(split.valid, labels), labels, config, say
    )
    measured = None
    if split.test:
        scores = runtime.example_scores(material.side(split.test, labels).windows)
        measured = material.measure(scores, split.test, labels, split)
    if refit:
        say(f"fitting the same recipe again on all {len(material.windows)} examples")
        labels = material.labels(everything)
        fitted, _ = fit_checked(backend, material.side(everything, labels), None, labels, config, say)
    manifest = Manifest(
        name=output.name.removesuffix(".genrekit"),
        backend=backend.info.name,
        modality=backend.info.modality,
        labels=labels,
        multilabel=any(len(example.labels) > 1 for example in dataset.examples),
        config=config.model_dump(mode="json"),
        feature_version=backend.info.feature_version,
        columns=backend.info.columns,
        input_shape=fitted.check_windows.shape[1:],
        thresholds=dict(fitted.thresholds),
        metrics=_kept_metrics(measured.report) if measured else None,
        data=_data_facts(dataset, material, split, options, config, refit=refit),
        history=dict(fitted.history),
        versions=_versions(),
        licence=licence,
        genrekit=__version__,
    )
    save(
        output,
        manifest,
        onnx=fitted.onnx,
        native=fitted.native,
        card=write_card(manifest),
        overwrite=overwrite,
    )
    return Trained(output, load(output), measured)


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


def _data_facts(
    dataset: Dataset,
    material: Material,
    split: Split,
    options: SplitOptions,
    config: BackendConfig,
    *,
    refit: bool,
) -> dict[str, Any]:
    return {
        "source": dataset.source if dataset.layout == "synthetic" else Path(dataset.source).name,
        "layout": dataset.layout,
        "fingerprint": dataset.fingerprint,
        "examples": len(dataset.examples),
        "counts": dataset.counts,
        "left_out": len(dataset.left_out) + len(material.failures),
        "split": {
            "method": split.method,
            "by": options.by,
            "test_size": options.test_size,
            "valid_size": options.valid_size,
            "seed": config.seed,
            "train": len(split.train),
            "valid": len(split.valid),
            "test": len(split.test),
        },
        "fitted_on": "all sides, after the test side was measured" if refit else "train and valid",
    }


def _kept_metrics(report: Report) -> dict[str, Any]:
    """A report as a bundle keeps it: without paths, and without a matrix that would outgrow the manifest."""
    facts = report.to_dict()
    facts["failures"] = len(report.failures)
    if len(report.labels) > MAX_CONFUSION_LABELS:
        del facts["confusion"]
    return facts


def _versions() -> dict[str, str]:
    names = ("numpy", "onnx", "onnxruntime", "scikit-learn", "xgboost")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}
