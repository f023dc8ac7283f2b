"""Fitting with a check of the exported graph against the native model, once or per fold of a cross-validation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from genrekit.backends import Backend, BackendConfig, FitsInFolder, Fitted, Prepared
from genrekit.datasets import Split
from genrekit.errors import BackendError, DatasetError, TrainingError
from genrekit.execution import open_pool
from genrekit.metrics import THRESHOLD
from genrekit.models import Runtime
from genrekit.progress import Epoch, of_training
from genrekit.text import counted
from genrekit.training.copies import copies_of
from genrekit.training.prepared_dataset import Evaluation, PreparedDataset
from genrekit.training.run_folder import RunFolder
from genrekit.types import Say, silent

OnEpoch = Callable[[Epoch], None]


def fit_checked(
    backend: Backend,
    train: Prepared,
    valid: Prepared | None,
    labels: tuple[str, ...],
    config: BackendConfig,
    say: Say,
    *,
    run: RunFolder | None = None,
    part: str = "fit",
    on_epoch: OnEpoch | None = None,
) -> tuple[Fitted, Runtime]:
    """Fit, and check the exported graph against the native model.

    Parameters
    ----------
    backend : Backend
    train : Prepared
    valid : Prepared or None
        Examples for early stopping and calibration.
    labels : tuple of str
        The columns of the targets.
    config : BackendConfig
    say : callable
        Receives progress lines.
    run : RunFolder, optional
        Folder for the checkpoints of backends that support it.
    part : str
        Name of the fit within ``run``; each part has checkpoints of its own.
    on_epoch : callable, optional
        Gets every `genrekit.progress.Epoch`. An exception that it raises ends the training, and is raised here as it is.

    Raises
    ------
    BackendError
        If the graph's scores differ from the native ones by more than the backend's tolerance.
    DatasetError
        If there is nothing to learn: no examples, or a single label.
    """
    seen = int((train.targets.sum(axis=0) > 0).sum())
    if seen < 2:
        raise DatasetError(
            f"The training split has {counted(len(train), 'usable example')} of {counted(seen, 'label')}; a classifier needs two labels or more.",
            "Add examples of another label, or make the training split larger.",
        )
    valid = valid if valid and len(valid) else None
    progress = of_training(say, on_epoch)
    if run and isinstance(backend, FitsInFolder):
        place = run.checkpoints / part
        fitted = backend.fit_in(place, train, valid, labels, config, progress, resume=run.resumes)
    else:
        fitted = backend.fit(train, valid, labels, config, progress)
    runtime = Runtime(fitted.onnx, n_labels=len(labels))
    difference = float(np.abs(runtime.scores(fitted.check_windows) - fitted.check_scores).max(initial=0.0))
    if not difference <= fitted.tolerance:
        raise BackendError(
            f"The exported graph of backend {backend.info.name!r} differs from the native model by {difference:.2g} "
            f"(allowed: {fitted.tolerance:g}); nothing was saved.",
            "Please report this with the versions of scikit-learn, xgboost, onnx and onnxruntime.",
        )
    return fitted, runtime


@dataclass(frozen=True, eq=False)
class FoldScores:
    """The held-out scores of one fold.

    Attributes
    ----------
    indices : tuple of int
        The prepared examples of the fold's test part.
    scores : np.ndarray [shape=(n_indices, n_labels)]
        0 for labels that the fold's training part does not have.
    thresholds : np.ndarray [shape=(n_indices, n_labels)]
        1 for labels that the fold's training part does not have.
    onnx : bytes
        The fitted graph.
    labels : tuple of str
        The labels that the graph scores.
    """

    indices: tuple[int, ...]
    scores: np.ndarray
    thresholds: np.ndarray
    onnx: bytes
    labels: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class FoldRunner:
    """The fit of one fold of several, as a call for worker processes.

    Attributes
    ----------
    backend, config, prepared, folds
        As for `cross_fit`.
    """

    backend: Backend
    config: BackendConfig
    prepared: PreparedDataset
    folds: Sequence[Split]

    def __call__(self, number: int, say: Say = silent, on_epoch: OnEpoch | None = None) -> FoldScores:
        """Fit a fold by its position, and score its test part."""
        prepared, fold = self.prepared, self.folds[number]
        everything = {i for one in self.folds for part in (one.train, one.valid, one.test) for i in part}
        labels = prepared.labels(sorted(everything))
        known = prepared.labels(fold.train)
        train = prepared.select_train(fold.train, known, copies_of(self.config))
        test = prepared.select(fold.test, known)
        valid = prepared.select(prepared.with_label(fold.valid, known), known)
        say(
            f"fold {number + 1} of {len(self.folds)}: {len(train)} train, {len(valid)} valid, {len(test)} test"
        )
        fitted, runtime = fit_checked(self.backend, train, valid, known, self.config, say, on_epoch=on_epoch)
        columns = [labels.index(label) for label in known]
        part, limits = np.zeros((len(test), len(labels))), np.ones((len(test), len(labels)))
        if len(test):
            part[:, columns] = runtime.example_scores(test.windows)
            limits[:, columns] = [fitted.thresholds.get(label, THRESHOLD) for label in known]
        held_out = tuple(i for i in fold.test if i in prepared.windows)
        return FoldScores(held_out, part, limits, fitted.onnx, known)


def fit_folds(
    backend: Backend,
    config: BackendConfig,
    prepared: PreparedDataset,
    folds: Sequence[Split],
    say: Say,
    *,
    on_epoch: OnEpoch | None = None,
    cluster: str | None = None,
) -> Iterator[FoldScores]:
    """Fit one fold after the other, and score its test part by the model that was not trained on it.

    Parameters
    ----------
    backend, config, prepared, folds, say, on_epoch, cluster
        As for `cross_fit`.

    Yields
    ------
    FoldScores
        One per fold, with the columns of all labels of all folds, sorted.

    Raises
    ------
    TrainingError
        If a fold fails on the cluster.
    """
    run = FoldRunner(backend, config, prepared, folds)
    if cluster is None:
        for number in range(len(folds)):
            yield run(number, say, on_epoch)
        return
    with open_pool(1, cluster=cluster) as pool:
        for outcome in pool.map(run, range(len(folds))):
            if outcome.value is None:
                raise TrainingError(f"Fold {outcome.item + 1} of {len(folds)} failed: {outcome.error}")
            say(f"fold {outcome.item + 1} of {len(folds)}: done on the cluster")
            yield outcome.value


def measure_folds(
    config: BackendConfig, prepared: PreparedDataset, folds: Sequence[Split], scored: Sequence[FoldScores]
) -> Evaluation:
    """Measure all held-out scores of some folds together.

    Parameters
    ----------
    config, prepared
        As for `cross_fit`.
    folds : sequence of Split
        All folds: they decide the labels.
    scored : sequence of FoldScores
        What `fit_folds` yielded, for the first folds or for all of them.
    """
    indices = sorted({i for fold in folds for part in (fold.train, fold.valid, fold.test) for i in part})
    order = [i for one in scored for i in one.indices]
    failed = [i for fold in folds[: len(scored)] for i in fold.test if i in prepared.failures]
    return prepared.measure(
        np.concatenate([one.scores for one in scored]),
        [*order, *failed],
        prepared.labels(indices),
        Split((), (), tuple(order), folds[0].method, any(fold.inflated for fold in folds)),
        multilabel=config.multilabel,
        thresholds=np.concatenate([one.thresholds for one in scored]) if config.multilabel else None,
    )


def cross_fit(
    backend: Backend,
    config: BackendConfig,
    prepared: PreparedDataset,
    folds: Sequence[Split],
    say: Say,
    *,
    on_epoch: OnEpoch | None = None,
    cluster: str | None = None,
) -> Evaluation:
    """Score every fold by a model that was not trained on it, and measure all held-out scores together.

    Parameters
    ----------
    backend, config
        The recipe to evaluate.
    prepared : PreparedDataset
        Prepared examples; folds refer to their positions.
    folds : sequence of Split
        As returned by `genrekit.datasets.splits.make_folds`.
    say : callable
        Receives one line per fold.
    on_epoch : callable, optional
        As for `fit_checked`; the epochs of each fold count from 1. Not with ``cluster``.
    cluster : str, optional
        Address of a Dask cluster that fits the folds.
    """
    scored = list(fit_folds(backend, config, prepared, folds, say, on_epoch=on_epoch, cluster=cluster))
    return measure_folds(config, prepared, folds, scored)
