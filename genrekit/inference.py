"""Files in, predictions out: prepare every task, score in batches, keep the order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, groupby, islice
from pathlib import Path
from typing import cast

import numpy as np

from genrekit.answer import Answer
from genrekit.backends.hooks import Explains
from genrekit.cache import Cache
from genrekit.errors import GenrekitError, MediaError, UsageError
from genrekit.execution import Outcome, default_jobs, ordered_map
from genrekit.inputs import Input
from genrekit.model import Model, load_box, load_model
from genrekit.preparation import Preparer
from genrekit.routing import BulkTable, Router, Task
from genrekit.types import Example, Prediction, Windows

__all__ = ["Answer", "Model", "load_box", "load_model", "predict"]

BATCH = 64
BATCH_WAIT_S = 0.25
FEW = 4

Say = Callable[[str], None]


@dataclass(frozen=True)
class Worker:
    """What a process does with a task; it knows how to prepare for every model, and nothing of the graphs."""

    preparers: tuple[Preparer, ...]

    def __call__(self, task: Task) -> Windows:
        """Prepare the example of one task."""
        if task.error:
            raise MediaError(task.error)
        return self.preparers[task.model](task.example)


def predict(
    inputs: str | Path | Example | Iterable[str | Path | Input | Example],
    *,
    models: Sequence[Model | str | Path] | None = None,
    answer: Answer | None = None,
    offset_s: float = 0.0,
    duration_s: float | None = None,
    jobs: int | None = None,
    timeout_s: float | None = None,
    cache: Cache | None = None,
    say: Say = lambda text: None,
) -> Iterator[Prediction]:
    """Predict the genre of everything that the inputs mean, one prediction each, in order.

    Parameters
    ----------
    inputs : str, Path or Example, or an iterable of them
        Files, folders, glob patterns; tables are answered row by row, manifests file by file.
    models : sequence of Model, str or Path, optional
        The first model that takes an input answers it; the box where none are given.
    answer : Answer, optional
        What an answer lists.
    offset_s, duration_s : float
        The part of every song to hear, in seconds.
    jobs : int, optional
        Processes that prepare; by default one a core, and none for a handful of inputs.
    timeout_s : float > 0, optional
        Seconds after which an input counts as failed.
    cache : Cache, optional
    say : callable
        Gets lines for a person.

    Yields
    ------
    Prediction
        An input that cannot be read is a prediction with ``error``.

    Raises
    ------
    UsageError
        If no model is there, or ``answer`` names a label that a model does not know.
    """
    if isinstance(inputs, str | Path | Example):
        inputs = [inputs]
    loaded = (
        load_box() if models is None else tuple(m if isinstance(m, Model) else load_model(m) for m in models)
    )
    if not loaded:
        raise UsageError(
            "There is no model to predict with: the box is empty.",
            "Name a bundle: --model FILE, or models=[FILE] in Python.",
        )
    answer = answer or Answer()
    for model in loaded:
        answer.allowed(model)
    if answer.explain and not any(isinstance(model.backend, Explains) for model in loaded):
        names = ", ".join(model.name for model in loaded)
        raise UsageError(f"No model here can explain its answers (asked: {names}).")
    tasks = Router(loaded, offset_s, duration_s, say).tasks(inputs)
    first = list(islice(tasks, FEW + 1))
    if jobs is None:
        jobs = 1 if len(first) <= FEW else default_jobs()
    worker = Worker(tuple(Preparer(model.backend, model.config, cache or Cache()) for model in loaded))
    prepare = partial(ordered_map, worker, jobs=jobs, timeout_s=timeout_s)
    return _in_order(chain(first, tasks), prepare, loaded, answer, say)


def _in_order(
    tasks: Iterator[Task | BulkTable],
    prepare: Callable[[Iterable[Task]], Iterator[Outcome[Task, Windows]]],
    models: Sequence[Model],
    answer: Answer,
    say: Say,
) -> Iterator[Prediction]:
    """Runs of single inputs through the workers, and between them tables in bulk."""
    for is_bulk, run in groupby(tasks, key=lambda task: isinstance(task, BulkTable)):
        if not is_bulk:
            yield from _answers(prepare(cast("Iterator[Task]", run)), models, answer)
            continue
        from genrekit.bulk import answers

        for table in cast("Iterator[BulkTable]", run):
            yield from answers(table, models[table.model], answer, say)


def _answers(
    outcomes: Iterator[Outcome[Task, Windows]], models: Sequence[Model], answer: Answer
) -> Iterator[Prediction]:
    """Score in batches, but keep nobody waiting for a batch to fill."""
    waiting: list[Outcome[Task, Windows]] = []
    since = time.monotonic()
    for outcome in outcomes:
        waiting.append(outcome)
        if len(waiting) >= BATCH or time.monotonic() - since > BATCH_WAIT_S:
            yield from _score(waiting, models, answer)
            waiting = []
            since = time.monotonic()
    yield from _score(waiting, models, answer)


def _score(
    batch: Sequence[Outcome[Task, Windows]], models: Sequence[Model], answer: Answer
) -> Iterator[Prediction]:
    scores: dict[int, np.ndarray | str] = {}
    for number, model in enumerate(models):
        members = {
            k: outcome.value.values
            for k, outcome in enumerate(batch)
            if outcome.value is not None and outcome.item.model == number
        }
        if members:
            scores |= zip(members, _window_scores(model, list(members.values())), strict=True)
    for k, outcome in enumerate(batch):
        example = outcome.item.example
        found = scores.get(k, outcome.error or "failed")
        if isinstance(found, str) or outcome.value is None:
            yield Prediction(id=example.id, error=str(found), extra=example.extra)
        else:
            model = models[outcome.item.model]
            prediction = answer.give(model, example, outcome.value, found)
            if answer.explain and isinstance(model.backend, Explains):
                from genrekit.bulk import explained

                (prediction,) = explained(model, outcome.value.values, iter([prediction]))
            yield prediction


def _window_scores(model: Model, windows: list[np.ndarray]) -> list[np.ndarray | str]:
    """Score the windows of several examples in one batch; what the graph cannot take gets its error."""
    runtime = model.runtime  # a graph that cannot be run is the model's fault, and ends the run
    if len({values.shape[1:] for values in windows}) == 1:
        try:
            ends = np.cumsum([len(values) for values in windows])
            return [*np.split(runtime.scores(np.concatenate(windows)), ends[:-1])]
        except GenrekitError as error:
            if len(windows) == 1:
                return [str(error)]
    return [part for values in windows for part in _window_scores(model, [values])]
