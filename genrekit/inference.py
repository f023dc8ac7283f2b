"""Files in, predictions out: prepare every task, score in batches, keep the order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import numpy as np

from genrekit.cache import Cache
from genrekit.errors import GenrekitError, MediaError, UsageError
from genrekit.execution import Outcome, default_jobs, ordered_map
from genrekit.inputs import Input
from genrekit.labels import canonical, normalise
from genrekit.model import Model, load_box, load_model
from genrekit.preparation import Preparer
from genrekit.routing import Router, Task
from genrekit.types import Example, Prediction, Windows, WindowScore

__all__ = ["Answer", "Model", "load_box", "load_model", "predict"]

BATCH = 64
BATCH_WAIT_S = 0.25
FEW = 4
TINY = 1e-12


@dataclass(frozen=True)
class Answer:
    """How scores become a prediction.

    Attributes
    ----------
    top_k : int >= 1
        How many labels an answer lists.
    min_confidence : float in [0, 1]
        Below this score of the best label the answer has no label: the model abstains.
    labels : tuple of str
        Where given, only these labels compete: their scores are divided by their sum.
    windows : bool
        Whether the answer has the timeline.
    """

    top_k: int = 3
    min_confidence: float = 0.0
    labels: tuple[str, ...] = ()
    windows: bool = False

    def allowed(self, model: Model) -> np.ndarray:
        """The indices of the model's labels that compete.

        Raises
        ------
        UsageError
            If a label is not among the model's.
        """
        if not self.labels:
            return np.arange(len(model.labels))
        by_name = {canonical(label): k for k, label in enumerate(model.labels)}
        by_name |= {label: k for k, label in enumerate(model.labels)}
        chosen = []
        for label in self.labels:
            k = by_name.get(normalise(label), by_name.get(canonical(label)))
            if k is None:
                raise UsageError(
                    f"Model {model.name!r} does not know the label {label!r}; it knows {', '.join(model.labels)}."
                )
            chosen.append(k)
        return np.array(sorted(set(chosen)))

    def give(self, model: Model, example: Example, windows: Windows, window_scores: np.ndarray) -> Prediction:
        """Make a prediction of the scores of an example's windows [shape=(n_windows, n_labels)]."""
        allowed = self.allowed(model)
        names = [model.labels[k] for k in allowed]
        window_scores = window_scores[:, allowed]
        scores = window_scores.mean(axis=0)
        if self.labels and not model.bundle.manifest.multilabel:
            # After the mean: a window that is sure of other labels must not count as much as one that is not.
            scores = scores / max(float(scores.sum()), TINY)
            window_scores = window_scores / np.maximum(window_scores.sum(axis=1, keepdims=True), TINY)
        order = np.argsort(-scores, kind="stable")
        best = names[order[0]]
        sure = float(scores[order[0]]) >= self.min_confidence
        thresholds = model.bundle.manifest.thresholds
        above = (
            tuple(names[k] for k in order if scores[k] >= thresholds.get(names[k], 0.5))
            if thresholds
            else (best,)
        )
        timeline: tuple[WindowScore, ...] = ()
        if self.windows:
            timeline = tuple(
                WindowScore(start, end, names[row.argmax()], float(row.max()))
                for (start, end), row in zip(windows.times_s, window_scores, strict=False)
            )
        return Prediction(
            id=example.id,
            model=model.name,
            label=best if sure else None,
            score=float(scores[order[0]]),
            scores=tuple((names[k], float(scores[k])) for k in order[: self.top_k]),
            labels=above if sure else (),
            windows=timeline,
            extra=example.extra,
        )


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
    say: Callable[[str], None] = lambda text: None,
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
    tasks = Router(loaded, offset_s, duration_s, say).tasks(inputs)
    first = list(islice(tasks, FEW + 1))
    if jobs is None:
        jobs = 1 if len(first) <= FEW else default_jobs()
    worker = Worker(tuple(Preparer(model.backend, model.config, cache or Cache()) for model in loaded))
    outcomes = ordered_map(worker, chain(first, tasks), jobs=jobs, timeout_s=timeout_s)
    return _answers(outcomes, loaded, answer)


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
            yield answer.give(models[outcome.item.model], example, outcome.value, found)


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
