"""Printing: data on stdout, messages for the user on stderr."""

from __future__ import annotations

import sys
from typing import TextIO


def out(text: str) -> None:
    """Print to stdout; names from files must be escaped by `genrekit.text.visible` first."""
    print(_shown(text, sys.stdout), flush=True)


def say(text: str) -> None:
    """Print a line to stderr."""
    print(printable(text), file=sys.stderr, flush=True)


def error_line(message: str, hint: str = "") -> None:
    """Print an error and, on its own line, the hint."""
    say(f"genrekit: {message}")
    if hint:
        say(f"  {hint}")


def printable(text: str) -> str:
    """Return a text that any stderr can show: control characters and undecodable bytes become escapes."""
    return _shown(text, sys.stderr)


def _shown(text: str, stream: TextIO) -> str:
    """Return the text with lines and tabs kept, and everything else that is unprintable escaped."""
    from genrekit.text import encodable, visible

    clean = "\n".join("\t".join(map(visible, line.split("\t"))) for line in text.split("\n"))
    return encodable(clean, stream)
