"""Printing: data on stdout, messages for the user on stderr."""

from __future__ import annotations

import sys
from typing import TextIO

from genrekit.errors import UsageError
from genrekit.progress import be_quiet


def out(text: str) -> None:
    """Print to stdout; names from files must be escaped by `genrekit.text.visible` first."""
    print(_shown(text, sys.stdout), flush=True)


_verbosity = {"quiet": False, "verbose": False}


def set_verbosity(*, quiet: bool, verbose: bool) -> None:
    """Set what the commands of this process say on stderr.

    Raises
    ------
    UsageError
        If both are asked for.
    """
    if quiet and verbose:
        raise UsageError("Give either --quiet or --verbose, not both.")
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
    print(printable(text), file=sys.stderr, flush=True)


def printable(text: str) -> str:
    """Return a text that any stderr can show: control characters and undecodable bytes become escapes."""
    return _shown(text, sys.stderr)


def _shown(text: str, stream: TextIO) -> str:
    """Return the text with lines and tabs kept, and everything else that is unprintable escaped."""
    from genrekit.text import encodable, visible

    clean = "\n".join("\t".join(map(visible, line.split("\t"))) for line in text.split("\n"))
    return encodable(clean, stream)
