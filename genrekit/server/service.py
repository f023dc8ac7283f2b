"""State of a running server, and the processing of a request for predictions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from starlette.requests import Request
from starlette.types import Receive

from genrekit.errors import GenrekitError
from genrekit.execution import Pool
from genrekit.prediction import Model
from genrekit.preparation import Cache
from genrekit.server.access_log import AccessLog
from genrekit.server.admission import Admission
from genrekit.server.background import Background, tidy, warm_workers, watch
from genrekit.server.body import BodyReader
from genrekit.server.engine import Engine
from genrekit.server.experiments import Shadow, routed_names
from genrekit.server.leaving import ClientGone, unless_gone
from genrekit.server.library import Library
from genrekit.server.metrics import Metrics
from genrekit.server.params import MAX_TOP_K, Params, read_params
from genrekit.server.playlists import Playlists
from genrekit.server.presence import Presence
from genrekit.server.problems import Problem
from genrekit.server.registry import Registry
from genrekit.server.sessions import Sessions
from genrekit.server.settings import Settings
from genrekit.server.snapshot import Served, Snapshot
from genrekit.server.streams import Streams
from genrekit.server.uploads import Body, Upload, UploadFolder

if TYPE_CHECKING:
    from genrekit.server.keeping import Keeping

Result = TypeVar("Result")


@dataclass(frozen=True)
class Job:
    """A request for predictions that was read and admitted."""

    body: Body
    params: Params
    served: Served
    snapshot: Snapshot


class Service:
    """The models, the workers and the folders of one server.

    Parameters
    ----------
    settings : Settings
        Checked already.

    Raises
    ------
    GenrekitError
        If a model cannot be loaded.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.sessions = Sessions(settings)
        self.playlists = Playlists(settings)
        self.presence = Presence()
        self.log = AccessLog(settings.log, names=settings.log_names)
        self.admission = Admission(settings.jobs, settings.queue, self.metrics)
        self.uploads = UploadFolder()
        self.pool = Pool(settings.jobs, timeout_s=settings.timeout_s)
        self.cache = Cache()
        try:
            self.registry = Registry(settings, self.uploads.path, self.pool, self.cache, self.metrics)
            self.library = Library(settings.index, self.registry.current) if settings.index else None
        except BaseException:
            self.close()
            raise
        self.engine = Engine(self.pool, self.metrics, settings.timeout_s, self.uploads.path)
        self.streams = Streams(self.registry, self.engine, self.pool, self.admission, self.uploads.path)
        self.reader = BodyReader(settings, self.uploads)
        try:
            self.keeping = self._keeping() if settings.store else None
        except BaseException:
            self.close()
            raise
        self.shadow = Shadow(settings.shadow_file, self.engine, self.metrics) if settings.shadow else None
        self._reloading = asyncio.Lock()
        self.background = Background()

    def start(self) -> None:
        """Start the workers and the background tasks; called in the event loop."""
        if self.keeping is not None:
            self.keeping.start()
        self.background.keep(warm_workers(self.pool, self.settings.jobs))
        self.background.keep(tidy(self.cache))
        if self.settings.watch_s:
            self.background.keep(watch(self.settings.watch_s, self.registry.changed, self.reload))

    def _keeping(self) -> Keeping:
        from genrekit.server.keeping import Keeping  # what cleans files is not imported where nothing is kept

        return Keeping(self.settings, self.registry, self.pool, self.uploads.path, self.metrics, self.log)

    def labels(self) -> tuple[str, ...]:
        """Return the labels of the loaded models."""
        loaded = self.registry.current.by_name.values()
        return tuple(label for one in loaded for label in one.model.labels)

    def check_workers(self) -> None:
        """Refuse if no worker can be started any more.

        Raises
        ------
        Problem
        """
        if (failure := self.pool.failure) is not None:
            raise Problem("broken", failure.message, "Restart the server.")

    def check_ready(self) -> None:
        """Raise a problem if the server takes no requests.

        Raises
        ------
        Problem
        """
        if self.admission.draining:
            raise Problem("busy", "The server is about to end.", headers={"Retry-After": "1"})
        self.check_workers()

    async def stop(self) -> None:
        """Stop the background tasks."""
        await self.background.stop()

    def close(self) -> None:
        """Stop the workers and remove the uploads."""
        if keeping := getattr(self, "keeping", None):
            keeping.close()
        self.pool.close()
        if hasattr(self, "registry"):
            self.registry.end()
        self.uploads.close()
        self.log.flush()

    @asynccontextmanager
    async def job(self, request: Request, *, all_scores: bool = False) -> AsyncIterator[Job]:
        """Read, check and admit a request for predictions; its uploads are removed at the end.

        Parameters
        ----------
        request : Request
        all_scores : bool
            Whether rows list all labels unless the request says otherwise.

        Raises
        ------
        Problem, GenrekitError
            If it is refused.
        """
        query = request.query_params.multi_items()
        read_params(query)
        with self.registry.current.use() as snapshot:
            models = [snapshot.find(name).model for name in snapshot.routed]
            body = await self._read(request, models)
            try:
                params = read_params([*query, *body.fields])
                if all_scores and "top_k" not in params.model_fields_set:
                    params = params.model_copy(update={"top_k": MAX_TOP_K})
                names = params.model or self._routed(request, snapshot)
                served = snapshot.served(names, params.options(self.settings.max_duration_s))
                with self.admission.place():
                    yield Job(body, params, served, snapshot)
            finally:
                await _release(body)

    @asynccontextmanager
    async def body(self, request: Request, models: Sequence[Model], alone: str = "") -> AsyncIterator[Body]:
        """Read a body; its uploads are removed at the end.

        Parameters
        ----------
        request, models, alone
            As for `BodyReader.read`.

        Raises
        ------
        Problem
            If it is refused.
        """
        body = await self._read(request, models, alone)
        try:
            yield body
        finally:
            await _release(body)

    async def _read(self, request: Request, models: Sequence[Model], alone: str = "") -> Body:
        with self.admission.reading():
            body = await self.reader.read(request, models, alone)
        logged = request.scope["state"]["logged"]
        logged["inputs"] = len(body.inputs)
        logged["names"] = [item.name for item in body.inputs if isinstance(item, Upload)]
        return body

    def _routed(self, request: Request, snapshot: Snapshot) -> tuple[str, ...]:
        state = request.scope["state"]
        names, variant = routed_names(snapshot, state["caller"].owner or state["request_id"])
        if variant:
            self.metrics.variant.labels(variant).inc()
            state["logged"]["variant"] = variant
        return names

    async def unless_gone(self, receive: Receive, work: Coroutine[None, None, Result]) -> Result:
        """Do work for a client, and drop it when the client leaves.

        Raises
        ------
        ClientGone
        """
        try:
            return await unless_gone(receive, work)
        except ClientGone:
            self.metrics.gone.inc()
            raise

    async def reload(self) -> Snapshot:
        """Load the models again, and serve them if all are sound; requests under way keep the models that they have.

        Raises
        ------
        GenrekitError
            If a model cannot be loaded; the models stay as they are.
        """
        async with self._reloading:
            try:
                fresh = await asyncio.to_thread(self.registry.load)
            except GenrekitError as error:
                self.metrics.reloads.labels("failed").inc()
                self.log.event("reload failed", error=str(error))
                raise
            self.registry.swap(fresh)
            self.metrics.reloads.labels("done").inc()
            hashes = ",".join(f"{name}:{one.model.bundle.sha256[:12]}" for name, one in fresh.by_name.items())
            self.log.event("reloaded", models=hashes)
            return fresh


async def _release(body: Body) -> None:
    """Remove the uploads of a request, unless they are kept for feedback."""
    if body.folder is not None and not body.held:
        await asyncio.to_thread(body.close)
