"""Predictions of a server: routing, preparation in the workers, batches in the graphs; one coroutine per input."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from genrekit.backends import DISTANCE, OUTPUT
from genrekit.errors import GenrekitError, MediaError
from genrekit.execution import Outcome, Pool
from genrekit.media import modality
from genrekit.prediction import Counts, Input, Scored, TableTask, Task, lost
from genrekit.preparation import Preparation
from genrekit.server.batching import Outputs
from genrekit.server.metrics import Metrics
from genrekit.server.problems import Problem
from genrekit.server.rows import Part, Renderer
from genrekit.server.snapshot import Served
from genrekit.server.tables import ColumnsJob
from genrekit.server.uploads import Upload, remove
from genrekit.types import Example, Modality, Prediction

AHEAD_PER_JOB = 2
"""Inputs of one request that are in the workers at a time, per job: the next request need not wait for all of them."""

Request = Upload | Example


@dataclass(frozen=True)
class Engine:
    """Predicts inputs with what a server has.

    Attributes
    ----------
    pool : Pool
    metrics : Metrics
    timeout_s : float
        Seconds that one input may take in a worker, and may wait for one.
    folder : Path
        A private folder.
    """

    pool: Pool
    metrics: Metrics
    timeout_s: float
    folder: Path

    async def in_order(self, inputs: Sequence[Request], served: Served, renderer: Renderer) -> list[Part]:
        """Predict inputs; return their rows in the order of the inputs."""
        if len(inputs) == 1:
            return [await self.one(inputs[0], served, renderer)]
        tasks = self._start(inputs, served, renderer)
        try:
            return list(await asyncio.gather(*tasks))
        finally:
            await _cancel(tasks)

    async def as_finished(
        self, inputs: Sequence[Request], served: Served, renderer: Renderer
    ) -> AsyncIterator[Part]:
        """Predict inputs; yield their rows as they finish."""
        tasks = self._start(inputs, served, renderer)
        try:
            for finished in asyncio.as_completed(tasks):
                yield await finished
        finally:
            await _cancel(tasks)

    def _start(
        self, inputs: Sequence[Request], served: Served, renderer: Renderer
    ) -> list[asyncio.Task[Part]]:
        places = asyncio.Semaphore(AHEAD_PER_JOB * self.pool.jobs)

        async def one(item: Request) -> Part:
            if isinstance(item, Example) and item.row is not None:  # no worker is needed: all in one batch
                return await self.one(item, served, renderer)
            async with places:
                return await self.one(item, served, renderer)

        return [asyncio.create_task(one(item)) for item in inputs]

    async def one(self, item: Request, served: Served, renderer: Renderer) -> Part:
        """Predict one input; a fault of the input becomes the error of its row."""
        task = await self.task(item, served)
        if isinstance(item, Upload) and task is None:
            output = item.folder / f"{secrets.token_hex(8)}.rows"
            return replace(
                await self._rows(Input(item.name, item.path), output, served, renderer), source=item
            )
        assert task is not None
        if task.example.row is not None and served.pipeline.options.explain:
            return replace(await self._explained(task.example, served, renderer), source=item)
        prediction, timed_out = await self.predict(task, served)
        return replace(renderer.part(prediction, timed_out=timed_out), source=item)

    async def task(self, item: Request, served: Served) -> Task | None:
        """Find the model for an input; None for a table."""
        if isinstance(item, Upload):
            return await asyncio.to_thread(_route, served, item)
        (task,) = served.pipeline.tasks([item]) if item.array is None else [_of_spectrogram(item, served)]
        assert isinstance(task, Task)
        return task

    async def predict(self, task: Task, served: Served) -> tuple[Prediction, bool]:
        """Predict the example of a task; return its prediction, and whether it took too long."""
        preparation, timed_out = await self.prepare(task, served)
        scored: Scored | str = preparation.error or "The input could not be prepared."
        if preparation.windows is not None:
            try:
                outputs = await served.batchers[task.model].outputs(
                    preparation.windows.values, served.pipeline.outputs(task)
                )
                scored = self.scored(outputs)
            except GenrekitError as error:
                scored = str(error)
        prediction = served.pipeline.prediction(task, preparation, scored)
        self.metrics.prediction(prediction)
        return prediction, timed_out

    @staticmethod
    def scored(outputs: Outputs) -> Scored:
        """Return the outputs of a graph as a pipeline takes them."""
        return Scored(outputs[OUTPUT], outputs.get(DISTANCE))

    async def prepare(self, task: Task, served: Served) -> tuple[Preparation, bool]:
        """Prepare the example of a task: a row of numbers here, everything that is decoded in a worker."""
        if task.error and task.example.path is None:
            return Preparation(error=task.error), False
        if task.example.row is not None:
            model = served.pipeline.models[task.model]
            try:
                return Preparation(windows=model.backend.prepare(task.example, model.config)), False
            except GenrekitError as error:
                return Preparation(error=str(error)), False
        started_s = time.perf_counter()
        outcome = await self.call(served.prepare, task)
        self.metrics.prepare_s.observe(time.perf_counter() - started_s)
        if outcome.value is not None:
            return outcome.value, False
        return await asyncio.to_thread(lost, outcome), _took_too_long(outcome)

    async def columns(self, uploads: Sequence[Request], served: Served) -> tuple[str, ...]:
        """Return the identifying columns of all tables among the inputs, for the header of CSV."""
        found: dict[str, None] = {}
        submit = self.pool.caller(ColumnsJob(served.bundles))
        for item in uploads:
            if isinstance(item, Upload) and await asyncio.to_thread(_is_table, item.path):
                outcome = await self.call(submit, item.path)
                found |= dict.fromkeys(outcome.value or ())
        return tuple(found)

    async def _explained(self, example: Example, served: Served, renderer: Renderer) -> Part:
        """Predict and explain a row of numbers in a worker: libraries that explain are large."""
        folder = self.folder / secrets.token_hex(8)
        folder.mkdir(mode=0o700)
        try:
            part = await self._rows(example, folder / "rows", served, renderer)
            return replace(part, text="".join(part.pieces()), file=None)
        finally:
            remove(folder)  # a worker that is abandoned cannot write into it any more

    async def _rows(self, table: Input | Example, output: Path, served: Served, renderer: Renderer) -> Part:
        """Predict a table in a worker, which writes its rows to a file."""
        job = served.table_job(renderer.format, renderer.columns)
        outcome = await self.call(self.pool.caller(job), (table, output))
        if outcome.value is None:
            name = table.name if isinstance(table, Input) else table.id
            lost_table: Outcome[Any, Any] = Outcome(Task(Example(name, table.path)), None, outcome.error)
            preparation = await asyncio.to_thread(lost, lost_table)
            prediction = Prediction(id=name, error=preparation.error, content=preparation.content)
            self.metrics.prediction(prediction)
            return renderer.part(prediction, timed_out=_took_too_long(outcome))
        counts: Counts = outcome.value
        self.metrics.inputs.labels("table", "label").inc(counts.predicted)
        self.metrics.inputs.labels("table", "error").inc(counts.failed)
        reason = next(iter(counts.reasons), "")
        return Part(
            file=output,
            header=renderer.header,
            predicted=counts.predicted,
            failed=counts.failed,
            reason=f"{reason}." if reason else "",
            refused=any("is a list of files" in words for words in counts.reasons),
        )

    async def call(self, submit: Callable[[Any], Any], item: Any) -> Outcome[Any, Any]:
        """Submit an item, and wait for its outcome; a caller that is cancelled takes it out of the workers."""
        try:
            async with asyncio.timeout(2 * self.timeout_s):
                outcome: Outcome[Any, Any] = await asyncio.wrap_future(submit(item))
        except GenrekitError as error:
            raise Problem("busy", error.message, error.hint, {"Retry-After": "10"}) from error
        except TimeoutError:
            return Outcome(
                item, None, f"took longer than {2 * self.timeout_s:g} s with its wait for a worker"
            )
        if outcome.error and "died" in outcome.error:
            self.metrics.crashes.inc()
        return outcome


def _route(served: Served, upload: Upload) -> Task | None:
    """Return the task of an upload, or None for a table."""
    if _is_table(upload.path):
        return None
    (task,) = served.pipeline.tasks([Input(upload.name, upload.path)])
    assert not isinstance(task, TableTask)
    return task


def _of_spectrogram(example: Example, served: Served) -> Task:
    """Return the task of a spectrogram, for the first model that takes any."""
    models = served.pipeline.models
    for number, model in enumerate(models):
        if example.kind in model.backend.info.arrays:
            return Task(example, number)
    names = ", ".join(model.name for model in models)
    return Task(example, error=f"No loaded model takes spectrograms (models: {names}).")


def _is_table(path: Path) -> bool:
    with suppress(MediaError):
        return modality(path) is Modality.TABLE
    return False


def _took_too_long(outcome: Outcome[Any, Any]) -> bool:
    return (outcome.error or "").startswith("took longer")


async def _cancel(tasks: Sequence[Awaitable[Part]]) -> None:
    for task in tasks:
        if isinstance(task, asyncio.Task):
            task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
