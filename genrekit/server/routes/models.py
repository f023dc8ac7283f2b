"""The loaded models: facts, cards, reports, histories, confusion matrices, labels."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from genrekit.errors import GenrekitError
from genrekit.prediction import Model
from genrekit.server.problems import Problem
from genrekit.server.rows import JSON, negotiate
from genrekit.server.schemas import problems
from genrekit.server.service import Service

MARKDOWN, PNG = "text/markdown", "image/png"


class _Markdown(PlainTextResponse):
    media_type = MARKDOWN


def router(service: Service) -> APIRouter:
    """Return the endpoints."""
    routes = APIRouter(tags=["models"])

    def find(name: str) -> Model:
        return service.registry.current.find(name).model

    @routes.get("/v1/models", responses=problems())
    async def models() -> dict[str, Any]:
        """List the loaded models in routing order; those that take inputs only by name come last."""
        current = service.registry.current
        return {
            "models": [
                {**facts(one.model), "routed": name in current.routed}
                for name, one in current.by_name.items()
            ]
        }

    @routes.post("/v1/models/reload", responses=problems(422))
    async def reload(request: Request) -> dict[str, Any]:
        """Load the models again, with an admin key; requests under way keep the models that they have."""
        if not request.scope["state"]["caller"].admin:
            raise Problem(
                "forbidden",
                "Only an admin key may swap models.",
                "Start the server with --admin-key-file FILE, and send the key as X-API-Key.",
            )
        before = {name: one.model.bundle.sha256 for name, one in service.registry.current.by_name.items()}
        try:
            fresh = await service.reload()
        except GenrekitError as error:
            raise Problem("unusable", error.message, error.hint) from None
        found = {name: one.model.bundle.sha256 for name, one in fresh.by_name.items()}
        return {
            "models": [
                {"name": name, "sha256": sha256, "changed": before.get(name) != sha256}
                for name, sha256 in found.items()
            ]
        }

    @routes.get("/v1/models/{name}", responses=problems())
    async def model(name: str) -> dict[str, Any]:
        """Return the facts of a model, as its manifest has them."""
        found = find(name)
        manifest = found.bundle.manifest.model_dump(mode="json", exclude={"history", "metrics", "files"})
        return {**manifest, **facts(found)}

    @routes.get("/v1/models/{name}/card", response_class=_Markdown, responses=problems(406))
    async def card(name: str) -> Response:
        """Return the model card in Markdown."""
        return _Markdown(find(name).card)

    @routes.get("/v1/models/{name}/report", responses=problems())
    async def report(name: str) -> dict[str, Any]:
        """Return the report on the test split, with intervals."""
        return _metrics(find(name))

    @routes.get("/v1/models/{name}/history", responses=problems())
    async def history(name: str) -> dict[str, Any]:
        """Return the training history."""
        return dict(find(name).bundle.manifest.history)

    @routes.get(
        "/v1/models/{name}/confusion",
        responses={200: {"content": {JSON: {}, PNG: {}}, "description": "The matrix."}, **problems(406)},
    )
    async def confusion(name: str, request: Request) -> Response:
        """Return the confusion matrix of the test split: JSON, or PNG by the header Accept."""
        media_type = negotiate(request.headers.get("accept", ""), (JSON, PNG))
        metrics = _metrics(find(name))
        if not metrics.get("confusion"):
            raise Problem("not-found", f"The model {name!r} has no confusion matrix.")
        if media_type == PNG:
            return Response(await asyncio.to_thread(_drawn, name, metrics), media_type=PNG)
        content = {
            "labels": metrics["labels"],
            "confusion": metrics["confusion"],
            "split": metrics.get("split"),
        }
        return Response(json.dumps(content), media_type=JSON)

    @routes.get("/v1/labels", responses=problems())
    async def labels(model: str | None = None) -> dict[str, Any]:
        """Return the labels of a model, or of all loaded models."""
        current = service.registry.current
        names = [model] if model is not None else list(current.routed)
        by_model = {name: list(current.find(name).model.labels) for name in names}
        every = list(dict.fromkeys(label for found in by_model.values() for label in found))
        return {"labels": every, "models": by_model}

    return routes


def facts(model: Model) -> dict[str, Any]:
    """Return the facts of a model."""
    manifest = model.bundle.manifest
    metrics = manifest.metrics or {}
    return {
        "name": model.name,
        "backend": manifest.backend,
        "modality": str(manifest.modality),
        "labels": list(model.labels),
        "multilabel": manifest.multilabel,
        "columns": list(manifest.columns),
        "licence": manifest.licence,
        "sha256": model.bundle.sha256,
        "metrics": metrics.get("metrics"),
        "split": metrics.get("split"),
        "inflated": bool(metrics.get("inflated")),
        "outputs": manifest.outputs.model_dump(mode="json"),
    }


def _drawn(name: str, metrics: dict[str, Any]) -> bytes:
    from genrekit.metrics import draw_confusion  # Matplotlib

    title = f"{name}: {metrics.get('split', '')}"
    return draw_confusion(
        metrics["labels"], metrics["confusion"], title, inflated=bool(metrics.get("inflated"))
    )


def _metrics(model: Model) -> dict[str, Any]:
    metrics = model.bundle.manifest.metrics
    if metrics is None:
        raise Problem("not-found", f"The model {model.name!r} has no report: nothing was measured.")
    return dict(metrics)
