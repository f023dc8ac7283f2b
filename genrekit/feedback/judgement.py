"""Champion against challenger: promoted only if it is better on corrections that it never saw, and not worse on the old test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from genrekit.evaluation import Comparison
from genrekit.metrics import Estimate

CHAMPION, CHALLENGER = "champion", "challenger"
MIN_UPLOADERS = 5
"""Uploaders that an interval over uploaders needs: five of five agree by chance in 1 of 32 cases."""


@dataclass(frozen=True)
class Duel:
    """Two models on the same examples.

    Attributes
    ----------
    metric : str
    n, groups : int
        Examples, and the groups that the bootstrap draws from.
    champion, challenger : float
        Values of the metric.
    difference : Estimate
        Challenger minus champion, with the interval of the paired differences.
    """

    metric: str
    n: int
    groups: int
    champion: float
    challenger: float
    difference: Estimate

    @property
    def is_better(self) -> bool:
        """True if the challenger is significantly better."""
        return self.difference.low is not None and self.difference.low > 0

    @property
    def is_worse(self) -> bool:
        """True if the challenger is significantly worse, or has a lower value without an interval."""
        if self.difference.high is None:
            return self.difference.value < 0
        return self.difference.high < 0

    def __str__(self) -> str:
        low, high = self.difference.low, self.difference.high
        interval = "" if low is None or high is None else f" (95 %: {100 * low:+.1f} to {100 * high:+.1f})"
        return (
            f"{self.metric.replace('_', ' ')} {100 * self.champion:.1f} to {100 * self.challenger:.1f}, "
            f"{100 * self.difference.value:+.1f} points{interval}, {self.n} examples of {self.groups} groups"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-able values."""
        return asdict(self)


def duel_of(comparison: Comparison) -> Duel:
    """Return the result of the comparison of `CHAMPION` and `CHALLENGER`."""
    by_name = {one.name: one for one in comparison.models}
    one, other = by_name[CHALLENGER], by_name[CHAMPION]
    metric = comparison.by
    difference = one.differences[metric]
    if (
        difference.value == 0 and other.differences[metric].value != 0
    ):  # the challenger is the best of the two
        minus = other.differences[metric]
        flipped = [None if end is None else -end for end in (minus.high, minus.low)]
        difference = Estimate(-minus.value, flipped[0], flipped[1])
    values: Mapping[str, Estimate] = one.report.metrics
    return Duel(
        metric,
        one.report.n_examples,
        one.report.n_groups,
        other.report.metrics[metric].value,
        values[metric].value,
        difference,
    )


def reasons_against(frozen: Duel, own: Duel | None, uploaders: int) -> list[str]:
    """Return why a challenger is not promoted; empty if it is.

    Parameters
    ----------
    frozen : Duel
        On the test split of the original data.
    own : Duel or None
        On the corrections of uploaders that are never trained on; None if there are none.
    uploaders : int
        How many these are.
    """
    reasons = []
    if frozen.is_worse:
        reasons.append(f"it is worse on the frozen test: {frozen}")
    if own is None or uploaders < MIN_UPLOADERS:
        reasons.append(
            f"the corrections that are held back come from {uploaders} uploaders; {MIN_UPLOADERS} are needed for an interval"
        )
    elif not own.is_better:
        reasons.append(f"it is not better on the corrections that are held back: {own}")
    return reasons
