"""An ordered, bounded map in which a crash or a time-out costs one item and never the run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from math import ceil
from pathlib import Path
from typing import Generic, TypeVar

from genrekit.errors import GenrekitError, UsageError

Item = TypeVar("Item")
Value = TypeVar("Value")

CGROUP_CPU_MAX = Path("/sys/fs/cgroup/cpu.max")


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Item, Value]):
    """What became of one item.

    Attributes
    ----------
    item : Item
        The item as it was given.
    value : Value or None
        What the function returned; None where there is an error.
    error : str or None
        Why there is no value, in words for a person.
    """

    item: Item
    value: Value | None
    error: str | None


def ordered_map(
    fn: Callable[[Item], Value],
    items: Iterable[Item],
    *,
    jobs: int = 1,
    timeout_s: float | None = None,
    ahead: int | None = None,
    cluster: str | None = None,
) -> Iterator[Outcome[Item, Value]]:
    """Apply a function to every item, lazily and in input order.

    One job without a time limit works in this process. Otherwise worker processes do the work, here or on a
    cluster: one that dies or takes too long costs the item it was at. Closing the iterator early stops them.

    Parameters
    ----------
    fn : callable
        Importable and picklable, like its items and values, where worker processes are used.
    items : iterable
        Pulled from only as workers can take more.
    jobs : int >= 1
        Processes; a cluster has as many as it has.
    timeout_s : float > 0, optional
        Seconds that one item may take; counted without the start of its process.
    ahead : int >= 1, optional
        How many items may be in work, or finished and waiting for their turn. Bounds the memory, and how far
        the others get while one item is slow; 8 a job, or a thread of the cluster, unless given.
    cluster : str, optional
        The scheduler of a Dask cluster, as ``dask://host:port``, whose workers do the work; see
        `genrekit.execution.dask.cluster_map`.

    Yields
    ------
    Outcome
        Exactly one an item. A `GenrekitError` raised by ``fn`` becomes its message and hint, any other
        exception its type and message.

    Raises
    ------
    UsageError
        If ``jobs``, ``timeout_s`` or ``ahead`` is out of range, or the cluster cannot be reached.
    GenrekitError
        If the worker processes cannot be started, or cannot load ``fn``, or the cluster is lost.
    KeyboardInterrupt
        As it came; the workers are stopped first.
    """
    if jobs < 1 or (ahead is not None and ahead < 1) or (timeout_s is not None and not timeout_s > 0):
        raise UsageError(
            f"jobs={jobs}, timeout_s={timeout_s}, ahead={ahead} cannot be used together or at all.",
            "jobs and ahead are whole numbers from 1, timeout_s is above 0 or None.",
        )
    call: Callable[[Item], tuple[Value | None, str | None]] = partial(_attempt, fn)
    if cluster is not None:
        from genrekit.execution.dask import cluster_map

        return _outcomes(cluster_map(call, items, address=cluster, timeout_s=timeout_s, ahead=ahead))
    if jobs == 1 and timeout_s is None:
        return _outcomes((item, call(item)) for item in items)
    # multiprocessing takes 20 ms to import, and the prediction of one file has no use for it.
    from genrekit.execution.pool import pooled_map

    return _outcomes(pooled_map(call, items, jobs=jobs, timeout_s=timeout_s, ahead=ahead or 8 * jobs))


def default_jobs() -> int:
    """Count the cores that this process may use: its CPU affinity, and its container's CPU quota (cgroup v2).

    https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu-interface-files
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = CGROUP_CPU_MAX.read_text().split()
        return max(1, min(cores, ceil(int(quota) / int(period))))
    except (OSError, ValueError):  # no such file outside Linux; "max" where there is no quota
        return cores


def _attempt(fn: Callable[[Item], Value], item: Item) -> tuple[Value | None, str | None]:
    try:
        return fn(item), None
    except GenrekitError as error:
        return None, str(error)
    except Exception as error:
        return None, f"{type(error).__name__}: {error}"


def _outcomes(
    replies: Iterator[tuple[Item, tuple[Value | None, str | None]]],
) -> Iterator[Outcome[Item, Value]]:
    for item, (value, error) in replies:
        yield Outcome(item, value, error)
