"""Files in, predictions out: prepare every task, score in batches, keep the order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain, groupby, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import numpy as np

from genrekit.backends import Explains, PaintsReasons
from genrekit.errors import GenrekitError, MediaError, UsageError
from genrekit.execution import Outcome, default_jobs, ordered_map
from genrekit.hashing import content_of
from genrekit.models import OUTPUT
from genrekit.models.runtime import DISTANCE
from genrekit.prediction.decision import Answer
from genrekit.prediction.inputs import Input
from genrekit.prediction.model import Model, load_box, load_model
from genrekit.prediction.routing import BulkTable, Router, Task
from genrekit.preparation import Cache, Looked, Preparer
from genrekit.types import Content, Example, Prediction

__all__ = ["Answer", "Model", "load_box", "load_model", "predict"]

BATCH = 64
BATCH_WAIT_S = 0.25
FEW = 4

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Finished:
    """What became of one input: its content, and the answer; no answer where its content was known already."""

    task: Task
    content: Content | None
    prediction: Prediction | None


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """The scores of an example's windows [shape=(n_windows, n_labels)], and whether it is like what was learnt."""

    windows: np.ndarray
    familiar: bool | None = None


@dataclass(frozen=True)
class Worker:
    """What a process does with a task; it knows how to prepare for every model, and nothing of the graphs."""

    preparers: tuple[Preparer, ...]
    measures: tuple[str, ...] = ()

    def __call__(self, task: Task) -> Looked:
        """Prepare the example of one task."""
        if not task.error:
            return self.preparers[task.model].look(task.example, task.known, self.measures)
        content = None
        with suppress(MediaError):
            content = content_of(task.example.path) if task.example.path else None
        if content and content.sha256 == task.known:
            return Looked(content)
        return Looked(content, error=task.error)


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
    cluster: str | None = None,
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
    cluster : str, optional
        A Dask cluster that prepares instead of processes here: ``dask://host:port``.
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
    loaded = (
        load_box() if models is None else tuple(m if isinstance(m, Model) else load_model(m) for m in models)
    )
    answer = answer or Answer()
    stream = finished(
        inputs,
        models=loaded,
        answer=answer,
        offset_s=offset_s,
        duration_s=duration_s,
        jobs=jobs,
        timeout_s=timeout_s,
        cache=cache,
        cluster=cluster,
        say=say,
    )
    return _predictions(stream, loaded, answer, say)


def finished(
    inputs: str | Path | Example | Iterable[str | Path | Input | Example],
    *,
    models: Sequence[Model],
    answer: Answer,
    offset_s: float = 0.0,
    duration_s: float | None = None,
    jobs: int | None = None,
    timeout_s: float | None = None,
    cache: Cache | None = None,
    cluster: str | None = None,
    known: Callable[[str], str | None] = lambda name: None,
    say: Say = lambda text: None,
) -> Iterator[Finished | BulkTable]:
    """What `predict` works with: one item an input, and tables as they are, for `genrekit.prediction.table_rows` to answer.

    ``known`` gives the SHA-256 of an input, by its name, whose answer is there already.
    """
    if isinstance(inputs, str | Path | Example):
        inputs = [inputs]
    if not models:
        raise UsageError(
            "There is no model to predict with: the box is empty.",
            "Name a bundle: --model FILE, or models=[FILE] in Python.",
        )
    for model in models:
        answer.allowed(model)
    if answer.explain and not any(_explains(model, answer) for model in models):
        names = ", ".join(model.name for model in models)
        paints = any(isinstance(model.backend, PaintsReasons) for model in models)
        raise UsageError(
            f"No model here can explain its answers in words (asked: {names}).",
            "It can in pictures: add --explain-dir FOLDER." if paints else "",
        )
    routed = Router(models, offset_s, duration_s, say).tasks(inputs)
    tasks = (task if isinstance(task, BulkTable) else _recognised(task, known, cluster) for task in routed)
    first = list(islice(tasks, FEW + 1))
    if jobs is None:
        jobs = 1 if len(first) <= FEW else default_jobs()
    return _in_order(chain(first, tasks), models, answer, jobs, timeout_s, cache or Cache(), cluster)


def _predictions(
    stream: Iterator[Finished | BulkTable], models: Sequence[Model], answer: Answer, say: Say
) -> Iterator[Prediction]:
    for item in stream:
        if isinstance(item, Finished):
            assert item.prediction is not None  # nothing was known
            yield item.prediction
        else:
            from genrekit.prediction.table_rows import answers

            yield from answers(item, models[item.model], answer, say)


def _recognised(task: Task, known: Callable[[str], str | None], cluster: str | None) -> Task:
    """The task with what is known of its content, and a path that means the same on other machines."""
    path = task.example.path
    if cluster and path is not None:
        task = replace(task, example=replace(task.example, path=path.absolute()))
    return replace(task, known=known(task.example.id))


def _in_order(
    tasks: Iterator[Task | BulkTable],
    models: Sequence[Model],
    answer: Answer,
    jobs: int,
    timeout_s: float | None,
    cache: Cache,
    cluster: str | None,
) -> Iterator[Finished | BulkTable]:
    """Runs of single inputs through the workers, and tables between them."""
    with TemporaryDirectory(prefix="genrekit-") as folder:  # a killed worker cannot remove what it fetched
        worker = Worker(
            tuple(Preparer(m.backend, m.config, cache, None if cluster else Path(folder)) for m in models),
            answer.measures,
        )
        for is_bulk, run in groupby(tasks, key=lambda task: isinstance(task, BulkTable)):
            if is_bulk:
                yield from cast("Iterator[BulkTable]", run)
                continue
            single = cast("Iterator[Task]", run)
            outcomes = ordered_map(worker, single, jobs=jobs, timeout_s=timeout_s, cluster=cluster)
            yield from _answers(outcomes, models, answer)


def _answers(
    outcomes: Iterator[Outcome[Task, Looked]], models: Sequence[Model], answer: Answer
) -> Iterator[Finished]:
    """Score in batches, but keep nobody waiting for a batch to fill."""
    waiting: list[Outcome[Task, Looked]] = []
    since = time.monotonic()
    for outcome in outcomes:
        waiting.append(outcome)
        if len(waiting) >= BATCH or time.monotonic() - since > BATCH_WAIT_S:
            yield from _score(waiting, models, answer)
            waiting = []
            since = time.monotonic()
    yield from _score(waiting, models, answer)


def _score(
    batch: Sequence[Outcome[Task, Looked]], models: Sequence[Model], answer: Answer
) -> Iterator[Finished]:
    scores: dict[int, Scored | str] = {}
    for number, model in enumerate(models):
        members = {
            k: outcome.value.windows.values
            for k, outcome in enumerate(batch)
            if outcome.value is not None
            and outcome.value.windows is not None
            and outcome.item.model == number
        }
        if members:
            measured = answer.unfamiliar != "ignore" and model.distance_threshold is not None
            found_of = _window_scores(model, list(members.values()), measured=measured)
            scores |= zip(members, found_of, strict=True)
    for k, outcome in enumerate(batch):
        task, looked = outcome.item, outcome.value or _lost(outcome)
        if looked.windows is None and looked.error is None:
            yield Finished(task, looked.content, None)
            continue
        found = scores.get(k, looked.error or "failed")
        if isinstance(found, str) or looked.windows is None:
            prediction = Prediction(
                id=task.example.id, error=str(found), extra=task.example.extra, content=looked.content
            )
        else:
            model = models[task.model]
            prediction = answer.give(
                model, task.example, looked.windows, found.windows, looked.content, found.familiar
            )
            if looked.analysis:
                prediction = replace(prediction, analysis=looked.analysis)
            if answer.explain and isinstance(model.backend, Explains):
                from genrekit.prediction.table_rows import explained

                (prediction,) = explained(model, looked.windows.values, iter([prediction]))
            elif answer.explain_folder and isinstance(model.backend, PaintsReasons):
                from genrekit.prediction.explanation_images import paint

                paint(model, prediction, looked.windows, found.windows, answer.explain_folder)
        yield Finished(task, looked.content, prediction)


def _explains(model: Model, answer: Answer) -> bool:
    paints = answer.explain_folder is not None and isinstance(model.backend, PaintsReasons)
    return paints or isinstance(model.backend, Explains)


def _lost(outcome: Outcome[Task, Looked]) -> Looked:
    """What is left of an input whose worker died or took too long."""
    content, path = None, outcome.item.example.path
    with suppress(MediaError):
        content = content_of(path) if path else None
    return Looked(content, error=outcome.error or "failed")


def _window_scores(model: Model, windows: list[np.ndarray], *, measured: bool) -> list[Scored | str]:
    """Score the windows of several examples in one batch; what the graph cannot take gets its error."""
    runtime = model.runtime  # a graph that cannot be run is the model's fault, and ends the run
    if len({values.shape[1:] for values in windows}) == 1:
        try:
            ends = np.cumsum([len(values) for values in windows])[:-1]
            names = (OUTPUT, DISTANCE) if measured else (OUTPUT,)
            outputs = runtime.outputs(np.concatenate(windows), names)
            parts = np.split(outputs[OUTPUT], ends)
            if not measured:
                return [Scored(part) for part in parts]
            far = np.split(outputs[DISTANCE], ends)
            limit = model.distance_threshold or 0.0
            return [Scored(part, bool(away.mean() <= limit)) for part, away in zip(parts, far, strict=True)]
        except GenrekitError as error:
            if len(windows) == 1:
                return [str(error)]
    return [part for values in windows for part in _window_scores(model, [values], measured=measured)]
