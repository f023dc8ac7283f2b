"""Measurement of one trial: settings on grouped folds, stopped early where it is clearly worse."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from genrekit.backends import Backend, BackendConfig
from genrekit.datasets import Split
from genrekit.errors import GenrekitError
from genrekit.metrics import Draws, is_better, paired_draws
from genrekit.models import Runtime
from genrekit.preparation import Cache, Preparer
from genrekit.text import counted
from genrekit.training.early_stop import Curve, Stop, Watch
from genrekit.training.fit import FoldScores, fit_folds, measure_folds
from genrekit.training.prepared_dataset import PreparedDataset, preparation
from genrekit.types import silent

PREDICT_MS = "predict_ms"
N_TIMED = 5


@dataclass(frozen=True, eq=False)
class Result:
    """The result of one trial.

    Attributes
    ----------
    metrics : Mapping of str to float
        Over all folds together; over the folds that were seen, if it was stopped.
    folds : int
        Number of measured folds.
    stopped : str
        Why it was stopped early; empty if it was not.
    error : str
        Why it failed; empty if it did not.
    curve : Curve
        Of the first network of the first fold; empty without epochs.
    scores, targets, groups : np.ndarray or None
        Of the held-out examples, in the order of the folds.
    fold_of : np.ndarray or None
        The fold of every held-out example.
    thresholds : np.ndarray or None
        Multi-label only.
    labels : tuple of str
        The columns.
    seconds : float
    """

    metrics: Mapping[str, float] = field(default_factory=dict)
    folds: int = 0
    stopped: str = ""
    error: str = ""
    curve: Curve = ()
    scores: np.ndarray | None = None
    targets: np.ndarray | None = None
    groups: np.ndarray | None = None
    fold_of: np.ndarray | None = None
    thresholds: np.ndarray | None = None
    labels: tuple[str, ...] = ()
    seconds: float = 0.0

    def draws(self, n_folds: int | None = None) -> Draws:
        """Measure the first folds, or all, with paired resamples."""
        assert self.scores is not None
        assert self.fold_of is not None
        assert self.targets is not None
        seen = self.fold_of < (self.folds if n_folds is None else n_folds)
        assert self.groups is not None
        limits = None if self.thresholds is None else self.thresholds[seen]
        return paired_draws(
            self.scores[seen],
            self.targets[seen],
            self.labels,
            self.groups[seen],
            multilabel=limits is not None,
            thresholds=limits,
        )


@dataclass(frozen=True)
class Rules:
    """Rules of stopping a trial early, and what is measured.

    Attributes
    ----------
    prune : {'folds', 'epochs', 'no'}
    metric : str
        Metric that is compared after a fold.
    best : Result or None
        The best of the batches that are told.
    curves : sequence of Curve
        Those of the trials that are told.
    timed : bool
        Whether to measure the time of a prediction.
    """

    prune: str = "no"
    metric: str = ""
    best: Result | None = None
    curves: tuple[Curve, ...] = ()
    timed: bool = False


def run_trial(
    backend: Backend,
    config: BackendConfig,
    prepared: PreparedDataset,
    folds: Sequence[Split],
    rules: Rules,
    threads: int,
) -> Result:
    """Measure one trial; an error is a result with its reason.

    Parameters
    ----------
    backend, config
        The recipe.
    prepared : PreparedDataset
    folds : sequence of Split
        In the order in which they are measured.
    rules : Rules
    threads : int >= 1
        BLAS threads.
    """
    start_s = time.perf_counter()
    watch = Watch(rules.curves if rules.prune == "epochs" else ())
    scored: list[FoldScores] = []
    try:
        with threadpool_limits(threads):
            for fold in fit_folds(backend, config, prepared, folds, silent, on_epoch=watch):
                scored.append(fold)
                watch.over = True
                found = _result(config, prepared, folds, scored, watch)
                if len(scored) < len(folds) and _is_worse(found, rules):
                    words = f"worse than the best after {len(scored)} of {counted(len(folds), 'fold')}"
                    metrics = _metrics(config, prepared, folds, scored)
                    return replace(
                        found, metrics=metrics, stopped=words, seconds=time.perf_counter() - start_s
                    )
            metrics = _metrics(config, prepared, folds, scored)
            if rules.timed:
                metrics[PREDICT_MS] = _predict_ms(backend, config, prepared, scored[-1])
    except Stop as stop:
        seconds = time.perf_counter() - start_s
        return Result(stopped=str(stop), curve=watch.curve, seconds=seconds)
    except GenrekitError as error:
        return Result(folds=len(scored), error=str(error), seconds=time.perf_counter() - start_s)
    except (
        MemoryError,
        ArithmeticError,
        ValueError,
        RuntimeError,
    ) as error:  # of a library, for settings that it refuses
        words = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        return Result(folds=len(scored), error=words, seconds=time.perf_counter() - start_s)
    values = [value for value in metrics.values() if not np.isfinite(value)]
    if values:
        return Result(
            folds=len(scored), error="a metric is not a number", seconds=time.perf_counter() - start_s
        )
    return replace(found, metrics=metrics, seconds=time.perf_counter() - start_s)


@dataclass(frozen=True, eq=False)
class TrialRunner:
    """`run_trial` for many configs, as a call for worker processes.

    Attributes
    ----------
    backend, folds, rules, threads
        As for `run_trial`.
    prepared : Mapping of str to PreparedDataset
        By `genrekit.training.preparation`.
    """

    backend: Backend
    prepared: Mapping[str, PreparedDataset]
    folds: Sequence[Split]
    rules: Rules
    threads: int

    def __call__(self, config: BackendConfig) -> Result:
        """Measure one config."""
        prepared = self.prepared[preparation(self.backend, config)]
        return run_trial(self.backend, config, prepared, self.folds, self.rules, self.threads)


def _is_worse(found: Result, rules: Rules) -> bool:
    if rules.prune != "folds" or rules.best is None or rules.best.scores is None:
        return False
    best, its = rules.best.draws(found.folds), found.draws()
    return rules.metric in best and is_better(best, its, rules.metric)


def _metrics(
    config: BackendConfig, prepared: PreparedDataset, folds: Sequence[Split], scored: Sequence[FoldScores]
) -> dict[str, float]:
    report = measure_folds(config, prepared, folds, scored).report
    return {name: float(estimate.value) for name, estimate in report.metrics.items()}


def _result(
    config: BackendConfig,
    prepared: PreparedDataset,
    folds: Sequence[Split],
    scored: Sequence[FoldScores],
    watch: Watch,
) -> Result:
    """Return the result after some of the folds, without the metrics."""
    everything = {i for fold in folds for part in (fold.train, fold.valid, fold.test) for i in part}
    labels = prepared.labels(sorted(everything))
    selected = prepared.select([i for one in scored for i in one.indices], labels)
    return Result(
        folds=len(scored),
        curve=watch.curve,
        scores=np.concatenate([one.scores for one in scored]).astype(np.float32),
        targets=selected.targets > 0,
        groups=selected.groups,
        fold_of=np.repeat(np.arange(len(scored)), [len(one.indices) for one in scored]),
        thresholds=np.concatenate([one.thresholds for one in scored]) if config.multilabel else None,
        labels=labels,
    )


def _predict_ms(
    backend: Backend, config: BackendConfig, prepared: PreparedDataset, scored: FoldScores
) -> float:
    """Return the median milliseconds to prepare and score one example, without the cache."""
    runtime = Runtime(scored.onnx, n_labels=len(scored.labels))
    preparer = Preparer(backend, config, Cache(enabled=False))
    times_s = []
    for i in scored.indices[: N_TIMED + 1]:
        start_s = time.perf_counter()
        windows = preparer(prepared.dataset.examples[i])
        runtime.example_scores([windows.values])
        times_s.append(time.perf_counter() - start_s)
    return 1000 * statistics.median(times_s[1:] or times_s)
