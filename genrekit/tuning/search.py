"""Search over settings by Bayesian optimisation on grouped folds: ask a batch, measure it, tell it in order."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from genrekit import training
from genrekit.backends import Backend, BackendConfig, FitsInFolder, make_config, resolve
from genrekit.datasets import Ambiguous, Reading, SplitOptions, check_terms, make_split
from genrekit.errors import ConfigError, GenrekitError, OutputExistsError, TrainingError, UsageError
from genrekit.execution import default_jobs, open_pool
from genrekit.metrics import Estimate, difference
from genrekit.preparation import Cache
from genrekit.text import counted
from genrekit.training import (
    PREDICT_MS,
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
from genrekit.tuning.report import write_report
from genrekit.tuning.space import Space, make_space
from genrekit.tuning.study import Study, folder_of, is_smaller_better, locked
from genrekit.types import Say, silent

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from genrekit.execution import AnyPool

OBJECTIVES = ("log_loss", "accuracy", "macro_f1", "expected_calibration_error", PREDICT_MS)
MULTILABEL_OBJECTIVES = ("macro_f1", "micro_f1", "samples_f1", "mean_average_precision", PREDICT_MS)
MAX_TRIALS = 10_000
_PREPARED_AT_ONCE = 4

Prune = Literal["folds", "epochs", "no"]
Pick = Literal["knee", "fastest", "best"]


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
    source, backend, config, output, options, merge_labels, ambiguous, read, cache, cluster, overwrite, say
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
        raise OutputExistsError(f"{output} exists.", "Give --overwrite to replace it, or another --output.")
    parameters = _space(backend, config, space)
    goals = _objectives(objectives, multilabel=config.multilabel)
    _check(trials, batch, pick, prune, timeout_s)
    if len(goals) > 1:
        prune = "no"
    if isinstance(backend, FitsInFolder):
        backend.ready(config)
        if beside(output).exists() and not (resume or overwrite):
            raise OutputExistsError(
                f"{beside(output)} exists.", "Give --resume, --overwrite, or another --output."
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
        if jobs > 1:
            pool = open_pool(jobs)
            stack.enter_context(pool)
        threads = max(1, default_jobs() // jobs)

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

        baseline = _search(
            study, parameters, config, default, measure, make=lambda values: _made(backend, config, values),
            in_space=in_space, trials=trials, batch=batch, prune=prune, timeout_s=timeout_s, start_s=start_s, say=say,
        )  # fmt: skip
        winner = _pick(study, pick, goals)
        if winner is None and baseline is None:
            reasons = [one.user_attrs.get("reason", "") for one in study.trials]
            raise TrainingError(
                f"All {len(study.trials)} trials failed; the first: {next(filter(None, reasons), 'no reason')}",
                f"{folder} has the reason of each.",
            )
        gain, is_default = _gain(study, winner, baseline, default, goals)
        chosen = default if is_default or winner is None else dict(winner.params)
        say(_sentence(gain, goals[0], is_default=is_default))
        best_config = _made(backend, config, chosen)
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
        words = _words(study, gain, goals, value, trained, is_default=is_default)
        write_report(study, words, chosen, baseline)
    return Tuned(trained, chosen, is_default, gain, folder, words)


def _search(
    study: Study,
    parameters: Space,
    config: BackendConfig,
    default: Mapping[str, Any],
    measure: Any,
    *,
    make: Any,
    in_space: bool,
    trials: int,
    batch: int,
    prune: str,
    timeout_s: float | None,
    start_s: float,
    say: Say,
) -> Result | None:
    """Ask, measure and tell batches until there are enough trials; return the result of the defaults."""
    timed = PREDICT_MS in study.objectives
    goal = study.objectives[0]
    free = Rules("no", goal, timed=timed)
    baseline: Result | None = None
    if not in_space:
        say("measuring the defaults, which are not in the space")
        (baseline,) = measure([config], free)
        if baseline.error:
            say(f"the defaults failed: {baseline.error}")
            baseline = None
    first = 0
    while first < trials:
        if timeout_s is not None and time.monotonic() - start_s > timeout_s and first:
            say(f"the time is over: {first} of {counted(trials, 'trial')}")
            break
        # The defaults are a batch of their own: every other trial can be compared with them.
        size = 1 if in_space and first == 0 else min(batch, trials - first)
        asked = [
            study.ask(number, default if in_space and number == 0 else None)
            for number in range(first, first + size)
        ]
        left = [one for one in asked if not one.state.is_finished()]
        if left:
            best = study.best(before=first)
            reference = baseline if best is None else study.result(best.number)
            curves = tuple(
                tuple((share, loss) for share, loss in one.user_attrs.get("curve", ()))
                for one in study.complete(before=first)
            )
            rules = Rules(prune, goal, reference, curves, timed)
            made = [make(one.params) for one in left]
            good = [one for one in made if isinstance(one, BackendConfig)]
            measured = iter(measure(good, rules) if good else [])
            for one, its in zip(left, made, strict=True):
                result = next(measured) if isinstance(its, BackendConfig) else Result(error=str(its))
                study.tell(one.number, result)
                say(_line(study, one.number, result))
            study.write_table()
        first += size
    study.write_table()
    if in_space and study.complete(before=1):
        baseline = study.result(0)
    return baseline


def _made(backend: Backend, config: BackendConfig, values: Mapping[str, Any]) -> BackendConfig | ConfigError:
    """Return a config with some values; settings that do not go together are the error that says so."""
    try:
        return make_config(backend, {**config.model_dump(), **values})
    except ConfigError as error:
        return error


def _line(study: Study, number: int, result: Result) -> str:
    settings = " ".join(
        f"{key}={value:.4g}" if isinstance(value, float) else f"{key}={value}"
        for key, value in study.trials[number].params.items()
    )
    if result.error:
        return f"trial {number}: {settings}: failed: {result.error}"
    if result.stopped:
        return f"trial {number}: {settings}: stopped: {result.stopped}"
    values = ", ".join(f"{name.replace('_', ' ')} {result.metrics[name]:.4f}" for name in study.objectives)
    return f"trial {number}: {settings}: {values}"


def _pick(study: Study, pick: Pick, goals: Sequence[str]) -> FrozenTrial | None:
    """Return the winner."""
    if len(goals) == 1 or pick == "best" or not study.complete():
        return study.best()
    front = study.front()
    signs = np.array([1 if is_smaller_better(goal) else -1 for goal in goals])
    values = np.array([one.values for one in front]) * signs
    if pick == "fastest":
        return front[int(values[:, -1].argmin())]
    spread = np.ptp(values, axis=0)
    scaled = (values - values.min(axis=0)) / np.where(spread > 0, spread, 1)
    # The farthest below the line (plane) between the ends, which has the sum 1.
    return front[int(scaled.sum(axis=1).argmin())]


def _gain(
    study: Study,
    winner: FrozenTrial | None,
    baseline: Result | None,
    default: Mapping[str, Any],
    goals: Sequence[str],
) -> tuple[Estimate, bool]:
    """Return how much better the winner is on the folds, and whether the defaults are kept."""
    goal = goals[0]
    if winner is None:
        return Estimate(0.0, 0.0, 0.0), True
    if baseline is None:
        return Estimate(float("nan"), None, None), False
    sign = 1 if is_smaller_better(goal) else -1
    before, after = baseline.metrics[goal], winner.values[0]
    if (len(goals) == 1 and not sign * (before - after) > 0) or dict(winner.params) == default:
        return Estimate(0.0, 0.0, 0.0), True
    one, other = baseline.draws(), study.result(winner.number).draws()
    if goal not in one:
        return Estimate(sign * (before - after), None, None), False
    found = difference(one, other, goal) if sign > 0 else difference(other, one, goal)
    return found, False


def _sentence(gain: Estimate, goal: str, *, is_default: bool) -> str:
    name = goal.replace("_", " ")
    if is_default:
        return "no trial was better than the defaults on the folds: the defaults are kept"
    if not np.isfinite(gain.value):
        return "the defaults could not be measured, so the gain is not known"
    if gain.low is None or gain.high is None:
        return f"on the folds the winner is better than the defaults by {gain.value:.4f} in {name}, without an interval"
    clear = "clearly better" if gain.low > 0 else "not clearly better"
    return (
        f"on the folds the winner is {clear} than the defaults: by {gain.value:.4f} in {name} "
        f"(95 %: {gain.low:.4f} to {gain.high:.4f}, paired over groups)"
    )


def _words(
    study: Study, gain: Estimate, goals: Sequence[str], value: float, trained: Trained, *, is_default: bool
) -> tuple[str, ...]:
    """Say what came of the search."""
    states = [one.state.name for one in study.trials]
    words = [_sentence(gain, goals[0], is_default=is_default)]
    words.append(
        f"{counted(len(states), 'trial')}: {states.count('COMPLETE')} on all folds, {states.count('PRUNED')} stopped early, "
        f"{states.count('FAIL')} failed"
    )
    name = goals[0].replace("_", " ")
    if trained.measured and goals[0] in trained.measured.report.metrics:
        test = trained.measured.report.metrics[goals[0]]
        ends = "" if test.low is None else f" (95 %: {test.low:.4f} to {test.high:.4f})"
        sign = 1 if is_smaller_better(goals[0]) else -1
        optimism = sign * (test.value - value)
        words.append(
            f"{name} of the winner: {value:.4f} on the folds that chose it, {test.value:.4f}{ends} on the test split, which was looked "
            f"at once: the folds were {'optimistic' if optimism > 0 else 'pessimistic'} by {abs(optimism):.4f}"
        )
    else:
        words.append(
            f"{name} of the winner on the folds that chose it: {value:.4f}; there is no measure on a test split"
        )
    if PREDICT_MS in goals:
        words.append(
            "predict_ms is a time: another run gives other values, and so other trials from the second batch on"
        )
    return tuple(words)


def _space(backend: Backend, config: BackendConfig, space: Sequence[str] | Space) -> Space:
    if space and not isinstance(space[0], str):
        return tuple(one for one in space if not isinstance(one, str))
    return make_space(backend, config, [one for one in space if isinstance(one, str)])


def _objectives(objectives: Sequence[str], *, multilabel: bool) -> tuple[str, ...]:
    allowed = MULTILABEL_OBJECTIVES if multilabel else OBJECTIVES
    goals = tuple(objectives) or allowed[:1]
    for goal in goals:
        if goal not in allowed:
            raise UsageError(
                f"{goal!r} is not an objective; allowed are {', '.join(allowed)}.",
                "For example: --objective " + allowed[0],
            )
    if len(set(goals)) < len(goals):
        raise UsageError("An objective is given twice.")
    if goals[0] == PREDICT_MS:
        raise UsageError(
            f"The first objective is a quality, not {PREDICT_MS}.",
            f"For example: --objective {allowed[0]},{PREDICT_MS}",
        )
    return goals


def _check(trials: int, batch: int, pick: str, prune: str, timeout_s: float | None) -> None:
    if not 1 <= trials <= MAX_TRIALS:
        raise UsageError(f"{trials} trials were asked for; allowed are 1 to {MAX_TRIALS:,}.")
    if batch < 1:
        raise UsageError(f"A batch of {batch} trials was asked for; it has at least 1.")
    if pick not in ("knee", "fastest", "best"):
        raise UsageError(f"pick={pick!r} is not known; allowed are knee, fastest and best.")
    if prune not in ("folds", "epochs", "no"):
        raise UsageError(f"prune={prune!r} is not known; allowed are folds, epochs and no.")
    if timeout_s is not None and not timeout_s > 0:
        raise UsageError(f"A time of {timeout_s} s was given; it must be above 0.")
