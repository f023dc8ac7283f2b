"""The ordered, bounded loop that all kinds of pools share."""

from __future__ import annotations

import pickle
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

from genrekit.errors import GenrekitError
from genrekit.execution.outcome import Outcome, attempt

Item = TypeVar("Item")
Value = TypeVar("Value")
Reply = tuple[Any, str | None]


class PoolTask(Protocol):
    """One item of one call, and its reply once there is one."""

    item: Any
    reply: Reply | None


Task = TypeVar("Task", bound=PoolTask)


class OrderedPool(ABC, Generic[Task]):
    """Workers for any number of calls; a context manager."""

    elsewhere: ClassVar[bool]
    """Whether the workers are on other machines."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def map(
        self, fn: Callable[[Item], Value], items: Iterable[Item], *, ahead: int | None = None
    ) -> Iterator[Outcome[Item, Value]]:
        """Apply a function to every item, lazily and in input order.

        Closing the iterator early drops unfinished items; a local worker that is processing one of them is replaced if
        it does not finish within 5 s.

        Parameters
        ----------
        fn : callable
            Importable and picklable, like its items and values.
        items : iterable
            Consumed lazily, as workers become available.
        ahead : int >= 1, optional
            Maximum number of items in work, or finished and waiting for their turn. By default 8 per job, or per thread
            of the workers of a cluster that are present at the start.

        Yields
        ------
        Outcome
            Exactly one per item; an exception of ``fn`` or the death of its process is its ``error``.

        Raises
        ------
        UsageError
            If no scheduler of a cluster responds at its address within 10 s.
        GenrekitError
            If workers cannot be started, or cannot load ``fn``, or have another version of genrekit or Python; if the
            connection to the scheduler is lost, or all workers of a cluster for 2 minutes. The hint explains how to
            continue.
        """
        try:
            call = pickle.dumps(attempt(fn))
        except Exception as error:  # the function may raise anything
            raise self._cannot_load(words(error)) from error
        source = iter(items)
        exhausted = False
        pending: deque[Task] = deque()
        default = self._default_ahead()
        ahead = ahead or default
        try:
            while True:
                while not exhausted and len(pending) < ahead and self._has_room():
                    try:
                        item = next(source)
                    except StopIteration:
                        exhausted = True
                    else:
                        pending.append(self._submit(item, call))
                if exhausted and not pending:
                    return
                if not (pending and pending[0].reply):
                    self._wait(pending, more=not exhausted and len(pending) < ahead)
                if pending and (reply := self._reply(pending[0])):
                    yield Outcome(pending.popleft().item, *reply)
        finally:
            self._forget(pending)

    @abstractmethod
    def close(self) -> None:
        """Stop the workers, or leave them to others."""

    @abstractmethod
    def _default_ahead(self) -> int:
        """Prepare for a call, and return the number of items in work by default."""

    def _has_room(self) -> bool:
        """Return whether another item may be submitted now."""
        return True

    @abstractmethod
    def _submit(self, item: Any, call: bytes) -> Task:
        """Pass an item to the workers."""

    @abstractmethod
    def _wait(self, tasks: deque[Task], *, more: bool) -> None:
        """Wait until the first task has its reply or, if ``more`` items are left, there is room for another."""

    def _reply(self, task: Task) -> Reply | None:
        """Return the reply of a task, or None if there is none yet."""
        return task.reply

    @abstractmethod
    def _forget(self, tasks: Iterable[Task]) -> None:
        """Drop tasks whose replies are no longer needed."""

    @abstractmethod
    def _cannot_load(self, problem: str) -> GenrekitError:
        """Return the error of a function that another process cannot load."""


def words(error: BaseException) -> str:
    """Return the type and the message of an exception, on one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
