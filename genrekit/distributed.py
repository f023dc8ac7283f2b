"""Which of the processes that torchrun started this is; one alone where it did not."""

from __future__ import annotations

import os


def rank() -> int:
    """The number of this process, from 0; the first one saves and speaks."""
    return int(os.environ.get("RANK", "0")) if _launched() else 0


def local_rank() -> int:
    """The number of this process on its machine."""
    return int(os.environ.get("LOCAL_RANK", "0")) if _launched() else 0


def world_size() -> int:
    """How many there are."""
    return int(os.environ.get("WORLD_SIZE", "1")) if _launched() else 1


def local_world_size() -> int:
    """How many there are on this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1")) if _launched() else 1


def _launched() -> bool:
    """Whether torchrun started this process: others set RANK too, and mean something else."""
    return "TORCHELASTIC_RUN_ID" in os.environ
