"""A pool of worker processes, each with a pipe of its own.

The pools of the standard library, joblib and pebble let all workers share one pipe behind one lock. A worker
killed at the wrong moment then leaves the lock taken, half a message behind, or a task without a worker
(https://github.com/noxdafox/pebble/issues/153, https://github.com/noxdafox/pebble/issues/163). With one pipe per
worker the end of the pipe says which worker died, and its item is known because it was sent there.

A thread of the pool reads the pipes; callers in any thread submit tasks and wait for their replies.
"""

from __future__ import annotations

import pickle
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from functools import partial
from multiprocessing import Pipe
from multiprocessing.connection import wait
from typing import Any

from genrekit.errors import GenrekitError, UsageError
from genrekit.execution.ordered_pool import Item, OrderedPool, Reply, Value, words
from genrekit.execution.outcome import Outcome, attempt
from genrekit.execution.worker import Task, Worker, start

# A worker has its next item queued, so that it continues while the consumer is busy. Only an item that surely
# fits into the pipe (8 KiB on macOS) is sent ahead: otherwise both processes could wait for each other to read.
DEPTH = 2
SENT_AHEAD_BYTES = 4096

# Deaths of starting workers in a row: after a few, none is expected to start; if one did start, memory may be short
# for a while.
FAILED_STARTS_AT_FIRST = 3
FAILED_STARTS_LATER = 30

AHEAD_PER_JOB = 8
ABANDONED_S = 5.0
"""Seconds that a worker may continue with the item of an abandoned call, before it is replaced."""


class Pool(OrderedPool[Task]):
    """Worker processes for any number of calls, consecutive or concurrent.

    Workers start when they are first needed, and keep running. A context manager; `close` stops the workers.

    Parameters
    ----------
    jobs : int >= 1
        Number of worker processes.
    timeout_s : float > 0, optional
        Seconds that one item may take, without the start of its process.

    Raises
    ------
    UsageError
        If a number is out of range.

    Examples
    --------
    >>> with Pool(jobs=2) as pool:
    ...     [outcome.value for outcome in pool.map(len, ["one", "three"])]
    [3, 5]
    """

    elsewhere = False

    def __init__(self, jobs: int, *, timeout_s: float | None = None) -> None:
        if jobs < 1 or (timeout_s is not None and not timeout_s > 0):
            raise UsageError(
                f"A pool cannot have jobs={jobs} and timeout_s={timeout_s}.",
                "jobs is a whole number from 1, timeout_s is above 0 or None.",
            )
        self.jobs = jobs
        self.timeout_s = timeout_s
        self._changed = threading.Condition()
        self._workers: list[Worker] = []
        self._waiting: deque[Task] = deque()
        self._starts_left = FAILED_STARTS_AT_FIRST
        self._thread: threading.Thread | None = None
        self._failure: GenrekitError | None = None
        self._closed = False
        self._bell, self._ring = Pipe(duplex=False)
        self._futures: dict[Future[Any], Task] = {}

    def caller(self, fn: Callable[[Item], Value]) -> Callable[[Item], Future[Outcome[Item, Value]]]:
        """Return a function that submits one item and returns the future of its outcome.

        Cancelling the future abandons the item, as closing the iterator of `map` does.

        Parameters
        ----------
        fn : callable
            As for `map`; sent to a worker once, whatever the number of items.

        Returns
        -------
        callable
            May be called from any thread. Raises GenrekitError if the pool is closed or cannot start workers; a pool
            that fails later sets that error on the futures.

        Raises
        ------
        GenrekitError
            If ``fn`` cannot be sent to a worker.
        """
        try:
            call = pickle.dumps(attempt(fn))
        except Exception as error:  # the function may raise anything
            raise self._cannot_load(words(error)) from error

        def submit(item: Item) -> Future[Outcome[Item, Value]]:
            future: Future[Outcome[Item, Value]] = Future()
            task = Task(item, call)
            task.replied = partial(self._settle, task, future)
            with self._changed:
                self._futures[future] = task
            future.add_done_callback(self._drop)
            try:
                self._send(task)
            except GenrekitError:
                future.cancel()
                raise
            return future

        return submit

    def _drop(self, future: Future[Outcome[Item, Value]]) -> None:
        with self._changed:
            task = self._futures.pop(future, None)
        if task is not None and future.cancelled():
            self._forget([task])

    def _settle(self, task: Task, future: Future[Outcome[Item, Value]]) -> None:
        """Set the outcome of a task on its future, unless it was cancelled."""
        assert task.reply is not None
        with suppress(InvalidStateError):
            if task.unloadable:
                future.set_exception(self._cannot_load(task.unloadable))
            else:
                future.set_result(Outcome(task.item, *task.reply))

    def _fail_futures(self, error: GenrekitError) -> None:
        for future in list(self._futures):
            with suppress(InvalidStateError):
                future.set_exception(error)

    def close(self) -> None:
        """End all workers: the idle ones by the end of their pipe, the busy ones by force."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
        self._wake()
        if self._thread is not None:
            self._thread.join()
        for worker in self._workers:
            if worker.tasks:
                worker.process.kill()
            worker.connection.close()
        for worker in self._workers:
            worker.end()
        self._workers.clear()
        self._fail_futures(_closed())
        self._bell.close()
        self._ring.close()

    @property
    def failure(self) -> GenrekitError | None:
        """The error for which the pool takes nothing any more; None while it works."""
        return self._failure

    def _has_room(self) -> bool:
        with self._changed:
            self._raise_failure()
            return not self._waiting and (
                len(self._workers) < self.jobs or any(len(worker.tasks) < DEPTH for worker in self._workers)
            )

    def _default_ahead(self) -> int:
        return AHEAD_PER_JOB * self.jobs

    def _wait(self, tasks: deque[Task], *, more: bool) -> None:
        with self._changed:
            while not (tasks and tasks[0].reply) and not (more and self._has_room()):
                self._raise_failure()
                self._changed.wait(1)  # with a limit: without one Ctrl-C is ignored on Windows

    def _reply(self, task: Task) -> Reply | None:
        if task.unloadable:
            raise self._cannot_load(task.unloadable)
        return task.reply

    def _submit(self, item: Any, call: bytes) -> Task:
        task = Task(item, call)
        self._send(task)
        return task

    def _send(self, task: Task) -> None:
        try:
            task.payload = pickle.dumps(task.item)
        except Exception as error:  # the item may raise anything
            task.finish((None, f"It cannot be sent to another process: {words(error)}"))
            return
        with self._changed:
            self._raise_failure()
            if self._thread is None:
                self._thread = threading.Thread(target=self._read, name="genrekit-pool", daemon=True)
                self._thread.start()
            self._waiting.append(task)
            self._dispatch()
        self._wake()

    def _forget(self, tasks: Iterable[Task]) -> None:
        with self._changed:
            for task in tasks:
                task.abandoned_s = time.monotonic()
                if task in self._waiting:
                    self._waiting.remove(task)
        self._wake()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self._closed:
            raise _closed()

    def _wake(self) -> None:
        """Wake the reading thread."""
        try:
            self._ring.send_bytes(b"!")
        except OSError:  # closed in the meantime
            return

    def _read(self) -> None:
        """Receive messages of workers, and handle deaths and time-outs, until the pool is closed."""
        while True:
            with self._changed:
                if self._closed:
                    return
                connections = [worker.connection for worker in self._workers]
                patience_s = self._patience_s()
            heard = wait([self._bell, *connections], patience_s)
            with self._changed:
                while self._bell.poll():
                    self._bell.recv_bytes()
                try:
                    self._collect([worker for worker in self._workers if worker.connection in heard])
                    self._dispatch()
                except GenrekitError as error:
                    self._failure = error
                    self._fail_futures(error)
                self._changed.notify_all()

    def _collect(self, heard: Iterable[Worker]) -> None:
        for worker in heard:
            try:
                while worker.connection.poll():
                    if worker.receive(worker.connection.recv_bytes()):
                        self._starts_left = FAILED_STARTS_LATER
            except (EOFError, OSError):
                self._lose(worker, "")
        for worker in [worker for worker in self._workers if self._overdue_s(worker) > 0]:
            worker.process.kill()
            self._lose(worker, f"took longer than {self.timeout_s or ABANDONED_S:g} s")

    def _dispatch(self) -> None:
        while self._waiting:
            worker = min(self._workers, key=lambda worker: len(worker.tasks), default=None)
            if (worker is None or worker.tasks) and len(self._workers) < self.jobs:
                worker = start()
                self._workers.append(worker)
            task = self._waiting[0]
            limit = DEPTH if len(task.payload) <= SENT_AHEAD_BYTES and worker and worker.knows(task) else 1
            if worker is None or len(worker.tasks) >= limit:
                return
            worker.send(self._waiting.popleft())

    def _lose(self, worker: Worker, reason: str) -> None:
        self._workers.remove(worker)
        code = worker.end()
        how = f"signal {-code}" if code is not None and code < 0 else f"exit status {code}"
        if worker.ready and worker.tasks:
            worker.tasks.popleft().finish((None, reason or f"the process that read it died ({how})"))
        self._waiting.extendleft(reversed([task for task in worker.tasks if not task.abandoned_s]))
        self._starts_left -= not worker.ready
        if self._starts_left == 0:
            raise GenrekitError(
                f"Worker processes cannot be started: they died before they could work ({how}).",
                "A script must do its work under `if __name__ == '__main__':`; otherwise use one job.",
            )

    def _overdue_s(self, worker: Worker) -> float:
        if not worker.ready or not worker.tasks:
            return -float("inf")
        now_s, task = time.monotonic(), worker.tasks[0]
        limits = [worker.busy_since_s + self.timeout_s] if self.timeout_s is not None else []
        limits += [task.abandoned_s + ABANDONED_S] if task.abandoned_s else []
        return max((now_s - limit for limit in limits), default=-float("inf"))

    def _patience_s(self) -> float | None:
        overdue_s = max(map(self._overdue_s, self._workers), default=-float("inf"))
        return max(0.0, -overdue_s) if overdue_s > -float("inf") else None

    def _cannot_load(self, problem: str) -> GenrekitError:
        return GenrekitError(
            f"Another process cannot load the function to run: {problem}.",
            "Define it in a module that can be imported, or work with one job and no time limit.",
        )


def _closed() -> GenrekitError:
    return GenrekitError("The pool of worker processes is closed.", "Use it inside its with block.")
