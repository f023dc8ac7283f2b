"""Progress lines of a search: one per trial, and its result."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from genrekit.metrics import Estimate
from genrekit.text import counted
from genrekit.training import PREDICT_MS, Result, Trained
from genrekit.tuning.study import Study, is_smaller_better


def line_of(study: Study, number: int, result: Result) -> str:
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


def sentence_of(gain: Estimate, goal: str, *, is_default: bool) -> str:
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


def words_of(
    study: Study, gain: Estimate, goals: Sequence[str], value: float, trained: Trained, *, is_default: bool
) -> tuple[str, ...]:
    """Describe the result of the search."""
    states = [one.state.name for one in study.trials]
    words = [sentence_of(gain, goals[0], is_default=is_default)]
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
            "predict_ms is a time: another run has other values, and so other trials from the second batch on"
        )
    return tuple(words)
