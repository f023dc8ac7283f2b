"""Predictions that feedback may come for: remembered for an hour, their files held until then."""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from genrekit.feedback import Event

MOST, LONGEST_S = 20_000, 3600.0
MAX_BYTES = 1 << 30


@dataclass
class Remembered:
    """A prediction.

    Attributes
    ----------
    event : Event
        As it would be kept.
    at_s : float
        When it was made, by the monotonic clock.
    file : Path or None
        Its file, if that waits for feedback.
    receipt : str
        Empty until there is one.
    given : int
        How often feedback came.
    """

    event: Event
    at_s: float
    file: Path | None = None
    receipt: str = ""
    given: int = 0


class Memory:
    """The predictions of one server; used by several threads.

    Parameters
    ----------
    folder : Path
        A private folder for files.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700)
        self._folder = folder
        self._known: OrderedDict[str, Remembered] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def add(self, event: Event, receipt: str = "") -> Remembered:
        """Remember a prediction; the oldest are forgotten."""
        now_s = time.monotonic()
        with self._lock:
            while self._known:
                oldest = next(iter(self._known.values()))
                if len(self._known) < MOST and oldest.at_s > now_s - LONGEST_S:
                    break
                self._let_go(self._known.popitem(last=False)[1])
            return self._known.setdefault(event.id, Remembered(event, now_s, receipt=receipt))

    def get(self, id_: str) -> Remembered | None:
        """Return a prediction, or None if it is not remembered."""
        return self._known.get(id_)

    def hold(self, known: Remembered, content: Path | bytes) -> bool:
        """Hold the file of a prediction, or its content; return False if too much is held."""
        size = len(content) if isinstance(content, bytes) else content.stat().st_size
        with self._lock:
            if self._bytes + size > MAX_BYTES:
                return False
            self._bytes += size
            path = self._folder / known.event.id
            if isinstance(content, bytes):
                path.write_bytes(content)
            else:
                os.link(content, path)
            known.file = path
        return True

    def let_go(self, known: Remembered) -> None:
        """Remove the file of a prediction."""
        with self._lock:
            self._let_go(known)

    def let_go_of(self, receipt: str) -> None:
        """Remove the files of predictions that have a receipt."""
        with self._lock:
            for known in self._known.values():
                if known.receipt == receipt:
                    self._let_go(known)

    def _let_go(self, known: Remembered) -> None:
        if known.file is not None:
            self._bytes -= known.file.stat().st_size
            known.file.unlink()
            known.file = None
