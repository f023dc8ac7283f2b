"""The addresses of the five systems that genrekit unites, and of MLflow and SageMaker; each takes what it took there.

A response for one input is the row of the command line at the top level, with the words that these clients look for:
``genre`` and ``prediction`` (the label), ``confidence`` (its score), ``probabilities`` (all scores by label).
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from genrekit.prediction import Model
from genrekit.server.routes.predict import answer
from genrekit.server.schemas import INPUT_BODY, described, problems
from genrekit.server.service import Service
from genrekit.types import Modality


def _result(name: str) -> dict[str, Any]:
    return {
        "responses": {**described("The prediction.", name), **problems(415, 422, 504)},
        "openapi_extra": {"requestBody": INPUT_BODY},
    }


_FLAT, _INVOCATIONS = _result("FlatResults"), _result("Invocations")


def router(service: Service) -> APIRouter:
    """Return the endpoints."""
    routes = APIRouter(tags=["other clients"])

    async def answer_flat(request: Request) -> Response:
        return await answer(service, request, flat, all_scores=True)

    @routes.get("/ping", responses={**described("It takes requests.", "Status"), **problems()})
    @routes.get("/api/health", responses={**described("It takes requests.", "Status"), **problems()})
    async def ping() -> dict[str, str]:
        """Report whether requests are taken."""
        service.check_ready()
        return {"status": "ok"}

    @routes.get("/api/genres", responses={**described("Labels.", "Genres"), **problems()})
    async def genres() -> dict[str, Any]:
        """Return the labels of the model for songs."""
        model = _song_model(service)
        return {"genres": list(model.labels), "count": len(model.labels), "model": model.name}

    @routes.get("/api/metrics", responses={**described("Numbers.", "Numbers"), **problems()})
    async def metrics() -> dict[str, Any]:
        """Return the numbers of the model for songs; the metrics of the server are at /metrics."""
        return model_numbers(_song_model(service))

    @routes.post("/predict", **_FLAT)
    async def predict(request: Request) -> Response:
        """Predict ``{"features": [57 numbers]}``, one row of a table as an object, or whatever /v1/predict takes."""
        return await answer_flat(request)

    @routes.post("/api/predict", **_FLAT)
    async def api_predict(request: Request) -> Response:
        """Predict a file, ``{"path": ...}`` below the allowed folder, or ``{"spectrogram": [[...], ...]}``."""
        return await answer_flat(request)

    @routes.post("/api/v1/analysis/predict", **_FLAT)
    async def analysis(request: Request) -> Response:
        """Predict the form field ``file``."""
        return await answer_flat(request)

    @routes.post("/invocations", **_INVOCATIONS)
    async def invocations(request: Request) -> Response:
        """Predict what MLflow and SageMaker send: instances, inputs, dataframe_records, dataframe_split, CSV, files."""
        return await answer(service, request, lambda result: {"predictions": result["results"], **result})

    return routes


def flat(result: dict[str, Any]) -> dict[str, Any]:
    """Return a result with its only row at the top level too; several rows are listed alone."""
    rows = result["results"]
    for row in rows:
        row["genre"] = row["prediction"] = row["label"]
        row["confidence"] = row["score"]
        row["probabilities"] = {one["label"]: one["score"] for one in row["scores"]}
    return {**(rows[0] if len(rows) == 1 else {}), **result}


def model_numbers(model: Model) -> dict[str, Any]:
    """Return the numbers of a model by the names that training loops use.

    ``val_acc`` and ``val_loss`` are those of the epoch with the lowest loss on the valid split where the training
    history has epochs, else those of the report on the test split; ``split`` says which.
    """
    manifest = model.bundle.manifest
    epochs = [
        epoch
        for curves in manifest.history.values()
        if isinstance(curves, list)
        for curve in curves
        if isinstance(curve, list)
        for epoch in curve
        if isinstance(epoch, dict) and isinstance(epoch.get("valid_loss"), int | float)
    ]
    facts: dict[str, Any] = {"val_acc": None, "val_loss": None, "epoch": None, "split": None}
    if epochs:
        best = min(epochs, key=lambda epoch: float(epoch["valid_loss"]))  # type: ignore[arg-type]
        facts = {
            "val_acc": best.get("valid_accuracy"),
            "val_loss": best["valid_loss"],
            "epoch": best.get("epoch"),
            "split": "valid",
        }
    elif isinstance(measured := (manifest.metrics or {}).get("metrics"), dict):
        values = {name: one.get("value") for name, one in measured.items() if isinstance(one, dict)}
        facts |= {"val_acc": values.get("accuracy"), "val_loss": values.get("log_loss"), "split": "test"}
    name = model.bundle.path.name if model.bundle.path is not None else model.name
    return {"model_exists": True, "model_path": name, **facts, "ready": True, "model": model.name}


def _song_model(service: Service) -> Model:
    """Return the first model for songs, else the first model."""
    current = service.registry.current
    models = [current.find(name).model for name in current.routed]
    return next((m for m in models if m.backend.info.modality is Modality.AUDIO), models[0])
