"""The ordered, bounded map of `genrekit.execution.ordered_map` over a Dask.distributed cluster.

Dask places the tasks, moves them off dead workers, and counts the deaths. This module adds the order, the bound, and
the decision which task caused a death. Dask suspects every task that was assigned to a worker when it died, including
waiting ones (https://distributed.dask.org/en/stable/killed.html), so a file that kills its workers takes innocent
tasks with it. Suspected tasks are run once more, with nothing else of this run on the cluster, and only another full
count of deaths is an error.
"""

from __future__ import annotations

import pickle
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from genrekit.errors import GenrekitError, UsageError
from genrekit.execution.dask_worker import perform, versions_here
from genrekit.execution.ordered_pool import OrderedPool, Reply, words

CONNECT_S = 10.0
POLL_S = 2.0
NO_WORKERS_S = 120.0
TRANSFER_S = 120.0
AHEAD_PER_THREAD = 8
SHARED_BYTES = 1 << 20
"""A function that is larger, because it holds data, is copied to every worker once instead of sent with every item."""

RESUME = "Check the cluster and run the same command again: with --resume it continues where it stopped."


@dataclass(eq=False, slots=True)
class _Task:
    item: Any
    call: bytes
    future: Any = None
    reply: Reply | None = None


class DaskPool(OrderedPool[_Task]):
    """The workers of a Dask cluster, with the interface of `genrekit.execution.Pool`.

    Parameters
    ----------
    address : str
        The scheduler, as ``dask://host:port``. Encryption is configured in Dask
        (``distributed.comm``).
    timeout_s : float > 0, optional
        Seconds that one item may take on a worker, without its wait there. A Python thread cannot be stopped from
        outside: an item that takes longer fails at once and frees its place, but continues in the background of its
        worker until it ends.

    Raises
    ------
    UsageError
        If ``address`` is not one, or Dask is not installed.
    """

    elsewhere = True

    def __init__(self, address: str, *, timeout_s: float | None = None) -> None:
        try:
            # Imported by name: it is optional, and has no type annotations.
            dask = import_module("distributed")
        except ImportError:
            raise UsageError(
                "A cluster needs Dask, which is not installed.", 'pip install "genrekit[dask]"'
            ) from None
        self._session = _Session(dask, _location(address), timeout_s)

    def _default_ahead(self) -> int:
        self._session.connect()
        return AHEAD_PER_THREAD * max(1, self._session.count_threads())

    def _submit(self, item: Any, call: bytes) -> _Task:
        task = _Task(item, call)
        self._session.submit(task)
        return task

    def _wait(self, tasks: deque[_Task], *, more: bool) -> None:
        self._session.settle(tasks)

    def _forget(self, tasks: Iterable[_Task]) -> None:
        self._session.forget(tasks)

    def _cannot_load(self, problem: str) -> GenrekitError:
        return _cannot_load("Another process", problem)

    def close(self) -> None:
        """Disconnect from the cluster, which then drops the tasks of this pool."""
        if self._session.client is not None:
            self._session.client.close()


@dataclass(eq=False, slots=True)
class _Session:
    """A connection to the scheduler, with the data shared by all tasks."""

    dask: Any
    location: str
    timeout_s: float | None
    client: Any = None
    _shared: tuple[bytes, Any] | None = None

    def connect(self) -> None:
        if self.client is not None:
            return
        try:
            arguments = {"timeout": CONNECT_S, "set_as_default": False, "name": "genrekit"}
            self.client = self.dask.Client(self.location, **arguments)
        except Exception as error:  # the server there may be anything
            raise UsageError(
                f"No Dask scheduler can be reached at dask://{self.location} ({words(error)}).",
                "Check that `dask scheduler` runs there, that this machine can reach the port, and that encryption settings match.",
            ) from error

    def forget(self, tasks: Iterable[_Task]) -> None:
        """Remove tasks from the cluster that are no longer needed."""
        futures = [task.future for task in tasks if task.future is not None]
        if futures and self.client.status == "running":
            self.client.cancel(futures, force=True)

    def count_threads(self) -> int:
        try:
            return sum(self.client.nthreads().values())
        except OSError as error:
            raise self._lost(error) from error

    def submit(self, task: _Task) -> None:
        try:
            payload = pickle.dumps(task.item)
        except Exception as error:  # the item may raise anything
            task.reply = (None, f"It cannot be sent to another process: {words(error)}")
            return
        try:
            task.future = self.client.submit(
                perform,
                versions_here(),
                self._share(task.call),
                payload,
                self.timeout_s,
                pure=False,
                retries=0,
            )
        except Exception as error:  # a closed client; the class depends on the version of Dask
            raise self._lost(error) from error

    def _share(self, call: bytes) -> Any:
        """Return a call, or the future of its copies on the workers."""
        if len(call) < SHARED_BYTES:
            return call
        if self._shared is None or self._shared[0] is not call:
            self._shared = call, self.client.scatter(call, broadcast=True, hash=False)
        return self._shared[1]

    def settle(self, tasks: Sequence[_Task]) -> None:
        """Wait until the first task has its reply, and collect all others that are finished.

        If workers died over it, all others are awaited, and then the affected ones are tried again one by one.
        """
        first = tasks[0]
        self._wait(first.future)
        if first.future.status == "finished":
            self._gather([task for task in tasks if task.reply is None and task.future.status == "finished"])
        if first.reply is not None or self._collect(first):
            return
        for task in [task for task in tasks if task.reply is None and not self._collect(task)]:
            self.submit(task)
            self._collect(task, alone=True)

    def _gather(self, tasks: Sequence[_Task]) -> None:
        """Fetch several results at once: the round trip to the workers takes longer than the data."""
        gather = partial(self.client.gather, [task.future for task in tasks], asynchronous=True)
        try:
            answers = self.client.sync(gather, callback_timeout=TRANSFER_S)
        except Exception:  # a worker died while it held a result: `_collect` handles it
            return
        for task, answer in zip(tasks, answers, strict=True):
            self._take(task, answer)

    def _collect(self, task: _Task, *, alone: bool = False) -> bool:
        """Wait for a reply; return False if workers died over it while other tasks were running."""
        try:
            self._wait(task.future)
            answer = task.future.result(timeout=TRANSFER_S)
        except self.dask.KilledWorker as error:
            if alone:
                often = "once" if error.allowed_failures == 0 else f"{error.allowed_failures + 1} times"
                task.reply = (None, f"the worker processes died {often} while working on it")
            return alone
        except (self.dask.CancelledError, OSError) as error:
            raise self._lost(error) from error
        except GenrekitError:
            raise
        except Exception as error:  # `perform` raises nothing: the error is Dask's
            raise _cannot_load(f"The cluster at dask://{self.location}", words(error)) from error
        self._take(task, answer)
        return True

    def _take(self, task: _Task, answer: tuple[str, bytes]) -> None:
        problem, data = answer
        if problem:
            raise _cannot_load("A worker", problem)
        task.future = None  # the cluster may drop it
        try:
            task.reply = pickle.loads(data)  # noqa: S301 - Dask itself trusts its workers as much
        except Exception as error:  # the value may raise anything
            task.reply = (None, f"Its result cannot be received: {words(error)}")

    def _wait(self, future: Any) -> None:
        """Wait for the end of a task while there are workers."""
        end_s = time.monotonic() + NO_WORKERS_S
        while future.status not in ("finished", "error"):
            try:
                future.exception(timeout=POLL_S)
                return
            except self.dask.CancelledError as error:  # the last copy of what all items share is gone
                raise self._lost(error) from error
            except TimeoutError:
                if self.count_threads():
                    end_s = time.monotonic() + NO_WORKERS_S
                elif time.monotonic() > end_s:
                    raise GenrekitError(
                        f"The cluster at dask://{self.location} has had no workers for {NO_WORKERS_S:g} s.",
                        f"Start workers with a nanny so that they are restarted: dask worker {self.location} --nanny. {RESUME}",
                    ) from None

    def _lost(self, error: Exception) -> GenrekitError:
        who = f"the scheduler at dask://{self.location}"
        return GenrekitError(f"The connection to {who} was lost ({words(error)}).", RESUME)


def _location(address: str) -> str:
    """Check an address, and return its ``host:port``; tcp or tls is configured in Dask."""
    try:
        parts = urlsplit(address)
        fine = parts.scheme == "dask" and parts.hostname and parts.port and not (parts.path or parts.query)
    except ValueError:
        fine = False
    if not fine or "@" in address:
        given = "The address given" if "@" in address else repr(address)  # it may hold a password
        raise UsageError(
            f"{given} is not the address of a cluster.",
            "Pass dask://host:port, as in dask://10.0.0.5:8786; `dask scheduler` prints both when it starts.",
        )
    return parts.netloc


def _cannot_load(who: str, problem: str) -> GenrekitError:
    return GenrekitError(
        f"{who} cannot load the function to run: {problem}.",
        "The scheduler and all workers need the same genrekit, Python and plug-ins as this machine.",
    )
