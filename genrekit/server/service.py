"""Everything that a running server holds, and the life of a request for predictions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TypeVar

from starlette.requests import Request
from starlette.types import Receive

from genrekit.execution import Pool
from genrekit.preparation import Cache
from genrekit.server.access_log import AccessLog
from genrekit.server.admission import Admission
from genrekit.server.body import Body, BodyReader
from genrekit.server.engine import Engine
from genrekit.server.metrics import Metrics
from genrekit.server.params import MAX_TOP_K, Params, read_params
from genrekit.server.registry import Registry, Served, Snapshot
from genrekit.server.sessions import Sessions
from genrekit.server.settings import Settings
from genrekit.server.tables import WarmUp
from genrekit.server.uploads import Upload, UploadFolder

Result = TypeVar("Result")
PRUNE_S = 3600.0


class ClientGone(Exception):
    """The client left before the response."""


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
        self.log = AccessLog(settings.log, names=settings.log_names)
        self.admission = Admission(settings.jobs, settings.queue, self.metrics)
        self.uploads = UploadFolder()
        self.pool = Pool(settings.jobs, timeout_s=settings.timeout_s)
        self.cache = Cache()
        try:
            others = [variant.model for variant in settings.ab] + (
                [settings.shadow] if settings.shadow else []
            )
            self.registry = Registry(
                settings.models, others, self.uploads.path, self.pool, self.cache, self.metrics
            )
        except BaseException:
            self.close()
            raise
        self.engine = Engine(self.pool, self.metrics, settings.timeout_s)
        self.reader = BodyReader(settings, self.uploads)
        self._background: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Start the workers and what runs beside requests; called in the event loop."""
        served = self.registry.current.served((), Params().options(self.settings.max_duration_s))
        warm = self.pool.caller(WarmUp(served.bundles))
        self._keep(self._warm_up([asyncio.wrap_future(warm(number)) for number in range(self.settings.jobs)]))
        self._keep(self._prune())

    async def stop(self) -> None:
        """Stop what runs beside requests."""
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)

    def close(self) -> None:
        """Stop the workers and remove the uploads."""
        self.pool.close()
        if hasattr(self, "registry"):
            self.registry.current.retire()
        self.uploads.close()

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
        self.admission.check()  # before the body is read
        query = request.query_params.multi_items()
        read_params(query)
        with self.registry.current.use() as snapshot:
            models = [snapshot.find(name).model for name in snapshot.routed]
            body = await self.reader.read(request, models)
            try:
                params = read_params([*query, *body.fields])
                if all_scores and "top_k" not in params.model_fields_set:
                    params = params.model_copy(update={"top_k": MAX_TOP_K})
                served = snapshot.served(params.model, params.options(self.settings.max_duration_s))
                logged = request.scope["state"]["logged"]
                logged["inputs"] = len(body.inputs)
                logged["names"] = [item.name for item in body.inputs if isinstance(item, Upload)]
                with self.admission.place():
                    yield Job(body, params, served, snapshot)
            finally:
                await asyncio.to_thread(body.close) if body.folder else None

    async def unless_gone(self, receive: Receive, work: Coroutine[None, None, Result]) -> Result:
        """Do work for a client, and drop it when the client leaves.

        Raises
        ------
        ClientGone
        """
        task = asyncio.ensure_future(work)
        gone = asyncio.ensure_future(_gone(receive))
        try:
            await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                self.metrics.gone.inc()
                raise ClientGone
            return task.result()
        finally:
            for one in (task, gone):
                one.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await asyncio.gather(task, gone, return_exceptions=True)

    def _keep(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _warm_up(self, futures: list[asyncio.Future[object]]) -> None:
        await asyncio.gather(*futures, return_exceptions=True)

    async def _prune(self) -> None:
        while True:
            await asyncio.sleep(PRUNE_S)
            await asyncio.to_thread(self.cache.prune)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
