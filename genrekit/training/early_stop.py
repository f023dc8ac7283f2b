"""Early stops by epochs: the median rule over the trials before (Golovin et al., *Google Vizier*, KDD 2017, section 3.2.1)."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from genrekit.progress import Epoch

WARM_UP = 0.25
"""Share of the epochs in which no trial is stopped."""
FEWEST = 4
"""Trials whose curves must be known before one is stopped."""

Curve = tuple[tuple[float, float], ...]
"""Share of the epochs done, and the lowest validation loss so far."""


class Stop(Exception):
    """More than half of the trials before had a lower validation loss by the same epoch."""


class Watch:
    """The epochs of the first network of the first fold: keeps their curve, and stops the trial by it.

    Parameters
    ----------
    curves : sequence of Curve
        Of the trials before; empty to stop nothing.
    """

    def __init__(self, curves: Sequence[Curve]) -> None:
        self._others = [curve for curve in curves if curve]
        self._points: list[tuple[float, float]] = []
        self._part: str | None = None
        self.over = False
        """Whether later epochs do not count: the first fold has ended."""

    @property
    def curve(self) -> Curve:
        """The curve so far."""
        return tuple(self._points)

    def __call__(self, event: Epoch) -> None:
        """Receive an epoch.

        Raises
        ------
        Stop
        """
        loss = event.valid.get("valid_loss")
        self._part = event.part if self._part is None else self._part
        share = event.number / event.total
        if self.over or loss is None or event.part != self._part:
            return
        if self._points and share <= self._points[-1][0]:
            return  # the same network is trained again
        lowest = min(loss, self._points[-1][1]) if self._points else loss
        self._points.append((share, lowest))
        if share < WARM_UP or len(self._others) < FEWEST:
            return
        if lowest > statistics.median(_until(curve, share) for curve in self._others):
            raise Stop(
                f"a higher validation loss than half of the trials before, at {event.unit} {event.number} of {event.total}"
            )


def _until(curve: Curve, share: float) -> float:
    """Return the lowest loss of a curve up to a share of its epochs."""
    return min((loss for at, loss in curve if at <= share + 1e-9), default=curve[0][1])
