"""Admission: a bounded number of requests in work or waiting; the next one is told when to come again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from time import monotonic

from genrekit.server.metrics import Metrics
from genrekit.server.problems import Problem

SMOOTHING = 0.1
UPLOADS_PER_PLACE = 4
"""Bodies that may be on their way per place: each of them takes disk, and a slow one takes no place."""


class Admission:
    """The places of a server.

    Parameters
    ----------
    jobs : int
        Requests that are worked on.
    queue : int
        Requests that may wait beyond those.
    metrics : Metrics

    Attributes
    ----------
    draining : bool
        Whether the server is about to end, and takes no request any more.
    """

    def __init__(self, jobs: int, queue: int, metrics: Metrics) -> None:
        self.jobs = jobs
        self.capacity = jobs + queue
        self.draining = False
        self.inside = 0
        self._reading = 0
        self._metrics = metrics
        self._mean_s = 0.0

    @property
    def idle(self) -> bool:
        """True if no request waits, as seen by one that was admitted."""
        return self.inside <= self.jobs

    def check(self) -> None:
        """Refuse a request for which there is no place.

        Raises
        ------
        Problem
        """
        if self.draining:
            raise Problem(
                "busy",
                "The server is about to end.",
                "Send the request again.",
                {"Retry-After": "1", "Connection": "close"},
            )
        if self.inside >= self.capacity:
            self._metrics.busy.inc()
            wait_s = max(1, ceil(self._mean_s * self.inside / self.jobs))
            raise Problem(
                "busy",
                f"{self.inside} requests are in work or waiting; the server takes {self.capacity} at a time.",
                f"Send the request again in {wait_s} s.",
                {"Retry-After": str(min(wait_s, 3600))},
            )

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Count a body for the time in which it is read.

        Raises
        ------
        Problem
            As `check`, or if very many bodies are on their way.
        """
        self.check()
        if self._reading >= UPLOADS_PER_PLACE * self.capacity:
            self._metrics.busy.inc()
            raise Problem(
                "busy",
                f"{self._reading} uploads are on their way.",
                "Send the request again.",
                {"Retry-After": "5"},
            )
        self._reading += 1
        try:
            yield
        finally:
            self._reading -= 1

    @contextmanager
    def place(self) -> Iterator[None]:
        """Take a place for the time of a request.

        Raises
        ------
        Problem
            As `check`.
        """
        self.check()
        self.inside += 1
        self._metrics.admitted.set(self.inside)
        started_s = monotonic()
        try:
            yield
        finally:
            self.inside -= 1
            self._metrics.admitted.set(self.inside)
            self._mean_s += SMOOTHING * (monotonic() - started_s - self._mean_s)
