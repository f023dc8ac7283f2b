"""``POST /v1/similar``: the rows of an index that are most similar to a file, to numbers, or to one of its rows."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from genrekit.backends import OUTPUT
from genrekit.errors import DatasetError, GenrekitError
from genrekit.output import dumps
from genrekit.prediction import Input
from genrekit.preparation import Preparation
from genrekit.server.leaving import ClientGone
from genrekit.server.library import Library
from genrekit.server.params import SimilarParams, read
from genrekit.server.problems import Problem, problem_of
from genrekit.server.queries import RowJob, SongJob
from genrekit.server.routes.plain import PlainRoute
from genrekit.server.routes.predict import GONE
from genrekit.server.rows import JSON, negotiate
from genrekit.server.schemas import SIMILAR
from genrekit.server.service import Service
from genrekit.server.snapshot import Loaded, Served
from genrekit.server.uploads import Upload
from genrekit.similarity import (
    Embedded,
    Index,
    Neighbour,
    Query,
    Row,
    as_query,
    from_outputs,
    mean_vector,
    neighbours,
    outputs_of,
    stored,
)
from genrekit.text import sentence, utf8_name
from genrekit.types import Example

UNLIKE = "unlike"
MOST_UNLIKE = 16


def router(service: Service) -> APIRouter:
    """Return the endpoint."""
    routes = APIRouter(tags=["predictions"], route_class=PlainRoute)

    @routes.post("/v1/similar", include_in_schema=service.library is not None, **SIMILAR)
    async def similar(request: Request) -> Response:
        """Find the songs, pictures or rows of the index that are most similar to one; it is not among them itself."""
        library = service.library
        if library is None:
            raise Problem(
                "not-available",
                "This server has no index of songs to compare with.",
                "Start it with --index FOLDER; 'genrekit index music/ -o FOLDER' makes one.",
            )
        negotiate(request.headers.get("accept", ""), (JSON,))
        try:
            index = await asyncio.to_thread(library.open)
            return await _answer(service, library, index, request)
        except ClientGone:
            return Response(status_code=GONE)
        except DatasetError as error:
            service.log.event("index failed", error=str(error))
            raise Problem(
                "busy", "The index cannot be read.", "Send the request again.", {"Retry-After": "10"}
            ) from None

    return routes


async def _answer(service: Service, library: Library, index: Index, request: Request) -> Response:
    query = request.query_params.multi_items()
    params = read(query, SimilarParams)
    with service.registry.current.use() as snapshot:
        model = library.model(index, snapshot)
        search = Search(service, library, index, model)
        if params.id is not None:  # a body has nothing to add
            with service.admission.place():
                return await service.unless_gone(request.receive, search.run((), params, None))
        async with service.body(request, [model.model], alone="id") as body:
            params = read([*query, *body.fields], SimilarParams)
            served = snapshot.served((model.model.name,), params.options(service.settings.max_duration_s))
            with service.admission.place():
                return await service.unless_gone(request.receive, search.run(body.inputs, params, served))


@dataclass(frozen=True)
class Search:
    """One request: its inputs to queries, and the response."""

    service: Service
    library: Library
    index: Index
    model: Loaded

    async def run(
        self, inputs: Sequence[Upload | Example], params: SimilarParams, served: Served | None
    ) -> Response:
        """Search, and return the response."""
        disliked = [one for one in inputs if isinstance(one, Upload) and one.field == UNLIKE]
        wanted = [one for one in inputs if one not in disliked]
        if len(wanted) + (params.id is not None) != 1:
            raise Problem(
                "bad-request",
                f"There are {len(wanted) + (params.id is not None)} songs to search by; a search is by one.",
                "Send one file, or the id of a row of the index; files to be unlike go into the field 'unlike'.",
            )
        if len(disliked) + len(params.unlike) > MOST_UNLIKE:
            raise Problem("bad-request", f"Results can be unlike at most {MOST_UNLIKE} songs.")
        if params.id is not None:
            query = await self._stored(params.id)
        else:
            query = await self._sent(wanted[0], served)
        unlike = [await self._stored(id) for id in params.unlike]
        unlike += [await self._sent(one, served) for one in disliked]
        if params.other_artists and not query.row.artist:
            raise Problem(
                "unusable",
                "The artist of the song is not known: its tags do not have one.",
                "Leave other_artists out.",
            )
        try:
            found = await asyncio.to_thread(
                neighbours,
                self.index,
                query,
                unlike,
                k=params.k,
                genre=params.genre,
                other_artists=params.other_artists,
            )
        except DatasetError:
            raise
        except GenrekitError as error:
            raise problem_of(error) from None
        return await asyncio.to_thread(self._response, query, params.id, found)

    async def _stored(self, id: int) -> Query:
        if id not in self.index:
            raise Problem(
                "not-found", f"The index has no row {id}.", "Its rows are named by the id of a result."
            )
        return await asyncio.to_thread(stored, self.index, id)

    async def _sent(self, item: Upload | Example, served: Served | None) -> Query:
        """Embed what was sent: songs and pictures by workers and the graph, a row of a table by a worker alone."""
        assert served is not None
        engine, kind = self.service.engine, self.index.facts.vectors
        task = await engine.task(item, served)
        if task is None:
            assert isinstance(item, Upload)
            submit = self.service.pool.caller(RowJob(self.model.bundle, kind))
            outcome = await engine.call(submit, Input(item.name, item.path))
            if not isinstance(embedded := outcome.value, Embedded):
                raise _unusable(embedded or outcome.error)
            return await asyncio.to_thread(as_query, self.index, embedded.row, embedded.vector)
        if task.error:
            raise _unusable(task.error)
        if task.example.row is not None:
            row: Row | None = Row(name=task.example.id)
            preparation, _ = await engine.prepare(task, served)
        else:
            prepare = self.service.pool.caller(
                SongJob(served.pipeline.worker(keys_sound=True, timbre=kind == "sound"))
            )
            prepared = await engine.call(prepare, task)
            preparation, row = prepared.value or (Preparation(error=prepared.error), None)
        if preparation.windows is None or row is None:
            raise _unusable(preparation.error)
        windows = preparation.windows.values
        try:
            outputs = await served.batchers[0].outputs(windows, outputs_of(kind) or (OUTPUT,))
            vector = mean_vector(kind, from_outputs(kind, windows, outputs), preparation.timbre)
        except GenrekitError as error:
            raise _unusable(str(error)) from None
        return await asyncio.to_thread(as_query, self.index, replace(row, name=item_name(item)), vector)

    def _response(self, query: Query, id: int | None, found: Sequence[Neighbour]) -> Response:
        row = query.row
        about = {
            "input": row.name if id is None else self.library.shown(row.name),
            "id": id,
            "in_index": bool(query.ids),
            "artist": row.artist,
            "title": row.title,
        }
        results = [self._result(rank, one) for rank, one in enumerate(found, start=1)]
        facts = self.index.facts
        return Response(
            dumps(
                {
                    "query": about,
                    "results": results,
                    "songs": len(self.index),
                    "model": facts.model,
                    "model_sha256": facts.model_sha256,
                }
            ),
            media_type=JSON,
        )

    def _result(self, rank: int, one: Neighbour) -> dict[str, Any]:
        return {
            "rank": rank,
            "id": one.id,
            "input": utf8_name(self.library.shown(one.input)),
            "score": one.score,
            "label": one.label or None,
            "label_score": one.label_score,
            "artist": one.artist,
            "title": one.title,
            "length_s": one.length_s,
            "exists": one.path is None or os.path.lexists(one.path),
        }


def _unusable(error: str | None) -> Problem:
    words = error or "The input could not be prepared."
    return Problem("timeout" if words.startswith("took longer") else "unusable", sentence(words))


def item_name(item: Upload | Example) -> str:
    """Return the name of an input as its sender gave it."""
    return item.name if isinstance(item, Upload) else item.id
