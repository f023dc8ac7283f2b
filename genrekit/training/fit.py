"""Fitting, checked: one fit whose graph was held against the native model, and one a fold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from genrekit.backends import Backend, BackendConfig, FitsInFolder, Fitted, Prepared
from genrekit.datasets import Split
from genrekit.errors import BackendError, DatasetError
from genrekit.metrics import THRESHOLD
from genrekit.models import Runtime
from genrekit.training.prepared_dataset import Material, Measured, Say
from genrekit.training.run_folder import RunFolder


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
) -> tuple[Fitted, Runtime]:
    """Fit, and hold the exported graph against the native model before anybody relies on it.

    With ``run``, a backend that can keeps its checkpoints there, those of each ``part`` apart.

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
    valid = valid if valid and len(valid) else None
    if run and isinstance(backend, FitsInFolder):
        place = run.checkpoints / part
        fitted = backend.fit_in(place, train, valid, labels, config, say, resume=run.resumes)
    else:
        fitted = backend.fit(train, valid, labels, config, say)
    runtime = Runtime(fitted.onnx, n_labels=len(labels))
    difference = float(np.abs(runtime.scores(fitted.check_windows) - fitted.check_scores).max(initial=0.0))
    if not difference <= fitted.tolerance:
        raise BackendError(
            f"The exported graph of backend {backend.info.name!r} differs from the native model by {difference:.2g} "
            f"(allowed: {fitted.tolerance:g}); nothing was saved.",
            "Please report this with the versions of scikit-learn, xgboost, onnx and onnxruntime.",
        )
    return fitted, runtime


def cross_fit(
    backend: Backend, config: BackendConfig, material: Material, folds: Sequence[Split], say: Say
) -> Measured:
    """Score every fold by a model that never saw it, and measure all held-out scores together.

    Parameters
    ----------
    backend, config
        The recipe.
    material : Material
        Prepared examples; the folds count them.
    folds : sequence of Split
        As `genrekit.datasets.splits.make_folds` gives them.
    say : callable
        Gets a line a fold.
    """
    indices = sorted({i for fold in folds for side in (fold.train, fold.valid, fold.test) for i in side})
    labels = material.labels(indices)
    order: list[int] = []
    scores: list[np.ndarray] = []
    thresholds: list[np.ndarray] = []
    for number, fold in enumerate(folds, start=1):
        known = material.labels(fold.train)
        train, test = material.side(fold.train, known), material.side(fold.test, known)
        valid = material.side(material.with_label(fold.valid, known), known)
        say(f"fold {number} of {len(folds)}: {len(train)} train, {len(valid)} valid, {len(test)} test")
        fitted, runtime = fit_checked(backend, train, valid, known, config, say)
        if len(test):
            columns = [labels.index(label) for label in known]
            part, limits = np.zeros((len(test), len(labels))), np.ones((len(test), len(labels)))
            part[:, columns] = runtime.example_scores(test.windows)
            limits[:, columns] = [fitted.thresholds.get(label, THRESHOLD) for label in known]
            scores.append(part)
            thresholds.append(limits)
            order.extend(i for i in fold.test if i in material.windows)
    split = Split((), (), tuple(order), folds[0].method, any(fold.inflated for fold in folds))
    failed = [i for fold in folds for i in fold.test if i in material.failures]
    return material.measure(
        np.concatenate(scores),
        [*order, *failed],
        labels,
        split,
        multilabel=config.multilabel,
        thresholds=np.concatenate(thresholds) if config.multilabel else None,
    )
