"""The work of worker processes: preparation. A worker imports this module alone, not the graphs, tables and output above it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

from genrekit.errors import MediaError
from genrekit.execution import Outcome
from genrekit.hashing import content_of
from genrekit.preparation import Preparation, Preparer
from genrekit.text import sentence
from genrekit.types import Content, Example


@dataclass(frozen=True, slots=True)
class Task:
    """An example with the model that takes it, or the reason why none does.

    ``known`` is the content whose prediction is there already.
    """

    example: Example
    model: int = -1
    error: str = ""
    known: Content | None = None


@dataclass(frozen=True)
class Worker:
    """The work of a worker process: preparation for every model, without its graph."""

    preparers: tuple[Preparer, ...]
    measures: tuple[str, ...] = ()

    def __call__(self, task: Task) -> Preparation:
        """Prepare the example of one task."""
        if not task.error:
            return self.preparers[task.model].attempt(task.example, task.known, self.measures)
        content = None
        with suppress(MediaError):
            content = content_of(task.example.path) if task.example.path else None
        if content and task.known and content.sha256 == task.known.sha256:
            return Preparation(content)
        return Preparation(content, error=task.error)


def absolute(task: Task) -> Task:
    """Return the task with a path that means the same on other machines."""
    path = task.example.path
    return task if path is None else replace(task, example=replace(task.example, path=path.absolute()))


def lost(outcome: Outcome[Task, Preparation]) -> Preparation:
    """Return the outcome of an input whose worker died or took too long."""
    content: Content | None = None
    path = outcome.item.example.path
    with suppress(MediaError):
        content = content_of(path) if path else None
    return Preparation(content, error=sentence(outcome.error or "the input could not be prepared"))
