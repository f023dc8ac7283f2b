"""Suppression of output and warnings of decoder libraries.

The file descriptor of stderr and the warning filters belong to the whole process, so threads that decode
concurrently share one redirection of each: the first thread creates it, the last removes it.
"""

from __future__ import annotations

import os
import threading
import warnings
from abc import ABC, abstractmethod
from contextlib import suppress


class _Shared(ABC):
    """A context that the first thread enters and the last leaves."""

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
    """Redirection of file descriptor 2 to the null device for C libraries that print every flaw (libmpg123, libtiff)."""

    _saved = -1

    def _begin(self) -> None:
        with suppress(OSError):  # without stderr there is nothing to redirect
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
    """Suppression of Pillow's warnings about flawed metadata."""

    def _begin(self) -> None:
        self._caught = warnings.catch_warnings()
        self._caught.__enter__()
        warnings.filterwarnings("ignore", module=r"PIL\.|pillow_heif\.")

    def _end(self) -> None:
        self._caught.__exit__(None, None, None)


quiet_stderr = _QuietStderr()
quiet_pillow = _QuietPillow()
