"""The three standard streams where the caller closed some of them, as pythonw, some services and ``>&-`` do."""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import Any

_MAX_STANDARD = 2
MIN_COLUMNS = 20


class ClosedOutput(io.TextIOBase):
    """A closed stdout: writing fails, unless the command made `optional` true.

    Attributes
    ----------
    optional : bool
        Whether what is printed may be lost, because the command wrote files.
    """

    encoding = "utf-8"
    optional = False

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        """Drop a text.

        Raises
        ------
        OSError
            If it must not be lost.
        """
        if not self.optional:
            raise OSError(errno.EBADF, "It is closed, so there is nowhere to print to", "stdout")
        return len(text)


def replace_closed() -> None:
    """Open the null device in place of each standard stream that is closed.

    The null device takes the number of a closed descriptor: a file opened later would get it, and what a native
    library prints would end in that file.
    """
    for number in range(_MAX_STANDARD + 1):
        try:
            os.fstat(number)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
    if sys.stdout is None:
        sys.stdout = ClosedOutput()
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - to the end of the process


def forget_absurd_sizes() -> None:
    """Remove an unusable terminal size from the environment; some services set one."""
    for name, least in (("COLUMNS", MIN_COLUMNS), ("LINES", 1)):
        value = os.environ.get(name, str(least))
        if not value.isdecimal() or int(value) < least:
            del os.environ[name]


def stdout_is_optional() -> None:
    """Let a command continue if stdout is closed: its work is in files."""
    if isinstance(sys.stdout, ClosedOutput):
        sys.stdout.optional = True


def stdin_bytes() -> Any:
    """Return stdin as a binary stream.

    Raises
    ------
    UsageError
        If it is closed.
    """
    from genrekit.errors import UsageError

    if sys.stdin is None:
        raise UsageError("stdin is closed, so there is no list to read.", "Pass the names as arguments.")
    return sys.stdin.buffer


class OutputPlace:
    """Target of descriptor 1, kept because rich points it at the null device when the reader of a pipe goes away."""

    def __init__(self) -> None:
        self._at_start = self._now()

    def is_changed(self) -> bool:
        """Return whether it leads elsewhere than at the start."""
        return self._now() != self._at_start

    def _now(self) -> tuple[int, int] | None:
        try:
            facts = os.fstat(1)
        except OSError:
            return None
        return facts.st_dev, facts.st_ino
