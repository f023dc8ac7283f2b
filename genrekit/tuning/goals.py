"""Objectives of a search, and the options that decide how it runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from genrekit.errors import UsageError
from genrekit.training import PREDICT_MS

OBJECTIVES = ("log_loss", "accuracy", "macro_f1", "expected_calibration_error", PREDICT_MS)

MULTILABEL_OBJECTIVES = ("macro_f1", "micro_f1", "samples_f1", "mean_average_precision", PREDICT_MS)

MAX_TRIALS = 10_000

Prune = Literal["folds", "epochs", "no"]

Pick = Literal["knee", "fastest", "best"]


def check_objectives(objectives: Sequence[str], *, multilabel: bool) -> tuple[str, ...]:
    """Return the objectives that were asked for, or the default.

    Raises
    ------
    UsageError
        If one is not known or named twice, or the first is a time.
    """
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


def check_options(trials: int, batch: int, pick: str, prune: str, timeout_s: float | None) -> None:
    """Refuse options out of their range, before any work.

    Raises
    ------
    UsageError
    """
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
