"""Choice of the winner of a search, and how much better than the defaults it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from genrekit.metrics import Estimate, difference
from genrekit.training import Result
from genrekit.tuning.goals import Pick
from genrekit.tuning.study import Study, is_smaller_better

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


def pick_winner(study: Study, pick: Pick, goals: Sequence[str]) -> FrozenTrial | None:
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


def gain_of(
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
