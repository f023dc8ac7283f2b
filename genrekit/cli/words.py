"""What commands say to a person, on stderr; stdout is for data."""

from __future__ import annotations

import sys


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
    encoding = sys.stderr.encoding or "utf-8"
    clean = "".join(
        c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape", "surrogatepass").decode()
        for c in text
    )
    return clean.encode(encoding, "backslashreplace").decode(encoding)
