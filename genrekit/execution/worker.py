"""One worker process and the pipe to it."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import Any

from genrekit.errors import GenrekitError
from genrekit.execution.ordered_pool import Reply, words

# Not fork: it copies locks that threads of ONNX Runtime or BLAS may hold. Not forkserver: it is a global state
# of the process, without Windows, and it saves only about a second per worker and pool.
CONTEXT = multiprocessing.get_context("spawn")

# There are as many processes as cores; https://joblib.readthedocs.io/en/stable/parallel.html
# (section on over-subscription) measures what happens when each also starts one thread per core.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)


@dataclass(eq=False, slots=True)
class Task:
    """One item of one call; ``call`` is the pickled function, the same object for all items of a call."""

    item: Any
    call: bytes
    payload: bytes = b""
    reply: Reply | None = None
    unloadable: str = ""
    abandoned_s: float = 0.0
    replied: Callable[[], None] | None = None
    """Called once, by the thread of the pool, when there is a reply."""

    def finish(self, reply: Reply) -> None:
        """Set the reply."""
        self.reply = reply
        if self.replied is not None:
            self.replied()


@dataclass(eq=False, slots=True)
class Worker:
    """A worker process, the tasks that were sent to it, and the call whose function it has loaded."""

    process: multiprocessing.process.BaseProcess
    connection: Connection
    tasks: deque[Task] = field(default_factory=deque)
    ready: bool = False
    busy_since_s: float = 0.0
    call: bytes | None = None

    def knows(self, task: Task) -> bool:
        """Return whether the function of a task was sent before, so that the message is only the item."""
        return self.call is task.call

    def send(self, task: Task) -> None:
        """Send a task, with its function if the worker does not know it."""
        if not self.tasks:
            self.busy_since_s = time.monotonic()
        self.tasks.append(task)
        with contextlib.suppress(OSError):  # it is dead, which the end of its pipe will report
            if not self.knows(task):
                self.connection.send_bytes(b"f" + task.call)
                self.call = task.call
            self.connection.send_bytes(b"i" + task.payload)

    def receive(self, data: bytes) -> bool:
        """Receive a message; return whether it is the first, which means that the process has started."""
        first, self.ready = not self.ready, True
        if not first:
            task = self.tasks.popleft()
            try:
                task.unloadable, reply = pickle.loads(data)  # noqa: S301 - from our own child
            except Exception as error:  # the value may raise anything
                reply = (None, f"Its result cannot be received: {words(error)}")
            task.finish(reply)
        self.busy_since_s = time.monotonic()
        return first

    def end(self) -> int | None:
        """Ensure that the process has ended; return its exit code."""
        self.connection.close()
        self.process.join(2)
        if self.process.is_alive():
            self.process.kill()
            self.process.join(2)
        return self.process.exitcode


def start() -> Worker:
    """Start a worker process.

    Raises
    ------
    GenrekitError
        If the system cannot start another process.
    """
    ours, theirs = CONTEXT.Pipe()
    process = CONTEXT.Process(target=_serve, args=(theirs,), name="genrekit-worker", daemon=True)
    try:
        with theirs, _single_threaded(), _without_interrupts():
            process.start()
    except OSError as error:
        ours.close()
        raise GenrekitError(f"A worker process cannot be started: {error}.", "Use fewer jobs.") from error
    return Worker(process, ours)


@contextlib.contextmanager
def _single_threaded() -> Iterator[None]:
    """Set environment variables that a child inherits before it imports anything."""
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
    """Start a child that ignores Ctrl-C, even while it starts; in this process Ctrl-C is delayed until then."""
    if sys.platform == "win32":
        yield
        return
    resource_tracker.ensure_running()  # otherwise a process starts it, which unblocks the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(connection: Connection) -> None:
    """Run a worker process: load functions and apply the last one to items, until the pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError):  # no stderr
        os.dup2(2, 1)  # stdout is for data of the parent: output of libraries goes to stderr
    call, problem = None, ""
    with contextlib.suppress(EOFError, OSError):  # the parent has ended, or needs no more results
        connection.send_bytes(b"")
        while True:
            message = connection.recv_bytes()
            if message[:1] == b"f":
                try:
                    call, problem = pickle.loads(message[1:]), ""  # noqa: S301 - from our own parent
                except Exception as error:
                    problem = words(error)
            elif problem:
                connection.send_bytes(pickle.dumps((problem, (None, problem))))
            else:
                connection.send_bytes(_reply(call, message[1:]))


def _reply(call: Any, payload: bytes) -> bytes:
    try:
        return pickle.dumps(("", call(pickle.loads(payload))))  # noqa: S301 - from our own parent
    except (Exception, SystemExit) as error:  # from loading or sending; ``call`` itself only leaves by exit()
        return pickle.dumps(("", (None, words(error))))
