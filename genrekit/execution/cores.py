"""CPU cores available to this process."""

from __future__ import annotations

import os
from math import ceil
from pathlib import Path

CGROUP_CPU_MAX = Path("/sys/fs/cgroup/cpu.max")


def default_jobs() -> int:
    """Count the cores that this process may use: its CPU affinity, and its container's CPU quota (cgroup v2).

    https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu-interface-files
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = CGROUP_CPU_MAX.read_text().split()
        return max(1, min(cores, ceil(int(quota) / int(period))))
    except (OSError, ValueError):  # no such file outside Linux; "max" if there is no quota
        return cores
