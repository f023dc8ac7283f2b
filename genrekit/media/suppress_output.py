"""Silence for what decoders print and warn about flawed files.

Both the descriptor of stderr and the filters of warnings belong to the whole process, so threads that decode at
once share one diversion of each: the first makes it, the last takes it back.
"""

from __future__ import annotations

import os
import threading
import warnings
from abc import ABC, abstractmethod
from contextlib import suppress


class _Shared(ABC):
    """A context that is entered by the first thread and left by the last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0

    def __enter__(self) -> None:
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._begin()

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                self._end()

    @abstractmethod
    def _begin(self) -> None: ...

    @abstractmethod
    def _end(self) -> None: ...


class _QuietStderr(_Shared):
    """Send file descriptor 2 nowhere while C libraries work that print about every flaw (libmpg123, libtiff)."""

    _saved = -1

    def _begin(self) -> None:
        with suppress(OSError):  # without a stderr there is nothing to divert
            self._saved = os.dup(2)
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 2)
            os.close(nowhere)

    def _end(self) -> None:
        if self._saved >= 0:
            os.dup2(self._saved, 2)
            os.close(self._saved)
            self._saved = -1


class _QuietPillow(_Shared):
    """Drop the warnings that Pillow gives about flawed metadata."""

    def _begin(self) -> None:
        self._caught = warnings.catch_warnings()
        self._caught.__enter__()
        warnings.filterwarnings("ignore", module=r"PIL\.|pillow_heif\.")

    def _end(self) -> None:
        self._caught.__exit__(None, None, None)


quiet_stderr = _QuietStderr()
quiet_pillow = _QuietPillow()
