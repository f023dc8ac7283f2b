"""Rank of this process among those that torchrun started; without torchrun, one process alone."""

from __future__ import annotations

import os


def rank() -> int:
    """Return the number of this process, from 0; process 0 saves and reports."""
    return int(os.environ.get("RANK", "0")) if _launched() else 0


def local_rank() -> int:
    """Return the number of this process on its machine."""
    return int(os.environ.get("LOCAL_RANK", "0")) if _launched() else 0


def world_size() -> int:
    """Return the number of processes."""
    return int(os.environ.get("WORLD_SIZE", "1")) if _launched() else 1


def local_world_size() -> int:
    """Return the number of processes on this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1")) if _launched() else 1


def _launched() -> bool:
    """Return whether torchrun started this process; other tools set RANK with another meaning."""
    return "TORCHELASTIC_RUN_ID" in os.environ
