"""The models of a server: loaded once, swapped as a whole while requests are under way."""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genrekit.backends import ReadsTables
from genrekit.errors import UnknownModelError, UsageError
from genrekit.execution import Outcome, Pool
from genrekit.models import SUFFIX, shipped_models
from genrekit.prediction import Model, Pipeline, PredictOptions, Task, load_model
from genrekit.preparation import Cache, Preparation
from genrekit.server.batching import Batcher
from genrekit.server.metrics import Metrics
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
    """

    def __init__(self, loaded: Sequence[Loaded], routed: tuple[str, ...], pool: Pool, cache: Cache) -> None:
        self.by_name = {one.model.name: one for one in loaded}
        self.routed = routed
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


class Registry:
    """Loads models, and swaps them.

    Parameters
    ----------
    words : sequence of str
        Names of shipped models and paths of bundles, in routing order; the shipped single-label models if empty.
    others : sequence of str
        Models that are loaded and take inputs only by name.
    folder : Path
        A private folder for copies of the bundles.
    pool, cache, metrics
    """

    def __init__(
        self,
        words: Sequence[str],
        others: Sequence[str],
        folder: Path,
        pool: Pool,
        cache: Cache,
        metrics: Metrics,
    ) -> None:
        self._words = tuple(words)
        self._others = tuple(others)
        self._folder = folder
        self._pool = pool
        self._cache = cache
        self._metrics = metrics
        self._lock = threading.Lock()
        self._seen: dict[str, Any] = {}
        self.current = self._load()

    def reload(self) -> Snapshot:
        """Load the models again, and swap them if all are sound.

        Raises
        ------
        GenrekitError
            As `genrekit.prediction.load_model`; the models stay as they are.
        """
        with self._lock:
            fresh = self._load()
            stale, self.current = self.current, fresh
        stale.retire()
        return fresh

    def changed(self) -> bool:
        """Return whether the file of a model differs from the one that was loaded or looked at last."""
        states = self._states()
        if states != self._seen:
            self._seen = states
            return True
        return False

    def _load(self) -> Snapshot:
        self._seen = self._states()
        routed = [load_model(word) for word in self._words] if self._words else _shipped()
        others = [load_model(word) for word in self._others]
        names = [model.name for model in routed]
        if doubled := {name for name in names if names.count(name) > 1}:
            raise UsageError(
                f"Two models have the name {doubled.pop()!r}.", "Train one of them with another --name."
            )
        loaded = [self._open(model) for model in routed]
        known = {one.model.name: one.model.bundle.sha256 for one in loaded}
        for model in others:
            if known.get(model.name, model.bundle.sha256) != model.bundle.sha256:
                raise UsageError(
                    f"Two models have the name {model.name!r}.", "Train one of them with another --name."
                )
            if model.name not in known:
                loaded.append(self._open(model))
        self._metrics.models((one.model.name, one.model.bundle.sha256) for one in loaded)
        return Snapshot(loaded, tuple(names), self._pool, self._cache)

    def _open(self, model: Model) -> Loaded:
        copy = self._folder / f"{model.bundle.sha256}{SUFFIX}"
        if not copy.exists() and model.bundle.path is not None:
            part = copy.with_suffix(".part")
            shutil.copyfile(model.bundle.path, part)
            if hashlib.sha256(part.read_bytes()).hexdigest() != model.bundle.sha256:
                raise UsageError(f"{model.bundle.path} changed while it was loaded.", "Try again.")
            part.replace(copy)
        batcher = Batcher(model.runtime, self._metrics.batch_observer(model.name))
        batcher.measure()
        return Loaded(model, batcher, copy)

    def _states(self) -> dict[str, Any]:
        shipped = shipped_models()
        states = {}
        for word in (*self._words, *self._others):
            path = Path(word) if Path(word).is_file() else shipped.get(word.removesuffix(SUFFIX))
            try:
                stat = path.stat() if path else None
                states[word] = stat and (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            except OSError:
                states[word] = None
        return states


def _shipped() -> list[Model]:
    from genrekit.prediction import load_shipped

    return list(load_shipped())
