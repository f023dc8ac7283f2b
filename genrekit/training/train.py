"""Training of a bundle: split, prepare, fit, check, measure once, save."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from genrekit.backends import Backend, BackendConfig, FitsInFolder, Fitted, Prepared, resolve
from genrekit.datasets import Ambiguous, Dataset, Reading, SplitOptions, check_terms, make_split
from genrekit.distributed import rank, world_size
from genrekit.errors import OutputExistsError, UsageError
from genrekit.models import KEYS, Bundle, Runtime, dump_keys, dumps, load, loads, save, write_card
from genrekit.preparation import Cache
from genrekit.text import counted
from genrekit.training.combinations import configs, preparations
from genrekit.training.copies import copies_of, with_copies
from genrekit.training.encode import encoded
from genrekit.training.fingerprint import data_fingerprint
from genrekit.training.fit import OnEpoch, fit_checked
from genrekit.training.grid import SUFFIX as GRID_SUFFIX
from genrekit.training.grid import Candidate, search
from genrekit.training.learning_curve import LearningCurve, learning_curve, learning_files
from genrekit.training.learnt import learnt_keys
from genrekit.training.manifest import data_facts, make_manifest
from genrekit.training.opening import check_fit, describe, open_for
from genrekit.training.prepared_dataset import Evaluation, PreparedDataset, gather, preparation
from genrekit.training.run_folder import RunFolder, beside
from genrekit.types import Say, Sources, silent


@dataclass(frozen=True, eq=False)
class Trained:
    """A saved bundle and its evaluation on the test split (None without a test split)."""

    path: Path
    bundle: Bundle
    measured: Evaluation | None
    curve: LearningCurve | None = None


def train(
    source: Sources | Dataset,
    *,
    backend: Backend | str = "gtzan",
    config: BackendConfig | Mapping[str, Any] | None = None,
    output: str | Path,
    options: SplitOptions | None = None,
    refit: bool = False,
    grid: Mapping[str, Sequence[Any]] | None = None,
    curve_parts: int | None = None,
    merge_labels: bool = False,
    ambiguous: Ambiguous = "drop",
    read: Reading | None = None,
    about: str = "",
    licence: str = "",
    keys: bool = True,
    jobs: int = 1,
    cache: Cache | None = None,
    cluster: str | None = None,
    overwrite: bool = False,
    resume: bool = False,
    record: Mapping[str, Any] | None = None,
    parent: str | None = None,
    say: Say = silent,
    on_epoch: OnEpoch | None = None,
) -> Trained:
    """Train a backend on a data set and save the bundle.

    The test split is held back until the model is final and used once; its numbers are stored in the bundle.

    Parameters
    ----------
    source : str, Path or DataFrame, or a sequence of them, or Dataset
        Anything that `genrekit.datasets.open_dataset` reads; several are one data set. A data set that is open already is
        taken as it is.
    backend : Backend or str
        The backend or its name.
    config : BackendConfig or Mapping, optional
        Config of the backend, or values for it.
    output : str or Path
        The bundle to write.
    options : SplitOptions, optional
        Options of the split; without a seed of their own they use that of ``config``, even if a grid varies the seed.
    refit : bool
        After the test split was measured, fit the same recipe again on all splits; the bundle then holds that model, and
        states that its numbers come from the model before.
    grid : Mapping of str to sequence, optional
        Values of settings; the best combination on grouped folds of the training and validation splits is used.
        Examples are prepared once per combination of settings that ``prepare`` depends on.
        The table of results is written next to ``output``, as ``NAME.grid.csv``.
    curve_parts : int >= 2, optional
        After the test split was measured, fit the same recipe on as many growing parts of the groups and measure these on the
        test split, too; written next to ``output`` as ``NAME.learning.csv`` and ``NAME.learning.png``.
    merge_labels : bool
        Whether to merge spellings that mean the same genre into one label.
    ambiguous : {'drop', 'first', 'multi'}
        Treatment of tracks that a table lists under more than one genre.
    read : {'table', 'audio', 'spectrogram'}, optional
        Content to read if the source has more than one kind; by default what suits the backend best.
    about : str
        Sentences for the model card; at most 4000 characters.
    licence : str
        The licence of the model, for its card; at most 1000 characters.
    keys : bool
        Whether the bundle gets content keys of what was learnt, by which `genrekit.evaluation.evaluate` recognises
        it. Anyone who has the bundle and a file can then ask whether it was learnt.
    jobs : int >= 1
        Number of processes that prepare examples.
    cache : Cache, optional
    cluster : str, optional
        Address of a Dask cluster that prepares examples, and measures the combinations of a grid: ``dask://host:port``.
    overwrite : bool
        Whether an existing ``output`` may be replaced.
    resume : bool
        Whether to resume an interrupted training, for backends with networks; see `genrekit.training.run_folder`.
        Without a checkpoint to resume from, training starts from the beginning.
    record : Mapping, optional
        JSON-able facts for the history of the bundle, such as how its settings were found.
    parent : str, optional
        SHA-256 of the bundle of which this is the next version, for its manifest.
    say : callable
        Receives progress lines for the user.
    on_epoch : callable, optional
        Gets a `genrekit.progress.Epoch` after every epoch of a network, or round of boosting, of the final training and
        its refit. To stop a training, raise an exception of your own: it is passed on as it is, nothing is saved, and
        ``resume`` continues after the last checkpoint.

    Returns
    -------
    Trained

    Raises
    ------
    OutputExistsError
        If ``output`` exists and ``overwrite`` is false.
    DatasetError
        If the source cannot be read, has too little to learn from, or its terms forbid training on it.
    """
    backend, config = resolve(backend, config)
    output = Path(output)
    if output.exists() and not overwrite:
        raise OutputExistsError(f"{output} exists.", "Use --overwrite to replace it, or another --output.")
    if curve_parts is not None and world_size() > 1:
        raise UsageError(
            "A learning curve is not measured under torchrun.",
            "Omit --learning-curve, or train in one process.",
        )
    if curve_parts is not None and not overwrite:
        for file in learning_files(output):
            if file.exists():
                raise OutputExistsError(
                    f"{file} exists.", "Use --overwrite to replace it, or another --output."
                )
    if parent is not None and not re.fullmatch(r"[0-9a-f]{64}", parent):
        raise UsageError(f"A parent is the SHA-256 of a bundle, 64 hexadecimal digits, not {parent!r}.")
    options = options or SplitOptions()
    if options.seed is None:
        options = replace(options, seed=config.seed)
    if resume and not isinstance(backend, FitsInFolder):
        raise UsageError(
            f"Backend {backend.info.name!r} trains in one go and cannot resume.", "Omit --resume."
        )
    wanted = configs(backend, config, grid) if grid else []  # a wrong setting is found before an hour of work
    if isinstance(source, Dataset):
        dataset = source
        check_fit(dataset, backend, config)
    else:
        dataset = open_for(backend, config, source, merge_labels=merge_labels, ambiguous=ambiguous, read=read)
    for _, one in wanted:
        check_fit(dataset, backend, one)
    check_terms(dataset)
    describe(dataset, say)
    if isinstance(backend, FitsInFolder):
        backend.ready(config)
    split = make_split(dataset.examples, **asdict(options))
    say(f"split: {split.method}: {len(split.train)} train, {len(split.valid)} valid, {len(split.test)} test")
    if curve_parts is not None and not split.test:
        raise UsageError(
            "A learning curve is measured on the test split, and there is none.",
            "Use --test-size above 0, or omit --learning-curve.",
        )
    everything = [*split.train, *split.valid, *split.test]
    cache = cache or Cache()
    prepared_datasets: dict[str, PreparedDataset] = {}
    several = preparations(backend, [one for _, one in wanted] or [config])
    for key, one in several.items():
        if len(several) > 1:
            say(f"preparing with {key}")
        prepared = gather(
            backend, one, dataset, everything, jobs=jobs, cache=cache, cluster=cluster, keys=keys, say=say
        )
        prepared = encoded(backend, one, prepared, cache)
        copied = everything if refit else [*split.train, *split.valid] if grid else list(split.train)
        prepared_datasets[key] = with_copies(
            backend,
            one,
            prepared,
            copied,
            copies=max(map(copies_of, [config for _, config in wanted] or [config])),
            jobs=jobs,
            cache=cache,
            cluster=cluster,
            say=say,
        )
    candidates: list[Candidate] = []
    if grid:
        config, candidates = search(
            backend,
            config,
            grid,
            prepared_datasets,
            split,
            table=output.with_name(output.name.removesuffix(".genrekit") + GRID_SUFFIX),
            by=options.by,
            valid_size=options.valid_size,
            jobs=jobs,
            cluster=cluster,
            overwrite=overwrite,
            say=say,
        )
    prepared = prepared_datasets[preparation(backend, config)]
    del prepared_datasets
    labels = prepared.labels(split.train)
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
        prepared.select_train(split.train, labels, copies_of(config)),
        prepared.select(prepared.with_label(split.valid, labels), labels),
        labels,
        config,
        say,
        run=run,
        on_epoch=on_epoch,
    )
    measured, curve = None, None
    if split.test:
        scores = runtime.example_scores(prepared.select(split.test, labels).windows)
        measured = prepared.measure(
            scores, split.test, labels, split, multilabel=config.multilabel, thresholds=fitted.thresholds
        )
        if curve_parts is not None:
            curve = learning_curve(
                backend, config, prepared, split, fitted, scores, n_parts=curve_parts, say=say
            )
    if refit:
        say(f"fitting the same recipe again on all {counted(len(prepared.windows), 'example')}")
        labels = prepared.labels(everything)
        fitted, runtime = _refit(
            backend,
            prepared.select_train(everything, labels, copies_of(config)),
            labels,
            config,
            fitted,
            say,
            run,
            on_epoch,
        )
    native = dict(fitted.native)
    data = data_facts(dataset, prepared, split, refit=refit)
    if keys:
        learnt = learnt_keys(prepared, everything if refit else [*split.train, *split.valid], backend.info)
        native[KEYS] = dump_keys(learnt)
        data["keys"] = learnt.counts
    manifest = make_manifest(
        backend,
        config,
        fitted,
        runtime,
        labels,
        name=output.name.removesuffix(".genrekit"),
        measured=measured.report if measured else None,
        data=data,
        data_fingerprint=data_fingerprint(prepared, split),
        parent=parent,
        history={
            **(record or {}),
            **({"grid": [c.row() for c in candidates]} if grid else {}),
            **({"learning_curve": curve.to_dict()} if curve else {}),
        },
        about=about,
        licence=licence,
    )
    onnx, card = fitted.onnx, write_card(manifest)
    if rank():  # the first process saves
        return Trained(output, loads(dumps(manifest, onnx=onnx, native=native, card=card)), measured)
    save(output, manifest, onnx=onnx, native=native, card=card, overwrite=overwrite)
    if curve:
        curve.write(output)
    if run:
        run.finish(manifest.history, measured.report if measured else None)
    return Trained(output, load(output), measured, curve)


def _refit(
    backend: Backend,
    prepared: Prepared,
    labels: tuple[str, ...],
    config: BackendConfig,
    fitted: Fitted,
    say: Say,
    run: RunFolder | None,
    on_epoch: OnEpoch | None,
) -> tuple[Fitted, Runtime]:
    """Fit on all splits; keep what was tuned on the validation split, unless the backend tunes it itself."""
    if not isinstance(backend, FitsInFolder):
        return fit_checked(backend, prepared, None, labels, config, say, on_epoch=on_epoch)
    again, runtime = fit_checked(
        backend,
        prepared,
        None,
        labels,
        backend.refit_config(config, fitted),
        say,
        run=run,
        part="refit",
        on_epoch=on_epoch,
    )
    thresholds = {label: fitted.thresholds.get(label, value) for label, value in again.thresholds.items()}
    history = {key: value for key, value in fitted.history.items() if key != "distance"}
    history |= {key: again.history[key] for key in ("distance",) if key in again.history}
    history["refit"] = again.history["train"]
    return replace(again, thresholds=thresholds, history=history), runtime
