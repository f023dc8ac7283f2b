"""Memory that is free is given back to the system."""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import Any

ARENAS = 2
_M_ARENA_MAX = -8  # malloc.h of glibc


@cache
def _libc(name: str) -> Any:
    """Return a function of glibc, or None where the C library does not have it."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform.startswith("linux") else None


def give_back() -> None:
    """Return free memory to the system: glibc keeps a quarter of a process after models were loaded."""
    if (trim := _libc("malloc_trim")) is not None:
        trim(0)


def share_arenas() -> None:
    """Let the threads of this process share two heaps: glibc gives each its own, and keeps what is free in each."""
    if (mallopt := _libc("mallopt")) is not None:
        mallopt(_M_ARENA_MAX, ARENAS)
