"""Worker processes that are forked from one that has the imports, which takes a fraction of the time of a new interpreter."""

from __future__ import annotations

import os
from collections.abc import Callable
from multiprocessing import process, reduction
from multiprocessing.context import ForkServerContext, ForkServerProcess

IMPORTS = ["genrekit.prediction.worker", "genrekit.preparation.preparer"]


class _AsStarted:
    """A function with the environment and the stderr of the process that starts it, as a new interpreter has them."""

    def __init__(self, function: Callable[..., None]) -> None:
        self._state = (function, dict(os.environ))

    def __getstate__(self) -> tuple[object, ...]:
        return (*self._state, reduction.DupFd(2))

    def __setstate__(self, state: tuple[object, ...]) -> None:
        self._state = state

    def __call__(self, *arguments: object) -> None:
        function, environment, stderr = self._state
        os.dup2(stderr.detach(), 2)
        os.environ.clear()
        os.environ.update(environment)
        function(*arguments)


class _Process(ForkServerProcess):
    @staticmethod
    def _Popen(started: process.BaseProcess) -> object:
        started._target = _AsStarted(started._target)
        return ForkServerProcess._Popen(started)


class _Context(ForkServerContext):
    Process = _Process


def forking() -> ForkServerContext:
    """Return a context of multiprocessing in place of the one in `genrekit.execution.worker`."""
    context = _Context()
    context.set_forkserver_preload(IMPORTS)
    return context
