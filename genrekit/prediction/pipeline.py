"""The prediction pipeline: inputs to tasks, windows, scores and rows, in order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain, groupby, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, cast

from genrekit.backends import DISTANCE, OUTPUT, Explains
from genrekit.errors import UsageError
from genrekit.execution import Outcome, default_jobs, open_pool, ordered_map
from genrekit.prediction.decision import Decision
from genrekit.prediction.explanation_images import explanation_image
from genrekit.prediction.inputs import Input
from genrekit.prediction.model import Model
from genrekit.prediction.options import PredictOptions
from genrekit.prediction.reasons import explained
from genrekit.prediction.routing import Router, TableTask
from genrekit.prediction.scoring import Scored, score_windows
from genrekit.prediction.worker import Task, Worker, absolute, lost
from genrekit.preparation import Cache, Preparation, Preparer
from genrekit.types import Content, Example, Prediction, Say, silent

if TYPE_CHECKING:
    from genrekit.execution import AnyPool

BATCH = 64
BATCH_WAIT_S = 0.25
FEW = 4

AnyTask = Task | TableTask
Prepare = Callable[[Iterator[Task]], Iterator[Outcome[Task, Preparation]]]
Inputs = str | Path | Example | Input | Iterable[str | Path | Input | Example]


@dataclass(frozen=True, slots=True)
class Finished:
    """The outcome of one input.

    Attributes
    ----------
    name : str
        Name of the input.
    prediction : Prediction or None
        None if the prediction of the same content is known, or the table was left for later.
    table : TableTask or None
        A table that was left for later.
    """

    name: str
    prediction: Prediction | None = None
    table: TableTask | None = None


@dataclass(frozen=True)
class Pipeline:
    """Models with options and resources, ready to predict any number of inputs, any number of times.

    Attributes
    ----------
    models : sequence of Model
        The first model that takes an input predicts it.
    options : PredictOptions
    cache : Cache
    pool : Pool or DaskPool, optional
        Workers that prepare, never this process; the pool stays open when the stream ends.
    jobs : int >= 1, optional
        Without a pool: processes for one stream; by default one per core, and none for a few inputs.
    timeout_s : float > 0, optional
        Without a pool: seconds after which an input counts as failed.
    cluster : str, optional
        Without a pool: the address of a Dask cluster.
    say : callable
        Takes lines for the user.
    lists : bool
        Whether a table may be a list of files, whose files are predicted.

    Raises
    ------
    UsageError
        If there is no model, the options name a label that a model does not have, or no model can explain.
    """

    models: Sequence[Model]
    options: PredictOptions = field(default_factory=PredictOptions)
    cache: Cache = field(default_factory=Cache)
    pool: AnyPool | None = None
    jobs: int | None = None
    timeout_s: float | None = None
    cluster: str | None = None
    say: Say = silent
    lists: bool = True
    _without_reasons: set[str] = field(default_factory=set, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.models:
            raise UsageError(
                "There is no model to predict with: no shipped model was found.",
                "Choose a bundle: --model FILE, or model=FILE in Python.",
            )
        _ = self.decisions
        if (self.options.explain or self.options.images) and not any(map(self._explains, self.models)):
            names = ", ".join(model.name for model in self.models)
            draws = any(model.has_heat_maps for model in self.models)
            what = "heat maps or explanations" if self.options.images else "explanations in words"
            raise UsageError(
                f"No loaded model has {what} (models: {names}).",
                "Heat maps are available: add --explain-dir FOLDER." if draws else "",
            )
        if self.options.images and self.options.heat_map == "grad-cam":
            for model in self.models:
                if model.has_heat_maps:
                    model.check_heat_map("grad-cam")

    @cached_property
    def decisions(self) -> tuple[Decision, ...]:
        """Decision rules of the models under the options."""
        return tuple(model.decision(self.options) for model in self.models)

    def run(
        self,
        inputs: Inputs,
        *,
        known: Callable[[str], Content | None] = lambda name: None,
        tables: bool = True,
        keys_sound: bool = False,
    ) -> Iterator[Finished]:
        """Predict inputs, lazily and in order.

        Parameters
        ----------
        inputs : str, Path, Input or Example, or an iterable of them
        known : callable
            Gives the content of an input, by its name, whose prediction is there already.
        tables : bool
            Whether tables are predicted row by row now, or left for `rows`.
        keys_sound : bool
            Whether the content of songs has the key of their sound.

        Yields
        ------
        Finished
            One per input, and one per row of a table.
        """
        given = [inputs] if isinstance(inputs, str | Path | Input | Example) else inputs
        tasks: Iterator[AnyTask] = (
            task if isinstance(task, TableTask) else replace(task, known=known(task.example.id))
            for task in self.tasks(given)
        )
        with self.preparing(tasks, keys_sound=keys_sound) as (tasks, prepare):
            for is_table, run in groupby(tasks, key=lambda task: isinstance(task, TableTask)):
                if is_table:
                    for table in cast("Iterator[TableTask]", run):
                        if tables:
                            yield from (Finished(row.id, row) for row in self.rows(table))
                        else:
                            yield Finished(table.name, table=table)
                    continue
                yield from self._scored(prepare(cast("Iterator[Task]", run)))

    @contextmanager
    def preparing(
        self, tasks: Iterator[AnyTask], *, keys_sound: bool = False, timbre: bool = False
    ) -> Iterator[tuple[Iterator[AnyTask], Prepare]]:
        """Open the workers for a stream of tasks, and close them at the end of the block, unless they are ``pool``.

        Parameters
        ----------
        tasks : iterator of Task or TableTask
        keys_sound : bool
            As for `run`.
        timbre : bool
            Whether songs have their timbre.

        Yields
        ------
        tasks : iterator of Task or TableTask
            All of them, including the first few that were counted.
        prepare : callable
            Prepares tasks, lazily and in order; an error is an outcome.
        """
        with ExitStack() as stack:
            pool, tasks = self._open_pool(tasks, stack)
            elsewhere = pool is not None and pool.elsewhere
            folder = None
            if not elsewhere:  # a killed worker cannot remove the files that it fetched
                folder = Path(stack.enter_context(TemporaryDirectory(prefix="genrekit-")))
            worker = self.worker(folder, keys_sound=keys_sound, timbre=timbre)

            def prepare(single: Iterator[Task]) -> Iterator[Outcome[Task, Preparation]]:
                if elsewhere:
                    single = map(absolute, single)
                return pool.map(worker, single) if pool else ordered_map(worker, single)

            yield tasks, prepare

    def tasks(self, inputs: Iterable[str | Path | Input | Example]) -> Iterator[Task | TableTask]:
        """Find the model for each input, lazily and in order."""
        router = Router(self.models, self.options.offset_s, self.options.duration_s, self.say, self.lists)
        return router.tasks(inputs)

    def worker(self, folder: Path | None = None, *, keys_sound: bool = False, timbre: bool = False) -> Worker:
        """Return the work of a worker process.

        Parameters
        ----------
        folder : Path, optional
            Folder of files that are fetched for the time of their preparation.
        keys_sound, timbre : bool
            As for `preparing`.
        """
        return Worker(
            tuple(
                Preparer(m.backend, m.config, self.cache, folder, keys_sound, timbre=timbre)
                for m in self.models
            ),
            self.options.measures,
        )

    def outputs(self, task: Task) -> tuple[str, ...]:
        """Return the outputs of the graph that the prediction of a task depends on."""
        return (OUTPUT, DISTANCE) if self.decisions[task.model].uses_distance else (OUTPUT,)

    def rows(self, table: TableTask) -> Iterator[Prediction]:
        """Predict a table row by row, in order and in bounded memory."""
        from genrekit.prediction.table_rows import table_predictions

        return table_predictions(table, self.models[table.model], self.decisions[table.model], self.say)

    def _open_pool(
        self, tasks: Iterator[AnyTask], stack: ExitStack
    ) -> tuple[AnyPool | None, Iterator[AnyTask]]:
        """Return the workers to use, None for this process, and all tasks, including the first few that were counted."""
        if self.pool is not None:
            return self.pool, tasks
        first = list(islice(tasks, FEW + 1))
        jobs = self.jobs or (1 if len(first) <= FEW else default_jobs())
        tasks = chain(first, tasks)
        if jobs == 1 and self.timeout_s is None and self.cluster is None:
            return None, tasks
        pool = open_pool(jobs, timeout_s=self.timeout_s, cluster=self.cluster)
        stack.enter_context(pool)
        return pool, tasks

    def _scored(self, outcomes: Iterator[Outcome[Task, Preparation]]) -> Iterator[Finished]:
        """Score in batches, without waiting for a batch to fill."""
        waiting: list[Outcome[Task, Preparation]] = []
        since = time.monotonic()
        for outcome in outcomes:
            waiting.append(outcome)
            if len(waiting) >= BATCH or time.monotonic() - since > BATCH_WAIT_S:
                yield from self._score(waiting)
                waiting = []
                since = time.monotonic()
        yield from self._score(waiting)

    def _score(self, batch: Sequence[Outcome[Task, Preparation]]) -> Iterator[Finished]:
        scored: dict[int, Scored | str] = {}
        for number, model in enumerate(self.models):
            windows = {
                k: outcome.value.windows.values
                for k, outcome in enumerate(batch)
                if outcome.value is not None
                and outcome.value.windows is not None
                and outcome.item.model == number
            }
            if windows:
                names = self.outputs(batch[next(iter(windows))].item)
                scored |= zip(windows, score_windows(model, list(windows.values()), names), strict=True)
        for k, outcome in enumerate(batch):
            task, preparation = outcome.item, outcome.value or lost(outcome)
            if preparation.windows is None and preparation.error is None:
                yield Finished(task.example.id)
                continue
            found = scored.get(k, preparation.error or "The input could not be prepared.")
            yield Finished(task.example.id, self.prediction(task, preparation, found))

    def prediction(self, task: Task, preparation: Preparation, scored: Scored | str) -> Prediction:
        """Make the prediction of an example from its windows and their scores, or from the reason why it has none."""
        example, windows = task.example, preparation.windows
        if isinstance(scored, str) or windows is None:
            return Prediction(
                id=example.id, error=str(scored), extra=example.extra, content=preparation.content
            )
        model = self.models[task.model]
        prediction = self.decisions[task.model].example(
            example, windows, scored.scores, preparation.content, scored.distance
        )
        if preparation.analysis:
            prediction = replace(prediction, analysis=preparation.analysis)
        if self.options.explain and isinstance(model.backend, Explains):
            (prediction,) = explained(model, windows.values, [prediction])
        elif self.options.images and model.has_heat_maps:
            image = explanation_image(model, prediction, windows, scored.scores, self.options.heat_map)
            prediction = replace(prediction, image=image)
        elif self.options.explain and not self.options.images and model.name not in self._without_reasons:
            self._without_reasons.add(model.name)
            self.say(
                f"model {model.name} has no explanations in words"
                + ("; --explain-dir FOLDER writes heat maps" if model.has_heat_maps else "")
            )
        return prediction

    def _explains(self, model: Model) -> bool:
        draws = self.options.images and model.has_heat_maps
        return draws or isinstance(model.backend, Explains)
