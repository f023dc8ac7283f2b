"""Worker processes, each with a pipe of its own, so that one which dies takes nothing but its item with it.

The pools of the standard library, joblib and pebble let all workers share one pipe behind one lock. A worker
killed at the wrong moment then leaves the lock taken, half a message behind, or a task that nobody works on
(https://github.com/noxdafox/pebble/issues/153, https://github.com/noxdafox/pebble/issues/163). With a pipe a
worker the end of the pipe says who died, and what it was at is known because it was sent there.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any

from genrekit.errors import GenrekitError

# Not fork: it copies locks that threads of ONNX Runtime or BLAS may hold. Not forkserver: it is one global
# of the process, without Windows, and what it saves (about a second a worker) is paid once a run.
CONTEXT = multiprocessing.get_context("spawn")

# As many processes as cores are already at work; https://joblib.readthedocs.io/en/stable/parallel.html
# (section on over-subscription) measures what happens when each also starts a thread a core.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)

# A worker has its next item at hand, so that it goes on while the consumer is busy. Only an item that surely
# fits into the pipe (8 KiB on macOS) is sent ahead: else both sides could wait for each other to read.
DEPTH = 2
SENT_AHEAD_BYTES = 4096

# Deaths of starting workers in a row: a few say that none will ever start; once one did, memory may be short
# for a while.
FAILED_STARTS_AT_FIRST = 3
FAILED_STARTS_LATER = 30

Reply = tuple[Any, str | None]


def pooled_map(
    call: Callable[[Any], Reply], items: Iterable[Any], *, jobs: int, timeout_s: float | None, ahead: int
) -> Iterator[tuple[Any, Reply]]:
    """Call a function in worker processes; see `genrekit.execution.ordered_map.ordered_map`.

    Parameters
    ----------
    call : callable
        Returns a value and an error, of which one is None, and raises nothing.
    items : iterable
    jobs, timeout_s, ahead
        As in ``ordered_map``.

    Yields
    ------
    (item, (value, error))
        In input order.
    """
    source = iter(items)
    exhausted = False
    pending: deque[_Task] = deque()
    try:
        pickled_call = pickle.dumps(call)
    except Exception as error:  # whatever the function's own code raises
        raise _cannot_load(_words(error)) from error
    pool = _Pool(pickled_call, jobs, timeout_s)
    try:
        while True:
            pool.collect(block=False)
            while not exhausted and len(pending) < ahead and pool.has_room():
                try:
                    task = _Task(next(source))
                except StopIteration:
                    exhausted = True
                else:
                    pending.append(task)
                    pool.submit(task)
            if not pending:
                return
            if (reply := pending[0].reply) is None:
                pool.collect(block=True)
            else:
                yield pending.popleft().item, reply
    finally:
        pool.stop()


@dataclass(eq=False, slots=True)
class _Task:
    item: Any
    payload: bytes = b""
    reply: Reply | None = None


@dataclass(eq=False, slots=True)
class _Worker:
    process: multiprocessing.process.BaseProcess
    connection: Connection
    tasks: deque[_Task] = field(default_factory=deque)
    ready: bool = False
    busy_since_s: float = 0.0

    def give(self, task: _Task) -> None:
        if not self.tasks:
            self.busy_since_s = time.monotonic()
        self.tasks.append(task)
        with contextlib.suppress(OSError):  # it is dead, and the end of its pipe will say so
            self.connection.send_bytes(task.payload)

    def bury(self) -> int | None:
        """Make sure that it is gone; returns its exit code."""
        self.connection.close()
        self.process.join(2)
        if self.process.is_alive():
            self.process.kill()
            self.process.join(2)
        return self.process.exitcode


class _Pool:
    def __init__(self, pickled_call: bytes, jobs: int, timeout_s: float | None) -> None:
        self.pickled_call = pickled_call
        self.jobs = jobs
        self.timeout_s = timeout_s
        self.workers: list[_Worker] = []
        self.waiting: deque[_Task] = deque()
        self.starts_left = FAILED_STARTS_AT_FIRST

    def has_room(self) -> bool:
        return not self.waiting and (
            len(self.workers) < self.jobs or any(len(worker.tasks) < DEPTH for worker in self.workers)
        )

    def submit(self, task: _Task) -> None:
        try:
            task.payload = pickle.dumps(task.item)
        except Exception as error:  # whatever the item's own code raises
            task.reply = (None, f"It cannot be sent to another process: {_words(error)}")
            return
        self.waiting.append(task)
        self._dispatch()

    def collect(self, *, block: bool) -> None:
        """Take in what the workers have sent, deaths and time-outs included."""
        heard = wait([worker.connection for worker in self.workers], self._patience_s() if block else 0)
        for worker in [worker for worker in self.workers if worker.connection in heard]:
            try:
                while worker.connection.poll():
                    self._take(worker, worker.connection.recv_bytes())
            except (EOFError, OSError):
                self._lose(worker, "")
        for worker in [worker for worker in self.workers if self._overdue_s(worker) > 0]:
            worker.process.kill()
            self._lose(worker, f"took longer than {self.timeout_s:g} s")
        self._dispatch()

    def stop(self) -> None:
        """End all workers: the idle ones by the end of their pipe, the busy ones by force."""
        for worker in self.workers:
            if worker.tasks:
                worker.process.kill()
            worker.connection.close()
        for worker in self.workers:
            worker.bury()
        self.workers.clear()

    def _dispatch(self) -> None:
        while self.waiting:
            worker = min(self.workers, key=lambda worker: len(worker.tasks), default=None)
            if (worker is None or worker.tasks) and len(self.workers) < self.jobs:
                worker = _start(self.pickled_call)
                self.workers.append(worker)
            limit = DEPTH if len(self.waiting[0].payload) <= SENT_AHEAD_BYTES else 1
            if worker is None or len(worker.tasks) >= limit:
                return
            worker.give(self.waiting.popleft())

    def _take(self, worker: _Worker, data: bytes) -> None:
        if worker.ready:
            task = worker.tasks.popleft()
            try:
                task.reply = pickle.loads(data)  # noqa: S301 - from our own child
            except Exception as error:  # whatever the value's own code raises
                task.reply = (None, f"Its result cannot be received: {_words(error)}")
        else:
            if problem := pickle.loads(data):  # noqa: S301 - from our own child
                raise _cannot_load(problem)
            worker.ready = True
            self.starts_left = FAILED_STARTS_LATER
        worker.busy_since_s = time.monotonic()

    def _lose(self, worker: _Worker, reason: str) -> None:
        self.workers.remove(worker)
        code = worker.bury()
        how = f"signal {-code}" if code is not None and code < 0 else f"exit status {code}"
        if worker.ready and worker.tasks:
            worker.tasks.popleft().reply = (None, reason or f"the process that read it died ({how})")
        self.waiting.extendleft(reversed(worker.tasks))
        self.starts_left -= not worker.ready
        if self.starts_left == 0:
            raise GenrekitError(
                f"Worker processes cannot be started: one after the other died before it could work ({how}).",
                "A script must do its work under `if __name__ == '__main__':`; otherwise use one job.",
            )

    def _overdue_s(self, worker: _Worker) -> float:
        if self.timeout_s is None or not worker.ready or not worker.tasks:
            return -float("inf")
        return time.monotonic() - worker.busy_since_s - self.timeout_s

    def _patience_s(self) -> float | None:
        overdue_s = max(map(self._overdue_s, self.workers), default=-float("inf"))
        return max(0.0, -overdue_s) if overdue_s > -float("inf") else None


def _start(pickled_call: bytes) -> _Worker:
    ours, theirs = CONTEXT.Pipe()
    process = CONTEXT.Process(target=_serve, args=(theirs, pickled_call), name="genrekit-worker", daemon=True)
    try:
        with theirs, _single_threaded(), _without_interrupts():
            process.start()
    except OSError as error:
        ours.close()
        raise GenrekitError(f"A worker process cannot be started: {error}.", "Use fewer jobs.") from error
    return _Worker(process, ours)


@contextlib.contextmanager
def _single_threaded() -> Iterator[None]:
    """Set the environment that a child inherits before it imports anything."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """Start a child that Ctrl-C does not reach, not even while it boots; here it arrives a moment later."""
    if sys.platform == "win32":
        yield
        return
    resource_tracker.ensure_running()  # a process starts it otherwise, and it then unblocks the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(connection: Connection, pickled_call: bytes) -> None:
    """The life of a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError):  # no stderr
        os.dup2(2, 1)  # stdout is the parent's, for data: what libraries print goes to stderr
    try:
        call = pickle.loads(pickled_call)  # noqa: S301 - from our own parent
    except Exception as error:
        connection.send_bytes(pickle.dumps(_words(error)))
        return
    with contextlib.suppress(EOFError, OSError):  # the parent is gone, or needs no more
        connection.send_bytes(pickle.dumps(None))
        while True:
            connection.send_bytes(_reply(call, connection.recv_bytes()))


def _reply(call: Callable[[Any], Reply], payload: bytes) -> bytes:
    try:
        return pickle.dumps(call(pickle.loads(payload)))  # noqa: S301 - from our own parent
    except (Exception, SystemExit) as error:  # from loading or sending; ``call`` itself only leaves by exit()
        return pickle.dumps((None, _words(error)))


def _cannot_load(problem: str) -> GenrekitError:
    return GenrekitError(
        f"Another process cannot load what it should do: {problem}.",
        "Define it in a module that can be imported, or work with one job and no time limit.",
    )


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
