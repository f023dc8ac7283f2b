"""What commands print: data on stdout, what they say to a person on stderr."""

from __future__ import annotations

import sys
from typing import TextIO


def out(text: str) -> None:
    """Print to stdout; what a file or a stranger named goes through `genrekit.output.writers.visible` before."""
    print(_shown(text, sys.stdout), flush=True)


def say(text: str) -> None:
    """Print a line to stderr."""
    print(printable(text), file=sys.stderr, flush=True)


def error_line(message: str, hint: str = "") -> None:
    """Print an error and, on its own line, what to do about it."""
    say(f"genrekit: {message}")
    if hint:
        say(f"  {hint}")


def printable(text: str) -> str:
    """A text that any stderr can show: control characters and undecodable bytes become escapes."""
    return _shown(text, sys.stderr)


def _shown(text: str, stream: TextIO) -> str:
    """The text with its lines and tabs kept, and everything else that is unprintable escaped."""
    from genrekit.text import encodable, visible

    clean = "\n".join("\t".join(map(visible, line.split("\t"))) for line in text.split("\n"))
    return encodable(clean, stream)
