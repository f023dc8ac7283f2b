"""Search over settings by Bayesian optimisation on grouped folds: ask a batch, measure it, tell it in order."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from genrekit import training
from genrekit.backends import Backend, BackendConfig, FitsInFolder, resolve
from genrekit.datasets import Ambiguous, Reading, SplitOptions, check_terms, make_split
from genrekit.errors import GenrekitError, OutputExistsError, TrainingError
from genrekit.execution import default_jobs, open_pool
from genrekit.metrics import Estimate
from genrekit.preparation import Cache
from genrekit.text import counted
from genrekit.training import (
    PreparedDataset,
    Result,
    Rules,
    Trained,
    TrialRunner,
    beside,
    describe,
    encoded,
    gather,
    open_for,
    preparation,
    search_folds,
)
from genrekit.tuning.batches import made, search_batches
from genrekit.tuning.folder import folder_of, locked
from genrekit.tuning.goals import Pick, Prune, check_objectives, check_options
from genrekit.tuning.report import write_report
from genrekit.tuning.space import Space, make_space
from genrekit.tuning.study import Study
from genrekit.tuning.winner import gain_of, pick_winner
from genrekit.tuning.words import sentence_of, words_of
from genrekit.types import Say, silent

if TYPE_CHECKING:
    from genrekit.execution import AnyPool

_PREPARED_AT_ONCE = 4


@dataclass(frozen=True, eq=False)
class Tuned:
    """The outcome of a search.

    Attributes
    ----------
    trained : Trained
        The bundle with the chosen settings, and its evaluation on the test split.
    settings : Mapping
        The chosen values of the space; those of the defaults if nothing was better on the folds.
    is_default : bool
    gain : Estimate
        Value of the defaults minus value of the winner in the first objective (the other way round where larger is
        better), on the folds, with its interval paired over groups: above 0 means better.
    folder : Path
        Journal, table and report.
    words : tuple of str
        What the report says.
    """

    trained: Trained
    settings: Mapping[str, Any]
    is_default: bool
    gain: Estimate
    folder: Path
    words: tuple[str, ...]


def tune(
    source: str | Path | Sequence[str | Path],
    *,
    backend: Backend | str,
    config: BackendConfig | Mapping[str, Any] | None = None,
    output: str | Path,
    space: Sequence[str] | Space = (),
    trials: int = 50,
    timeout_s: float | None = None,
    batch: int = 4,
    jobs: int = 1,
    seed: int = 0,
    objectives: Sequence[str] = (),
    pick: Pick = "knee",
    prune: Prune = "folds",
    options: SplitOptions | None = None,
    merge_labels: bool = False,
    ambiguous: Ambiguous = "drop",
    read: Reading | None = None,
    cache: Cache | None = None,
    cluster: str | None = None,
    resume: bool = False,
    overwrite: bool = False,
    say: Say = silent,
) -> Tuned:
    """Search for good settings on grouped folds of the training and validation splits, and train with them.

    Trial 0 has the defaults (``config``); they are kept unless a trial is better on the folds. The test split is looked at
    once, for the winner.

    Parameters
    ----------
    source, backend, config, output, options, merge_labels, ambiguous, read, cache, overwrite, say
        As for `genrekit.train`.
    space : sequence of str, or Space
        As for `genrekit.tuning.make_space`; the space of the backend by default.
    trials : int in 1 ... 10,000
        How many trials, with those of an interrupted search.
    timeout_s : float > 0, optional
        No batch starts after so many seconds.
    batch : int >= 1
        Trials that are asked together. The same seed and batch give the same trials, whatever ``jobs``.
    jobs : int >= 1
        Processes that measure trials.
    cluster : str, optional
        Address of a Dask cluster that prepares examples and measures trials.
    seed : int
        Seed of the search. The seed of fits and folds is that of ``config``.
    objectives : sequence of str
        One or more of the metrics and ``predict_ms``; log loss by default, macro-F1 for several labels per example.
        With more than one, the trials that no other dominates are a front.
    pick : {'knee', 'fastest', 'best'}
        Which of a front wins: the one farthest from the line between its ends, the one with the smallest last
        objective, or the one with the best first objective.
    prune : {'folds', 'epochs', 'no'}
        Stop a trial after a fold when the paired bootstrap over groups says that it is worse than the best of the batches
        before; or, for what trains in epochs or rounds, when half of the trials before had a lower validation loss by the same
        epoch of the first fold. Not with several objectives.
    resume : bool
        Continue an interrupted search of the same options and data.

    Returns
    -------
    Tuned

    Raises
    ------
    ConfigError
        If there is nothing to search, or a value of the space is not allowed.
    UsageError
        If an option is wrong, the folder holds another search, or another process works in it.
    DatasetError
        As for `genrekit.train`; also if there are fewer groups than folds.
    TrainingError
        If all trials failed, or the disk is full.
    """
    backend, config = resolve(backend, config)
    output = Path(output)
    if output.exists() and not overwrite:
        raise OutputExistsError(f"{output} exists.", "Use --overwrite to replace it, or another --output.")
    parameters = _space(backend, config, space)
    goals = check_objectives(objectives, multilabel=config.multilabel)
    check_options(trials, batch, pick, prune, timeout_s)
    if len(goals) > 1:
        prune = "no"
    if isinstance(backend, FitsInFolder):
        backend.ready(config)
        if beside(output).exists() and not (resume or overwrite):
            raise OutputExistsError(
                f"{beside(output)} exists.", "Use --resume, --overwrite, or another --output."
            )
    options = options or SplitOptions()
    options = replace(options, seed=config.seed if options.seed is None else options.seed)
    dataset = open_for(backend, config, source, merge_labels=merge_labels, ambiguous=ambiguous, read=read)
    check_terms(dataset)
    describe(dataset, say)
    split = make_split(
        dataset.examples,
        test_size=options.test_size,
        valid_size=options.valid_size,
        seed=options.seed or 0,
        by=options.by,
    )
    cache = cache or Cache()
    everything = [*split.train, *split.valid]

    def prepare(one: BackendConfig) -> PreparedDataset:
        found = gather(backend, one, dataset, everything, jobs=jobs, cache=cache, cluster=cluster, say=say)
        return encoded(backend, one, found, cache)

    prepared = {preparation(backend, config): prepare(config)}
    members = [i for i in sorted(everything) if i in next(iter(prepared.values())).windows]
    folds = list(
        search_folds(dataset, members, seed=config.seed, by=options.by, valid_size=options.valid_size)
    )
    order = np.random.default_rng(seed).permutation(len(folds))
    folds = [folds[i] for i in order]
    default = {one.key: getattr(config, one.key) for one in parameters}
    in_space = all(one.has(default[one.key]) for one in parameters)
    facts = {
        "data": dataset.fingerprint,
        "backend": [backend.info.name, backend.info.feature_version],
        "settings": config.model_dump(mode="json"),
        "space": {one.key: one.to_dict() for one in parameters},
        "objectives": list(goals),
        "prune": prune,
        "seed": seed,
        "batch": batch,
        "folds": [[len(fold.train), *fold.test[:50]] for fold in folds],
    }
    folder = folder_of(output)
    start_s = time.monotonic()
    with ExitStack() as stack:
        stack.enter_context(locked(folder, resume=resume, overwrite=overwrite))
        study = Study(folder, facts, parameters, goals, seed)
        if study.trials:
            say(f"continuing after {counted(sum(one.state.is_finished() for one in study.trials), 'trial')}")

        pool: AnyPool | None = None
        if jobs > 1 or cluster:
            pool = open_pool(jobs, cluster=cluster)
            stack.enter_context(pool)
        threads = 1 if cluster else max(1, default_jobs() // jobs)

        def measure(configs: Sequence[BackendConfig], rules: Rules) -> list[Result]:
            results: dict[int, Result] = {}
            for k, one in enumerate(configs):
                key = preparation(backend, one)
                try:
                    if key not in prepared:
                        prepared[key] = prepare(one)
                except GenrekitError as error:
                    results[k] = Result(error=str(error))
                    continue
                if lost := sum(i not in prepared[key].windows for i in members):
                    words = (
                        f"{lost} of {counted(len(members), 'example')} cannot be prepared with these settings"
                    )
                    results[k] = Result(error=words)
            left = [k for k in range(len(configs)) if k not in results]
            needed = {preparation(backend, configs[k]) for k in left}
            run = TrialRunner(backend, {key: prepared[key] for key in needed}, folds, rules, threads)
            if pool is None:
                results |= {k: run(configs[k]) for k in left}
            else:
                outcomes = pool.map(run, [configs[k] for k in left])
                for k, outcome in zip(left, outcomes, strict=True):
                    results[k] = outcome.value or Result(error=outcome.error or "failed")
            while len(prepared) > _PREPARED_AT_ONCE:
                del prepared[list(prepared)[1]]  # the first is that of the defaults
            return [results[k] for k in range(len(configs))]

        baseline = search_batches(
            study, parameters, config, default, measure, make=lambda values: made(backend, config, values),
            in_space=in_space, trials=trials, batch=batch, prune=prune, timeout_s=timeout_s, start_s=start_s, say=say,
        )  # fmt: skip
        winner = pick_winner(study, pick, goals)
        if winner is None and baseline is None:
            reasons = [one.user_attrs.get("reason", "") for one in study.trials]
            raise TrainingError(
                f"All {len(study.trials)} trials failed; the first: {next(filter(None, reasons), 'no reason')}",
                f"{folder} has the reason of each.",
            )
        gain, is_default = gain_of(study, winner, baseline, default, goals)
        chosen = default if is_default or winner is None else dict(winner.params)
        say(sentence_of(gain, goals[0], is_default=is_default))
        best_config = made(backend, config, chosen)
        assert isinstance(best_config, BackendConfig)
        trained = training.train(
            source,
            backend=backend,
            config=best_config,
            output=output,
            options=options,
            merge_labels=merge_labels,
            ambiguous=ambiguous,
            read=read,
            jobs=jobs,
            cache=cache,
            cluster=cluster,
            overwrite=overwrite,
            resume=resume and isinstance(backend, FitsInFolder),
            record={
                "tune": {
                    "trials": len(study.trials),
                    "settings": chosen,
                    "is_default": is_default,
                    "objectives": list(goals),
                    "gain_on_folds": [gain.value, gain.low, gain.high],
                }
            },
            say=say,
        )
        value = baseline.metrics[goals[0]] if is_default and baseline else winner.values[0] if winner else 0.0
        words = words_of(study, gain, goals, value, trained, is_default=is_default)
        write_report(study, words, chosen, baseline)
    return Tuned(trained, chosen, is_default, gain, folder, words)


def _space(backend: Backend, config: BackendConfig, space: Sequence[str] | Space) -> Space:
    if space and not isinstance(space[0], str):
        return tuple(one for one in space if not isinstance(one, str))
    return make_space(backend, config, [one for one in space if isinstance(one, str)])
