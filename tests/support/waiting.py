"""Waiting for events rather than for seconds: how long a busy machine takes does not matter."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

GIVE_UP_S = 120


def wait_until(condition: Callable[[], object]) -> bool:
    """Return whether a condition came true before everybody would call the test stuck."""
    for _ in range(GIVE_UP_S * 50):
        if condition():
            return True
        time.sleep(0.02)
    return False


def interrupt_when(condition: Callable[[], object]) -> None:
    """Send this process an interrupt, as Ctrl-C does, once a condition is true."""

    def act() -> None:
        wait_until(condition)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=act, daemon=True).start()


@dataclass(frozen=True)
class Gate:
    """Work that lasts, in any process, until the test that started it lets it go on."""

    folder: Path

    def hold(self, name: object) -> None:
        """Wait here until the gate is open."""
        (self.folder / f"{name} held").touch()
        wait_until((self.folder / "open").exists)
        (self.folder / f"{name} passed").touch()

    def open(self) -> None:
        """Let everything pass that waits."""
        (self.folder / "open").touch()

    def held(self) -> int:
        """Count what has come to the gate."""
        return len(list(self.folder.glob("* held")))

    def passed(self) -> int:
        """Count what is through: what was stopped at the gate never is."""
        return len(list(self.folder.glob("* passed")))


def count_calls(function: Callable[[], object]) -> int:
    """Count the calls, Python's and C's, that a function makes: a cost that does not depend on the machine."""
    n = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal n
        n += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        function()
    finally:
        sys.setprofile(before)
    return n
