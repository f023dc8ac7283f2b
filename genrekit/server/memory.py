"""Memory that is free is given back to the system."""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import Any


@cache
def _trim() -> Any:
    """Return ``malloc_trim`` of glibc, or None where the C library has none."""
    return getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform.startswith("linux") else None


def give_back() -> None:
    """Return free memory to the system: glibc keeps a quarter of a process after models were loaded."""
    if (trim := _trim()) is not None:
        trim(0)
