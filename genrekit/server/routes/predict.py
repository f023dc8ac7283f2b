"""``POST /v1/predict``."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from genrekit.server.leaving import ClientGone
from genrekit.server.problems import Problem
from genrekit.server.routes.plain import PlainRoute
from genrekit.server.rows import CSV, JSON, NDJSON, Part, Renderer, negotiate
from genrekit.server.schemas import PREDICT
from genrekit.server.service import Job, Service
from genrekit.server.uploaders import adopt_browser, remember_browser

SMALL_BYTES = 1 << 20
GONE = 499

Shape = Callable[[dict[str, Any]], dict[str, Any]]


class Streamed(StreamingResponse):
    """A response whose resources are released whatever becomes of it."""

    def __init__(self, content: AsyncIterator[str], stack: AsyncExitStack, **arguments: Any) -> None:
        super().__init__(content, **arguments)
        self._stack = stack

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._stack.aclose()


def router(service: Service) -> APIRouter:
    """Return the endpoint."""
    routes = APIRouter(tags=["predictions"], route_class=PlainRoute)

    @routes.post("/v1/predict", **PREDICT)
    async def predict(request: Request) -> Response:
        """Predict songs, pictures, tables and numbers; one row per input, as the command line writes it."""
        return await answer(service, request)

    return routes


async def answer(
    service: Service, request: Request, shape: Shape | None = None, *, all_scores: bool = False
) -> Response:
    """Return the response to a request for predictions.

    Parameters
    ----------
    service : Service
    request : Request
    shape : callable, optional
        Changes the JSON object of a result, for clients that expect another one.
    all_scores : bool
        Whether rows list all labels unless ``top_k`` says otherwise.
    """
    response = await _answer(service, request, shape, all_scores=all_scores)
    remember_browser(request, response, service.settings)
    return response


async def _answer(service: Service, request: Request, shape: Shape | None, *, all_scores: bool) -> Response:
    media_type = JSON if shape else negotiate(request.headers.get("accept", ""))
    async with AsyncExitStack() as stack:
        job = await stack.enter_async_context(service.job(request, all_scores=all_scores))
        engine, inputs = service.engine, job.body.inputs
        if media_type == NDJSON:
            if service.keeping is not None and job.params.keep:
                adopt_browser(request)
            return Streamed(
                _as_finished(service, request, job),
                stack.pop_all(),
                media_type="application/x-ndjson; charset=utf-8",
            )
        columns: tuple[str, ...] = ()
        try:
            if media_type == CSV:
                columns = await service.unless_gone(request.receive, engine.columns(inputs, job.served))
            renderer = Renderer(job.served.pipeline, media_type, columns)
            if job.body.folder is None and not job.params.explain:  # numbers: no time for a client to leave
                parts = await engine.in_order(inputs, job.served, renderer)
            else:
                parts = await service.unless_gone(
                    request.receive, engine.in_order(inputs, job.served, renderer)
                )
        except ClientGone:
            return Response(status_code=GONE)
        _check(parts)
        if service.keeping is not None:
            parts = await service.keeping.note(request, job.params.keep, parts)
        service.compare(job, parts)
        if shape:
            return _json(shape(json.loads("".join(_object(parts)))))
        if (
            all(part.file is None or part.file.stat().st_size <= SMALL_BYTES for part in parts)
            and len(parts) <= 64
        ):
            pieces = _object(parts) if media_type == JSON else _csv(parts, renderer.header)
            return Response("".join(pieces), media_type=_full(media_type))
        pieces = _object(parts) if media_type == JSON else _csv(parts, renderer.header)
        return Streamed(_each(pieces), stack.pop_all(), media_type=_full(media_type))


def _full(media_type: str) -> str:
    return media_type if media_type == JSON else f"{media_type}; charset=utf-8"


def _json(value: Mapping[str, Any]) -> Response:
    return Response(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"), media_type=JSON)


async def _as_finished(service: Service, request: Request, job: Job) -> AsyncIterator[str]:
    renderer = Renderer(job.served.pipeline, NDJSON)
    parts = service.engine.as_finished(job.body.inputs, job.served, renderer)
    done: list[Part] = []
    try:
        while True:
            try:
                part = await service.unless_gone(request.receive, _next(parts))
            except ClientGone:
                return
            if part is None:
                service.compare(job, done)
                return
            if service.keeping is not None:
                (part,) = await service.keeping.note(request, job.params.keep, [part])
            if service.shadow is not None:
                done.append(part)
            for piece in part.pieces():
                yield piece
    finally:
        await parts.aclose()  # type: ignore[attr-defined]


async def _next(parts: AsyncIterator[Part]) -> Part | None:
    return await anext(parts, None)


async def _each(pieces: Any) -> AsyncIterator[str]:
    for piece in pieces:
        yield piece


def _check(parts: Sequence[Part]) -> None:
    """Refuse a request of which nothing could be predicted.

    Raises
    ------
    Problem
    """
    if any(part.predicted for part in parts):
        return
    failed = sum(part.failed for part in parts)
    reasons = [part.reason for part in parts if part.reason]
    detail = (reasons[0] if len(reasons) == 1 else "") or f"None of the {failed} inputs could be predicted."
    rows = [json.loads(part.text) for part in parts[:100] if part.file is None and part.text.startswith("{")]
    if all(part.timed_out for part in parts):
        kind = "timeout"
    elif any(part.refused for part in parts):
        kind = "unsupported"
    else:
        kind = "unusable"
    raise Problem(kind, detail, extensions={"results": rows, "answered": 0, "failed": failed})


def _object(parts: Sequence[Part]) -> Any:
    yield '{"results": ['
    first = True
    for part in parts:
        for piece in part.pieces(", "):
            yield piece if first else piece if piece.startswith(", ") else ", " + piece
            first = False
    predicted, failed = (sum(getattr(part, name) for part in parts) for name in ("predicted", "failed"))
    yield f'], "answered": {predicted}, "failed": {failed}}}\n'


def _csv(parts: Sequence[Part], header: str) -> Any:
    yield header
    for part in parts:
        yield from part.pieces()
