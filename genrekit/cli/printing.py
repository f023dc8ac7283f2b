"""Printing: data on stdout, messages for the user on stderr."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from genrekit.errors import UsageError
from genrekit.progress import be_quiet


def out(text: str) -> None:
    """Print to stdout; names from files must be escaped by `genrekit.text.visible` first."""
    print(_shown(text, sys.stdout), flush=True)


_verbosity = {"quiet": False, "verbose": False}


def set_verbosity(*, quiet: bool, verbose: bool) -> None:
    """Set how much the commands of this process print on stderr.

    Raises
    ------
    UsageError
        If both are asked for.
    """
    if quiet and verbose:
        raise UsageError("Pass either --quiet or --verbose, not both.")
    _verbosity.update(quiet=quiet, verbose=verbose)
    be_quiet(quiet)


def say(text: str) -> None:
    """Print a line to stderr, unless ``--quiet`` was given."""
    if not _verbosity["quiet"]:
        _to_stderr(text)


def detail(text: str) -> None:
    """Print a line to stderr where ``--verbose`` was given."""
    if _verbosity["verbose"]:
        _to_stderr(text)


def error_line(message: str, hint: str = "") -> None:
    """Print an error and, on its own line, the hint."""
    _to_stderr(f"genrekit: {message}")
    if hint:
        _to_stderr(f"  {hint}")


def _to_stderr(text: str) -> None:
    shown = printable(text)
    if width := _columns(sys.stderr):
        shown = "\n".join(wrapped(line, width) for line in shown.split("\n"))
    print(shown, file=sys.stderr, flush=True)


def _columns(stream: TextIO | None) -> int:
    """Return the width of the terminal that a stream leads to; 0 if it leads to none."""
    if stream is None or stream.closed or not stream.isatty():
        return 0
    try:
        return int(os.environ.get("COLUMNS", "0")) or os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        return 0


def wrapped(line: str, width: int) -> str:
    """Return a line broken between words, so that a terminal does not break it inside them.

    Words longer than the line, and commands to be copied (a line that begins with 'genrekit NAME'), stay whole.
    """
    from rich.cells import cell_len

    indent = line[: len(line) - len(line.lstrip(" "))]
    if cell_len(line) <= width or line.removeprefix(indent).startswith("genrekit "):
        return line
    lines: list[str] = []
    for word in line.split():
        longer = f"{lines[-1]} {word}" if lines else ""
        if lines and cell_len(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(indent + word)
    return "\n".join(lines)


def printable(text: str) -> str:
    """Return a text that any stderr can show: control characters and undecodable bytes become escapes."""
    return _shown(text, sys.stderr)


def _shown(text: str, stream: TextIO) -> str:
    """Return the text with lines and tabs kept, and everything else that is unprintable escaped."""
    from genrekit.text import encodable, visible

    clean = "\n".join("\t".join(map(visible, line.split("\t"))) for line in text.split("\n"))
    return encodable(clean, stream)
