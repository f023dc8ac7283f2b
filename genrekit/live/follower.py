"""The genres of blocks over time: smoothed scores, changes of genre, and the timeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Event = dict[str, Any]

LEAD = 0.1
"""So much must another genre lead, in smoothed score, ..."""
HOPS = 2
"""... for so many blocks in a row, until the genre changes."""
CLIP = 1e-4


class Follower:
    """Follows the scores of one sound.

    Scores are smoothed by an exponential mean of their log-odds over ``smooth_s`` seconds.

    Parameters
    ----------
    labels : sequence of str
    smooth_s : float >= 0
        0 does not smooth.
    top_k : int >= 1
    exclusive : bool
        Whether one label is right, so that smoothed scores add up to 1.
    """

    def __init__(self, labels: Sequence[str], smooth_s: float, top_k: int, *, exclusive: bool = True) -> None:
        self._labels = tuple(labels)
        self._smooth_s = smooth_s
        self._top_k = top_k
        self._exclusive = exclusive
        self._mean = np.zeros(0)
        self._sum = np.zeros(len(labels))
        self._n = 0
        self._end_s = 0.0
        self._ahead = (-1, 0, 0.0)
        self._pieces: list[tuple[float, int]] = []

    def add(self, start_s: float, end_s: float, scores: Mapping[str, float]) -> list[Event]:
        """Add the scores of all labels for a block; return what a listener should know."""
        values = np.array([scores[label] for label in self._labels], np.float64)
        odds = np.clip(values, CLIP, 1 - CLIP)
        odds = np.log(odds / (1 - odds))
        if self._n:
            share = 1 - np.exp(-(end_s - self._end_s) / self._smooth_s) if self._smooth_s else 1.0
            self._mean = self._mean + share * (odds - self._mean)
        else:
            self._mean = odds
        self._sum += values
        self._n += 1
        self._end_s = end_s
        smooth = 1 / (1 + np.exp(-self._mean))
        if self._exclusive:
            smooth /= smooth.sum()
        best = int(values.argmax())
        window: Event = {
            "type": "window",
            "start_s": round(start_s, 3),
            "end_s": round(end_s, 3),
            "label": self._labels[best],
            "score": round(float(values[best]), 6),
            "scores": self._top(values),
            "smooth": self._top(smooth),
        }
        return [window, *self._change(start_s, end_s, smooth)]

    def final(self) -> Event:
        """Return the timeline, and the mean scores of all blocks."""
        ends = [*(start for start, _ in self._pieces[1:]), self._end_s][: len(self._pieces)]
        timeline = [
            {"start_s": round(start, 3), "end_s": round(end, 3), "label": self._labels[number]}
            for (start, number), end in zip(self._pieces, ends, strict=True)
        ]
        summary = self._top(self._sum / self._n) if self._n else []
        return {"type": "final", "timeline": timeline, "summary": summary}

    def _change(self, start_s: float, end_s: float, smooth: np.ndarray) -> list[Event]:
        best = int(smooth.argmax())
        if not self._pieces:
            self._pieces.append((start_s, best))
            return []
        now = self._pieces[-1][1]
        if best == now or smooth[best] - smooth[now] <= LEAD:
            self._ahead = (-1, 0, 0.0)
            return []
        label, hops, since_s = self._ahead
        self._ahead = (best, hops + 1, since_s) if label == best else (best, 1, end_s)
        if self._ahead[1] < HOPS:
            return []
        at_s = self._ahead[2]
        self._ahead = (-1, 0, 0.0)
        self._pieces.append((at_s, best))
        change = {
            "type": "change",
            "at_s": round(at_s, 3),
            "from": self._labels[now],
            "to": self._labels[best],
        }
        return [change]

    def _top(self, values: np.ndarray) -> list[list[Any]]:
        order = np.argsort(-values, kind="stable")[: self._top_k]
        return [[self._labels[number], round(float(values[number]), 6)] for number in order]
