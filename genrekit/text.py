"""Names and words as text that every terminal and file can hold."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def printable(name: str | Path) -> str:
    r"""Return a file name as valid Unicode: bytes that are not UTF-8 as ``\xe9``.

    Examples
    --------
    >>> printable("caf\udce9.wav")
    'caf\\xe9.wav'
    """
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def quote_all(names: Iterable[str], *, limit: int = 12) -> str:
    """Return names in quotation marks with commas between, the first few of many."""
    quoted = [f"'{printable(name)}'" for name in names]
    more = len(quoted) - limit
    return ", ".join(quoted[:limit]) + (f" and {more} more" if more > 0 else "")
