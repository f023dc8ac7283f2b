"""Commands on a terminal of a given width, and the screen that a user sees in the end."""

import os
import sys
from pathlib import Path
from typing import NamedTuple

import pexpect
import pyte

ROOT = Path(__file__).resolve().parent.parent.parent
HEIGHT = 1000  # nothing scrolls away


class Shown(NamedTuple):
    """The exit status of a command, the lines on the screen without the empty ones, and all that was sent to it."""

    status: int
    lines: list[str]
    sent: str


def on_terminal(command: str, columns: int, folder: Path | str = ".") -> Shown:
    """Run a shell command on a terminal; ``genrekit`` and ``python`` in it are those under test."""
    environment = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "COLUMNS")}
    environment |= {"PYTHONPATH": str(ROOT), "TERM": "xterm", "PYTHON": sys.executable}
    functions = 'genrekit() { "$PYTHON" -m genrekit "$@"; }; python() { "$PYTHON" "$@"; };'
    child = pexpect.spawn(
        "/bin/sh",
        ["-c", f"{functions} {command}"],
        cwd=str(folder),
        env=environment,
        encoding="utf-8",
        dimensions=(HEIGHT, columns),
        timeout=120,
    )
    child.expect(pexpect.EOF)
    child.close()
    screen = pyte.Screen(columns, HEIGHT)
    pyte.Stream(screen).feed(child.before)
    return Shown(child.exitstatus, [line.rstrip() for line in screen.display if line.strip()], child.before)
