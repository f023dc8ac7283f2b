"""From a data set and a backend to a bundle: split, prepare, fit, check, measure once, save."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from genrekit import __version__
from genrekit.backends import Backend, BackendConfig, FitsInFolder, Fitted, Prepared, resolve
from genrekit.datasets import Ambiguous, By, Dataset, Reading, Split, make_split
from genrekit.distributed import rank
from genrekit.errors import OutputExistsError, UsageError
from genrekit.hashing import hash_file
from genrekit.metrics import Report
from genrekit.models import Bundle, Manifest, Runtime, dumps, load, loads, save, write_card
from genrekit.preparation import Cache
from genrekit.training.encode import encoded
from genrekit.training.fit import fit_checked
from genrekit.training.grid import SUFFIX as GRID_SUFFIX
from genrekit.training.grid import Candidate, configs, search
from genrekit.training.prepared_dataset import Material, Measured, Say, describe, gather, open_for
from genrekit.training.run_folder import RunFolder, beside

MAX_CONFUSION_LABELS = 500


@dataclass(frozen=True)
class SplitOptions:
    """How the sides of a data set are made; see `genrekit.datasets.splits.make_split`."""

    by: By = "auto"
    test_size: float = 0.2
    valid_size: float = 0.1


@dataclass(frozen=True, eq=False)
class Trained:
    """A saved bundle, with what its test side gave (None where there was no test side)."""

    path: Path
    bundle: Bundle
    measured: Measured | None


def train(
    source: str | Path,
    *,
    backend: Backend | str = "gtzan",
    config: BackendConfig | Mapping[str, Any] | None = None,
    output: str | Path,
    options: SplitOptions | None = None,
    refit: bool = False,
    grid: Mapping[str, Sequence[Any]] | None = None,
    merge_labels: bool = False,
    ambiguous: Ambiguous = "drop",
    read: Reading | None = None,
    about: str = "",
    licence: str = "",
    jobs: int = 1,
    cache: Cache | None = None,
    cluster: str | None = None,
    overwrite: bool = False,
    resume: bool = False,
    say: Say = lambda text: None,
) -> Trained:
    """Train a backend on a data set and save the bundle.

    The test side is held back until the model is final and touched once; its numbers go into the bundle.

    Parameters
    ----------
    source : str or Path
        Anything that `genrekit.datasets.open_dataset` reads.
    backend : Backend or str
        A backend or its name.
    config : BackendConfig or Mapping, optional
        Its Config, or values for it.
    output : str or Path
        The bundle to write.
    options : SplitOptions, optional
    refit : bool
        After the test side was measured, fit the same recipe again on all sides; the bundle then holds that
        model, and says that its numbers come from the one before.
    grid : Mapping of str to sequence, optional
        Values of settings; the best combination on grouped folds of the training and validation sides is taken.
        Its table stands beside ``output``, ``NAME.grid.csv``.
    merge_labels : bool
        Whether spellings that mean the same genre become one label.
    ambiguous : {'drop', 'first', 'multi'}
        What becomes of a track of a table that stands under several genres.
    read : {'table', 'audio', 'spectrogram'}, optional
        What to read where the source holds several; by default what the backend understands best.
    about : str
        Sentences for the card; at most 4000 characters.
    licence : str
        The licence of the model, for its card; at most 1000 characters.
    jobs : int >= 1
        Processes that prepare examples.
    cache : Cache, optional
    cluster : str, optional
        A Dask cluster that prepares examples: ``dask://host:port``.
    overwrite : bool
        Whether an existing ``output`` may be replaced.
    resume : bool
        Whether a training that was interrupted goes on, for backends with networks; see
        `genrekit.training.run_folder`. Where there is nothing to go on from, it starts.
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
    backend, config = resolve(backend, config)
    output = Path(output)
    if output.exists() and not overwrite:
        raise OutputExistsError(f"{output} exists.", "Give --overwrite to replace it, or another --output.")
    options = options or SplitOptions()
    if resume and not isinstance(backend, FitsInFolder):
        raise UsageError(
            f"Backend {backend.info.name!r} trains in one go and cannot resume.", "Leave --resume out."
        )
    if grid:
        configs(backend, config, grid)  # a wrong setting is found before an hour of work
    dataset = open_for(backend, config, source, merge_labels=merge_labels, ambiguous=ambiguous, read=read)
    describe(dataset, say)
    if isinstance(backend, FitsInFolder):
        backend.ready(config)
    split = make_split(
        dataset.examples,
        test_size=options.test_size,
        valid_size=options.valid_size,
        seed=config.seed,
        by=options.by,
    )
    say(f"split: {split.method}: {len(split.train)} train, {len(split.valid)} valid, {len(split.test)} test")
    everything = [*split.train, *split.valid, *split.test]
    cache = cache or Cache()
    material = gather(backend, config, dataset, everything, jobs=jobs, cache=cache, cluster=cluster, say=say)
    material = encoded(backend, config, material, cache)
    candidates: list[Candidate] = []
    if grid:
        config, candidates = search(
            backend,
            config,
            grid,
            material,
            split,
            table=output.with_name(output.name.removesuffix(".genrekit") + GRID_SUFFIX),
            by=options.by,
            valid_size=options.valid_size,
            jobs=jobs,
            overwrite=overwrite,
            say=say,
        )
    labels = material.labels(split.train)
    run = None
    if isinstance(backend, FitsInFolder):
        facts = {
            "backend": backend.info.name,
            "config": config.model_dump(mode="json"),
            "data": [dataset.fingerprint, split.method, *map(len, (split.train, split.valid, split.test))],
        }
        run = RunFolder(beside(output), facts, resume=resume, overwrite=overwrite)
        if resume and not run.resumes:
            say(f"there is nothing to resume at {run.path}; training starts")
    fitted, runtime = fit_checked(
        backend,
        material.side(split.train, labels),
        material.side(material.with_label(split.valid, labels), labels),
        labels,
        config,
        say,
        run=run,
    )
    measured = None
    if split.test:
        scores = runtime.example_scores(material.side(split.test, labels).windows)
        measured = material.measure(
            scores, split.test, labels, split, multilabel=config.multilabel, thresholds=fitted.thresholds
        )
    if refit:
        say(f"fitting the same recipe again on all {len(material.windows)} examples")
        labels = material.labels(everything)
        fitted, runtime = _refit(backend, material.side(everything, labels), labels, config, fitted, say, run)
    manifest = Manifest(
        name=output.name.removesuffix(".genrekit"),
        backend=backend.info.name,
        modality=backend.info.modality,
        labels=labels,
        multilabel=config.multilabel,
        config=config.model_dump(mode="json"),
        feature_version=backend.info.feature_version,
        columns=backend.info.columns,
        input_shape=fitted.check_windows.shape[1:],
        outputs=runtime.declaration(fitted.distance_threshold),
        thresholds=dict(fitted.thresholds),
        metrics=_kept_metrics(measured.report) if measured else None,
        data=_data_facts(dataset, material, split, options, config, refit=refit),
        history={**fitted.history, **({"grid": [c.row() for c in candidates]} if grid else {})},
        versions=_versions(),
        about=" ".join(about.split()),
        licence=licence,
        genrekit=__version__,
    )
    onnx, native, card = fitted.onnx, fitted.native, write_card(manifest)
    if rank():  # the first process saves
        return Trained(output, loads(dumps(manifest, onnx=onnx, native=native, card=card)), measured)
    save(output, manifest, onnx=onnx, native=native, card=card, overwrite=overwrite)
    if run:
        run.finish(manifest.history, measured.report if measured else None)
    return Trained(output, load(output), measured)


def _refit(
    backend: Backend,
    side: Prepared,
    labels: tuple[str, ...],
    config: BackendConfig,
    fitted: Fitted,
    say: Say,
    run: RunFolder | None,
) -> tuple[Fitted, Runtime]:
    """Fit on all sides; what was tuned on the validation side stays, where the backend tunes nothing itself."""
    if not isinstance(backend, FitsInFolder):
        return fit_checked(backend, side, None, labels, config, say)
    again, runtime = fit_checked(
        backend, side, None, labels, backend.refit_config(config, fitted), say, run=run, part="refit"
    )
    thresholds = {label: fitted.thresholds.get(label, value) for label, value in again.thresholds.items()}
    history = {**fitted.history, "refit": again.history["train"]}
    return replace(again, thresholds=thresholds, history=history), runtime


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
        **({"sha256": hash_file(dataset.source)} if Path(dataset.source).is_file() else {}),
        "examples": len(material.windows),
        "counts": dict(
            Counter(label for i in sorted(material.windows) for label in sorted(dataset.examples[i].labels))
        ),
        "left_out": len(dataset.left_out) + len(material.failures),
        "removed": dict(dataset.removed),
        "notes": list(dataset.notes),
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
    names = ("numpy", "onnx", "onnxruntime", "scikit-learn", "xgboost", "torch", "torchvision", "lightning")
    found = {"python": platform.python_version()}
    for name in names:
        with suppress(PackageNotFoundError):  # some libraries come under several distribution names
            found[name] = version(name)
    return found
