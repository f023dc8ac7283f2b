"""Choice of the next trial: points far from each other first, then a tree-structured Parzen estimator, and no point twice.

*Conventions.* A point is a tuple of values in the order of the space; its place has coordinates in [0, 1]. The numbers of a list
keep their order: to the estimator they are the integers of their ranks, and not categories.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from genrekit.tuning.space import Parameter, Space, size_of

STARTUP = 5
"""Number of told trials from which on the estimator is used."""
_CANDIDATES = 64
_MOST_LISTED = 10_000

Point = tuple[Any, ...]


def distribution_of(one: Parameter) -> BaseDistribution:
    """Return the distribution that the journal has."""
    if one.choices:
        return CategoricalDistribution(one.choices)
    if isinstance(one.low, int):
        return IntDistribution(one.low, int(one.high), log=one.log)
    return FloatDistribution(one.low, one.high, log=one.log)


class Sampler(TPESampler):
    """A multivariate tree-structured Parzen estimator for a space that is known from the start.

    Parameters
    ----------
    space : Space
    seed : int
    startup : int >= 0
    """

    def __init__(self, space: Space, seed: int, startup: int = STARTUP) -> None:
        super().__init__(seed=seed, multivariate=True, constant_liar=True, n_startup_trials=0)
        self._space, self._startup = space, startup
        self._draw = np.random.default_rng(seed)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return the whole space."""
        return {one.key: distribution_of(one) for one in self._space}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return values that no trial has, as long as there are some."""
        others = [one for one in study.get_trials(deepcopy=False) if one.number != trial.number]
        told = sum(one.state in (TrialState.COMPLETE, TrialState.PRUNED) for one in others)
        tried = [tuple(one.params[axis.key] for axis in self._space) for one in others if one.params]
        if told < self._startup:
            return self._settings(self._far_from(tried))
        found: dict[str, Any] = super().sample_relative(
            study,
            trial,
            {one.key: _Ranks(one) if _is_ordered(one) else search_space[one.key] for one in self._space},
        )
        point = tuple(found[one.key] for one in self._space)
        if point in tried and (free := self._untried(tried)):
            gaps = self._gaps(free, [point]).ravel()
            nearest = np.flatnonzero(gaps <= gaps.min() + 1e-12)
            return self._settings(free[int(self._draw.choice(nearest))])
        return found

    def _settings(self, point: Point) -> dict[str, Any]:
        return {one.key: value for one, value in zip(self._space, point, strict=True)}

    def _far_from(self, tried: Sequence[Point]) -> Point:
        """Return the candidate that is farthest from all trials (Mitchell, SIGGRAPH 1991)."""
        free = self._untried(tried) or self._random(1)
        if len(free) > _CANDIDATES:
            free = [free[i] for i in self._draw.choice(len(free), _CANDIDATES, replace=False)]
        if not tried:
            return free[int(self._draw.integers(len(free)))]
        return free[int(self._gaps(free, tried).min(axis=1).argmax())]

    def _untried(self, tried: Sequence[Point]) -> list[Point]:
        """Return points that no trial has: all of a small space, some of a large one."""
        size = size_of(self._space)
        small = size is not None and size <= _MOST_LISTED
        points = list(itertools.product(*map(_levels, self._space))) if small else self._random(1000)
        taken = set(tried)
        return [one for one in points if one not in taken]

    def _random(self, n: int) -> list[Point]:
        columns = []
        for one in self._space:
            if one.choices:
                columns.append([one.choices[i] for i in self._draw.integers(len(one.choices), size=n)])
                continue
            low, high = (math.log(one.low), math.log(one.high)) if one.log else (one.low, one.high)
            drawn = self._draw.uniform(low, high, n)
            values = np.clip(np.exp(drawn) if one.log else drawn, one.low, one.high)
            columns.append([round(value) if isinstance(one.low, int) else float(value) for value in values])
        return list(zip(*columns, strict=True))

    def _gaps(self, points: Sequence[Point], others: Sequence[Point]) -> np.ndarray:
        """Return squared distances, (points, others)."""
        total = np.zeros((len(points), len(others)))
        for k, one in enumerate(self._space):
            mine, its = (np.array([_place(one, point[k]) for point in group]) for group in (points, others))
            gap = mine[:, None] - its
            total += gap != 0 if one.choices and not _is_ordered(one) else np.square(gap)
        return total


class _Ranks(IntDistribution):
    """The ranks of the numbers of a list, which are the values outside."""

    def __init__(self, parameter: Parameter) -> None:
        super().__init__(0, len(parameter.choices) - 1)
        self._sorted = sorted(parameter.choices)

    def to_external_repr(self, param_value_in_internal_repr: float) -> Any:
        """Return the number of a rank, as the list has it."""
        return self._sorted[round(param_value_in_internal_repr)]

    def to_internal_repr(self, param_value_in_external_repr: Any) -> float:
        """Return the rank of a number."""
        return float(self._sorted.index(param_value_in_external_repr))


def _is_ordered(one: Parameter) -> bool:
    return bool(one.choices) and all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in one.choices
    )


def _levels(one: Parameter) -> Sequence[Any]:
    return one.choices or range(int(one.low), int(one.high) + 1)


def _place(one: Parameter, value: Any) -> float:
    if one.choices:
        choices = sorted(one.choices) if _is_ordered(one) else one.choices
        return choices.index(value) / (len(choices) - 1)
    if one.log:
        return math.log(value / one.low) / math.log(one.high / one.low)
    return float((value - one.low) / (one.high - one.low))
