"""The models of a server: loaded once, swapped as a whole while requests are under way."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from weakref import WeakSet

from genrekit.errors import UsageError
from genrekit.execution import Pool
from genrekit.models import SUFFIX, load, shipped_models
from genrekit.prediction import Model, load_model, load_shipped
from genrekit.preparation import Cache
from genrekit.server.batching import Batcher
from genrekit.server.metrics import Metrics
from genrekit.server.settings import Settings
from genrekit.server.snapshot import Loaded, Snapshot


class Registry:
    """Loads models, and swaps them.

    Parameters
    ----------
    settings : Settings
        Models, variants and shadow.
    folder : Path
        A private folder for copies of the bundles.
    pool, cache, metrics

    Attributes
    ----------
    current : Snapshot
    """

    def __init__(self, settings: Settings, folder: Path, pool: Pool, cache: Cache, metrics: Metrics) -> None:
        self._settings = settings
        self._words = settings.models
        self._others = [variant.model for variant in settings.ab] + (
            [settings.shadow] if settings.shadow else []
        )
        self._folder = folder
        self._pool = pool
        self._cache = cache
        self._metrics = metrics
        self._seen: dict[str, Any] = {}
        self._batchers: WeakSet[Batcher] = WeakSet()
        self.current = self.load()
        self._announce()

    def load(self) -> Snapshot:
        """Load the models again while the current ones are served.

        Raises
        ------
        GenrekitError
            As `genrekit.prediction.load_model`, or if two models have one name, or variants take different inputs.
        """
        self._seen = self._states()
        routed = [load_model(word) for word in self._words] if self._words else list(load_shipped())
        others = [load_model(word) for word in self._others]
        names = tuple(model.name for model in routed)
        by_name: dict[str, Model] = {}
        for model in (*routed, *others):
            known = by_name.setdefault(model.name, model)
            if known.bundle.sha256 != model.bundle.sha256 or names.count(model.name) > 1:
                raise UsageError(
                    f"Two models have the name {model.name!r}.",
                    "Train one of them again into a file of another name.",
                )
        variants = tuple(
            zip((model.name for model in others), (v.weight for v in self._settings.ab), strict=False)
        )
        if len({model.backend.info.modality for model in others[: len(variants)]}) > 1:
            raise UsageError(
                "The models of an A/B test take different kinds of input.", "Compare models for one kind."
            )
        return Snapshot(
            self._open_all(by_name.values()),
            names,
            self._pool,
            self._cache,
            variants=variants,
            shadow=others[-1].name if self._settings.shadow else None,
        )

    def swap(self, fresh: Snapshot) -> None:
        """Serve other models; the previous ones finish their requests."""
        stale, self.current = self.current, fresh
        self._announce()
        stale.closed = self._remove_copies
        stale.retire()

    def changed(self) -> bool:
        """Return whether the file of a model has changed since it was last loaded or checked."""
        states = self._states()
        if states != self._seen:
            self._seen = states
            return True
        return False

    def end(self) -> None:
        """End the scoring of every model that was opened, whether requests use it or not."""
        for batcher in list(self._batchers):
            batcher.end()

    def _announce(self) -> None:
        loaded = self.current.by_name.values()
        self._metrics.models((one.model.name, one.model.bundle.sha256) for one in loaded)

    def _remove_copies(self, stale: Snapshot) -> None:
        kept = {one.bundle for one in self.current.by_name.values()}
        for one in stale.by_name.values():
            if one.bundle not in kept:
                one.bundle.unlink(missing_ok=True)

    def _open_all(self, models: Iterable[Model]) -> list[Loaded]:
        loaded: list[Loaded] = []
        try:
            for model in models:
                loaded.append(self._open(model))
        except BaseException:
            for one in loaded:
                one.batcher.end()
            raise
        return loaded

    def _open(self, model: Model) -> Loaded:
        copy = self._folder / f"{model.bundle.sha256}{SUFFIX}"
        if not copy.exists() and model.bundle.path is not None:
            part = copy.with_suffix(".part")
            shutil.copyfile(model.bundle.path, part)
            if hashlib.sha256(part.read_bytes()).hexdigest() != model.bundle.sha256:
                raise UsageError(f"{model.bundle.path} changed while it was loaded.", "Try again.")
            part.replace(copy)
        batcher = Batcher(model.runtime, self._metrics.batch_observer(model.name))
        self._batchers.add(batcher)
        batcher.measure()
        light = replace(model, bundle=replace(model.bundle, files=_Files(copy, tuple(model.bundle.files))))
        vars(light)["runtime"] = model.runtime
        return Loaded(light, batcher, copy)

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


class _Files(Mapping[str, bytes]):
    """The files of a bundle, read from its copy when they are needed: the graph is in the runtime already."""

    def __init__(self, bundle: Path, names: tuple[str, ...]) -> None:
        self._bundle = bundle
        self._names = names

    def __getitem__(self, name: str) -> bytes:
        if name not in self._names:
            raise KeyError(name)
        return load(self._bundle).files[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
