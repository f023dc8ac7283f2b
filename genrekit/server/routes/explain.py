"""``POST /v1/explain`` and ``POST /v1/embed``."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from genrekit.backends import EMBEDDINGS, OUTPUT, Explains
from genrekit.errors import GenrekitError
from genrekit.output import in_words
from genrekit.prediction import HeatMapImage, heat_map
from genrekit.server.leaving import ClientGone
from genrekit.server.problems import Problem, problem_of
from genrekit.server.routes.predict import GONE
from genrekit.server.rows import JSON, Renderer, negotiate
from genrekit.server.schemas import EMBED, EXPLAIN
from genrekit.server.service import Job, Service
from genrekit.types import Contribution

PNG = "image/png"


def router(service: Service) -> APIRouter:
    """Return the endpoints."""
    routes = APIRouter(tags=["predictions"])
    one_map = asyncio.Semaphore(1)

    @routes.post("/v1/explain", **EXPLAIN)
    async def explain(request: Request) -> Response:
        """Explain predictions: by features for a row, by a heat map as PNG for a song or picture."""
        media_type = negotiate(request.headers.get("accept", ""), (JSON, PNG))
        async with service.job(request) as job:
            if len(job.body.inputs) != 1:
                raise Problem(
                    "bad-request", f"There are {len(job.body.inputs)} inputs; one at a time is explained."
                )
            try:
                return await service.unless_gone(
                    request.receive, _explained(service, job, media_type, one_map)
                )
            except ClientGone:
                return Response(status_code=GONE)

    @routes.post("/v1/embed", **EMBED)
    async def embed(request: Request) -> Response:
        """Return the embedding of each song or picture: the mean over its windows; with ``windows`` also of each."""
        async with service.job(request) as job:
            try:
                rows = await service.unless_gone(request.receive, _embedded(service, job))
            except ClientGone:
                return Response(status_code=GONE)
        failed = sum(row["error"] is not None for row in rows)
        counts = {"answered": len(rows) - failed, "failed": failed}
        if failed == len(rows):
            raise Problem("unusable", rows[0]["error"], extensions={"results": rows, **counts})
        return Response(json.dumps({"results": rows, **counts}), media_type=JSON)

    return routes


async def _explained(service: Service, job: Job, media_type: str, one_map: asyncio.Semaphore) -> Response:
    item = job.body.inputs[0]
    task = await service.engine.task(item, job.served)
    if task is None or task.example.row is not None:
        return await _reasons(service, job, media_type)
    preparation, _ = await service.engine.prepare(task, job.served)
    if preparation.windows is None:
        raise Problem("unusable", preparation.error or "The input could not be prepared.")
    pipeline = job.served.pipeline
    try:
        outputs = await job.served.batchers[task.model].outputs(
            preparation.windows.values, pipeline.outputs(task)
        )
        scored = service.engine.scored(outputs)
        prediction = pipeline.prediction(task, preparation, scored)
        model = pipeline.models[task.model]
        async with _turn(one_map, 2 * service.settings.timeout_s):
            found: HeatMapImage = await asyncio.to_thread(
                heat_map, model, prediction, preparation.windows, outputs[OUTPUT]
            )
    except GenrekitError as error:
        raise Problem("unusable", error.message, error.hint) from None
    if media_type == PNG:
        return Response(found.png, media_type=PNG)
    row = json.loads(Renderer(pipeline, JSON).part(prediction).text)
    picture = {"media_type": PNG, "base64": base64.b64encode(found.png).decode()}
    return _json({"row": row, "words": found.words, "image": picture})


@asynccontextmanager
async def _turn(places: asyncio.Semaphore, patience_s: float) -> AsyncIterator[None]:
    """Wait for a place, and keep it; a heat map is many runs of the graph.

    Raises
    ------
    Problem
        If others take too long.
    """
    try:
        async with asyncio.timeout(patience_s):
            await places.acquire()
    except TimeoutError:
        raise Problem(
            "busy", "Other heat maps are being drawn.", "Send the request again.", {"Retry-After": "10"}
        ) from None
    try:
        yield
    finally:
        places.release()


async def _reasons(service: Service, job: Job, media_type: str) -> Response:
    """Explain the rows of a table, or numbers, by the contributions of their features."""
    models = job.served.pipeline.models
    if not any(isinstance(model.backend, Explains) for model in models):
        raise Problem("unusable", "No loaded model explains the label of a row of features.")
    if media_type == PNG:
        raise Problem("not-acceptable", "Rows of features have no picture.", "Leave Accept out for JSON.")
    options = replace(job.served.pipeline.options, explain=True)
    try:
        served = job.snapshot.served(tuple(model.name for model in models), options)
    except GenrekitError as error:
        raise problem_of(error) from None
    (part,) = await service.engine.in_order(job.body.inputs, served, Renderer(served.pipeline, JSON))
    rows = [json.loads(line) for line in "".join(part.pieces()).splitlines()]
    for row in rows:
        reasons = [Contribution(**reason) for reason in row.get("reasons", [])]
        row["words"] = in_words(reasons)
    if not any(row["reasons"] for row in rows if row["error"] is None):
        model = next((row["model"] for row in rows if row["error"] is None), "")
        detail = f"The model {model!r} does not say why." if model else part.reason
        raise Problem("unusable", detail or "Nothing could be predicted.", extensions={"results": rows})
    if len(rows) == 1:
        return _json({"row": rows[0], "words": rows[0]["words"], "image": None})
    return _json({"results": rows, "answered": part.predicted, "failed": part.failed})


async def _embedded(service: Service, job: Job) -> list[dict[str, Any]]:
    places = asyncio.Semaphore(2 * service.settings.jobs)

    async def one(item: Any) -> dict[str, Any]:
        async with places:
            return await _embedding(service, job, item)

    tasks = [asyncio.create_task(one(item)) for item in job.body.inputs]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()


async def _embedding(service: Service, job: Job, item: Any) -> dict[str, Any]:
    task = await service.engine.task(item, job.served)
    name = getattr(item, "name", "") or getattr(item, "id", "")
    row: dict[str, Any] = {
        "input": name,
        "model": None,
        "embedding": None,
        "error": None,
        "sha256": None,
        "model_sha256": None,
    }
    if task is None:
        return row | {"error": "Tables have no embeddings."}
    if task.error:
        return row | {"error": task.error}
    model = job.served.pipeline.models[task.model]
    if model.bundle.manifest.outputs.embeddings is None:
        able = [
            m.name for m in job.served.pipeline.models if m.bundle.manifest.outputs.embeddings is not None
        ]
        hint = f" These models do: {', '.join(able)}." if able else ""
        return row | {"error": f"The model {model.name!r} has no embeddings.{hint}"}
    preparation, _ = await service.engine.prepare(task, job.served)
    row["sha256"] = preparation.content.sha256 if preparation.content else None
    if preparation.windows is None:
        return row | {"error": preparation.error or "The input could not be prepared."}
    try:
        outputs = await job.served.batchers[task.model].outputs(preparation.windows.values, (EMBEDDINGS,))
    except GenrekitError as error:
        return row | {"error": str(error)}
    vectors = outputs[EMBEDDINGS]
    row |= {
        "model": model.name,
        "model_sha256": model.bundle.sha256,
        "embedding": _short(vectors.mean(axis=0)),
    }
    if job.params.windows:
        row["windows"] = [
            {"start_s": round(start, 3), "end_s": round(end, 3), "embedding": _short(vector)}
            for (start, end), vector in zip(preparation.windows.times_s, vectors, strict=False)
        ]
    return row


def _short(vector: Any) -> list[float]:
    return [float(f"{value:.6g}") for value in vector.tolist()]


def _json(value: dict[str, Any]) -> Response:
    return Response(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"), media_type=JSON)
