"""An ordered, bounded map in which a crash or a time-out costs one item and never the run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from genrekit.errors import UsageError
from genrekit.execution.outcome import Outcome, attempt

if TYPE_CHECKING:
    from genrekit.execution.dask import DaskPool
    from genrekit.execution.pool import Pool

    AnyPool: TypeAlias = Pool | DaskPool

Item = TypeVar("Item")
Value = TypeVar("Value")


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

    One job without a time limit works in this process. Otherwise worker processes do the work, on this machine or on a
    cluster: one that dies or takes too long costs only its current item. Closing the iterator early stops them.

    Parameters
    ----------
    fn : callable
        Importable and picklable, like its items and values, where worker processes are used.
    items : iterable
        Consumed lazily, as workers become available.
    jobs : int >= 1
        Number of processes; ignored with ``cluster``.
    timeout_s : float > 0, optional
        Seconds that one item may take; without the start of its process.
    ahead : int >= 1, optional
        Maximum number of items in work, or finished and waiting for their turn. Bounds the memory, and the progress of
        other items while one is slow; 8 per job, or per thread of the cluster, by default.
    cluster : str, optional
        The scheduler of a Dask cluster, as ``dask://host:port``, whose workers do the work; see
        `genrekit.execution.dask.DaskPool`.

    Yields
    ------
    Outcome
        Exactly one per item. A `GenrekitError` raised by ``fn`` becomes its message and hint, any other
        exception its type and message.

    Raises
    ------
    UsageError
        If ``jobs``, ``timeout_s`` or ``ahead`` is out of range, or the cluster cannot be reached.
    GenrekitError
        If the worker processes cannot be started, or cannot load ``fn``, or the cluster is lost.
    KeyboardInterrupt
        Re-raised after the workers were stopped.
    """
    if jobs < 1 or (ahead is not None and ahead < 1) or (timeout_s is not None and not timeout_s > 0):
        raise UsageError(
            f"jobs={jobs}, timeout_s={timeout_s}, ahead={ahead} cannot be used together or at all.",
            "jobs and ahead are whole numbers from 1, timeout_s is above 0 or None.",
        )
    if cluster is None and jobs == 1 and timeout_s is None:
        call = attempt(fn)
        return (Outcome(item, *call(item)) for item in items)
    return _closing(open_pool(jobs, timeout_s=timeout_s, cluster=cluster), fn, items, ahead)


def open_pool(jobs: int, *, timeout_s: float | None = None, cluster: str | None = None) -> AnyPool:
    """Return a pool of worker processes here, or of the workers of a Dask cluster; close it after use.

    Parameters
    ----------
    jobs, timeout_s, cluster
        As for `ordered_map`.
    """
    if cluster is not None:
        from genrekit.execution.dask import DaskPool

        return DaskPool(cluster, timeout_s=timeout_s)
    # multiprocessing takes 20 ms to import, and the prediction of one file does not need it.
    from genrekit.execution.pool import Pool

    return Pool(jobs, timeout_s=timeout_s)


def _closing(
    pool: AnyPool, fn: Callable[[Item], Value], items: Iterable[Item], ahead: int | None
) -> Iterator[Outcome[Item, Value]]:
    with pool:
        yield from pool.map(fn, items, ahead=ahead)
