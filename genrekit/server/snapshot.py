"""The models that a server has loaded at one time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from genrekit.backends import ReadsTables
from genrekit.errors import UnknownModelError
from genrekit.execution import Outcome, Pool
from genrekit.prediction import Model, Pipeline, PredictOptions, Task
from genrekit.preparation import Cache, Preparation
from genrekit.server.batching import Batcher
from genrekit.server.tables import TableJob
from genrekit.text import nearest

MAX_PIPELINES = 256

Prepare = Callable[[Task], "Future[Outcome[Task, Preparation]]"]


@dataclass(frozen=True)
class Served:
    """Models with options, ready for requests.

    Attributes
    ----------
    pipeline : Pipeline
    batchers : tuple of Batcher
        One per model.
    prepare : callable
        Submits a task to the workers.
    bundles : tuple of Path
        Private copies of the bundles that workers load for tables.
    """

    pipeline: Pipeline
    batchers: tuple[Batcher, ...]
    prepare: Prepare
    bundles: tuple[Path, ...]

    def table_job(self, format: str, columns: tuple[str, ...] = ()) -> TableJob:
        """Return the work of a worker on a table."""
        return TableJob(self.bundles, self.pipeline.options, format, columns)


@dataclass(frozen=True)
class Loaded:
    """A model with its batcher, and the private copy of its bundle."""

    model: Model
    batcher: Batcher
    bundle: Path


class Snapshot:
    """The models that are loaded at one time; a request uses one snapshot to its end.

    Attributes
    ----------
    by_name : dict of str to Loaded
        In routing order; names of variants and shadows come last.
    routed : tuple of str
        Names of the models that take inputs by default.
    variants : tuple of (str, float)
        Names and weights of the models of an A/B test.
    shadow : str or None
        Name of the shadow model.
    """

    def __init__(
        self,
        loaded: Sequence[Loaded],
        routed: tuple[str, ...],
        pool: Pool,
        cache: Cache,
        *,
        variants: tuple[tuple[str, float], ...] = (),
        shadow: str | None = None,
    ) -> None:
        self.by_name = {one.model.name: one for one in loaded}
        self.routed = routed
        self.variants = variants
        self.shadow = shadow
        self.closed: Callable[[Snapshot], None] = lambda snapshot: None
        self._pool = pool
        self._cache = cache
        self._served: OrderedDict[tuple[tuple[str, ...], PredictOptions], Served] = OrderedDict()
        self._prepare: dict[tuple[tuple[str, ...], tuple[str, ...]], Prepare] = {}
        self._uses = 0
        self._retired = False

    def served(self, names: tuple[str, ...], options: PredictOptions) -> Served:
        """Return models with options; the latest few are kept.

        Raises
        ------
        UnknownModelError
            If no model of a name is loaded.
        UsageError
            If the options do not fit the models.
        """
        names = names or self.routed
        key = (names, options)
        if (found := self._served.get(key)) is not None:
            self._served.move_to_end(key)
            return found
        loaded = [self.find(name) for name in names]
        pipeline = Pipeline([one.model for one in loaded], options, self._cache, lists=False)
        worker_key = (names, options.measures)
        if worker_key not in self._prepare:
            if len(self._prepare) >= MAX_PIPELINES:
                self._prepare.clear()
            self._prepare[worker_key] = self._pool.caller(pipeline.worker())
        tables = [
            one
            for one in loaded
            if isinstance(one.model.backend, ReadsTables) or one.model.backend.info.columns
        ]
        served = Served(
            pipeline,
            tuple(one.batcher for one in loaded),
            self._prepare[worker_key],
            tuple(one.bundle for one in tables or loaded),
        )
        self._served[key] = served
        if len(self._served) > MAX_PIPELINES:
            self._served.popitem(last=False)
        return served

    def find(self, name: str) -> Loaded:
        """Return a loaded model by its name.

        Raises
        ------
        UnknownModelError
        """
        if (found := self.by_name.get(name)) is not None:
            return found
        guess = nearest(name, self.by_name)
        raise UnknownModelError(
            f"No model {name[:80]!r} is loaded; loaded are {', '.join(self.by_name)}.",
            f"Did you mean {guess}?" if guess else "",
        )

    @contextmanager
    def use(self) -> Iterator[Snapshot]:
        """Keep the models for the time of a request."""
        self._uses += 1
        try:
            yield self
        finally:
            self._uses -= 1
            self._close_if_unused()

    def retire(self) -> None:
        """Close the models when the last request that uses them has ended."""
        self._retired = True
        self._close_if_unused()

    def _close_if_unused(self) -> None:
        if self._retired and not self._uses:
            for one in self.by_name.values():
                one.batcher.close()
            self.closed(self)
