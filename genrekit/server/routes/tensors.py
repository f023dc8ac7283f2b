"""The Open Inference Protocol (version 2) over tensors: ``windows`` to the outputs of a graph.

https://github.com/open-inference/open-inference-protocol/blob/main/specification/protocol/inference_rest.md.
A model has one version, the hash of its bundle.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from fastapi import APIRouter, Request

from genrekit import __version__
from genrekit.backends import DISTANCE, EMBEDDINGS, INPUT, OUTPUT
from genrekit.errors import GenrekitError
from genrekit.server.json_body import read_json, read_limited
from genrekit.server.problems import Problem
from genrekit.server.schemas import INFER, problems
from genrekit.server.service import Service
from genrekit.server.snapshot import Loaded

_TYPES = {"FP64", "FP32", "FP16", "UINT8", "UINT16", "UINT32", "INT8", "INT16", "INT32", "INT64"}


def router(service: Service) -> APIRouter:
    """Return the endpoints."""
    routes = APIRouter(tags=["Open Inference Protocol"])

    def find(name: str, version: str | None) -> Loaded:
        try:
            loaded = service.registry.current.find(name)
        except GenrekitError as error:
            raise _problem("not-found", error.message) from None
        if version is not None and version != loaded.model.bundle.sha256:
            raise _problem(
                "not-found", f"The version of {name!r} that is loaded is {loaded.model.bundle.sha256}."
            )
        return loaded

    @routes.get("/v2", responses=problems())
    async def server() -> dict[str, Any]:
        """Return the name and the version of the server."""
        return {"name": "genrekit", "version": __version__, "extensions": []}

    @routes.get("/v2/health/live", responses=problems())
    async def live() -> dict[str, bool]:
        """Report that the process responds and its workers can be started."""
        service.check_workers()
        return {"live": True}

    @routes.get("/v2/health/ready", responses=problems())
    async def ready() -> dict[str, bool]:
        """Report whether requests are taken."""
        try:
            service.check_ready()
        except Problem as problem:
            raise _problem(problem.kind, problem.detail) from None
        return {"ready": True}

    @routes.get("/v2/models/{name}", responses=problems())
    @routes.get("/v2/models/{name}/versions/{version}", responses=problems())
    async def model(name: str, version: str | None = None) -> dict[str, Any]:
        """Return the tensors of a model."""
        loaded = find(name, version)
        shape = [-1, *(length or -1 for length in loaded.batcher.runtime.input_shape)]
        return {
            "name": name,
            "versions": [loaded.model.bundle.sha256],
            "platform": "onnx_onnxruntime",
            "inputs": [{"name": INPUT, "datatype": "FP32", "shape": shape}],
            "outputs": [
                {"name": one, "datatype": "FP32", "shape": tail} for one, tail in _outputs(loaded).items()
            ],
        }

    @routes.get("/v2/models/{name}/ready", responses=problems())
    @routes.get("/v2/models/{name}/versions/{version}/ready", responses=problems())
    async def model_ready(name: str, version: str | None = None) -> dict[str, Any]:
        """Report whether a model takes requests."""
        find(name, version)
        return {"name": name, "ready": not service.admission.draining}

    @routes.post("/v2/models/{name}/infer", **INFER)
    @routes.post("/v2/models/{name}/versions/{version}/infer", **INFER)
    async def infer(request: Request, name: str, version: str | None = None) -> dict[str, Any]:
        """Score windows that the client prepared."""
        service.admission.check()
        with service.registry.current.use():
            loaded = find(name, version)
            body = read_json(await read_limited(request))
            if not isinstance(body, dict):
                raise _problem("bad-request", "The body is not an object.")
            values = _windows(body)
            wanted = _wanted(body, loaded)
            with service.admission.place():
                try:
                    found = await loaded.batcher.outputs(values, wanted)
                except GenrekitError as error:
                    raise _problem("bad-request", str(error)) from None
        outputs = [
            {
                "name": one,
                "datatype": "FP32",
                "shape": list(found[one].shape),
                "data": found[one].ravel().tolist(),
            }
            for one in wanted
        ]
        answer = {"model_name": name, "model_version": loaded.model.bundle.sha256, "outputs": outputs}
        return {"id": body["id"], **answer} if isinstance(body.get("id"), str) else answer

    return routes


def _outputs(loaded: Loaded) -> dict[str, list[int]]:
    runtime = loaded.batcher.runtime
    found = {OUTPUT: [-1, len(loaded.model.labels)]}
    if runtime.embedding_size is not None:
        found[EMBEDDINGS] = [-1, runtime.embedding_size]
    if runtime.has_distance:
        found[DISTANCE] = [-1]
    return found


def _wanted(body: dict[str, Any], loaded: Loaded) -> tuple[str, ...]:
    asked = body.get("outputs")
    there = _outputs(loaded)
    if not asked:
        return (OUTPUT,)
    names = (
        [one.get("name") if isinstance(one, dict) else None for one in asked]
        if isinstance(asked, list)
        else [None]
    )
    if unknown := [name for name in names if not isinstance(name, str) or name not in there]:
        raise _problem(
            "bad-request", f"There is no output {str(unknown[0])[:80]!r}; there are {', '.join(there)}."
        )
    return tuple(dict.fromkeys(map(str, names)))


def _windows(body: dict[str, Any]) -> np.ndarray:
    """Return the tensor ``windows`` of a request.

    Raises
    ------
    Problem
        If it is missing, or its data do not fit its shape.
    """
    inputs = body.get("inputs")
    if (
        not isinstance(inputs, list)
        or len(inputs) != 1
        or not isinstance(inputs[0], dict)
        or inputs[0].get("name") != INPUT
    ):
        raise _problem("bad-request", f"There must be one input, with the name {INPUT!r}.")
    (tensor,) = inputs
    shape, kind = tensor.get("shape"), tensor.get("datatype")
    if kind not in _TYPES:
        raise _problem("bad-request", f"The datatype is {str(kind)[:40]!r}; FP32 is right.")
    if not isinstance(shape, list) or not shape or not all(type(n) is int and 0 < n < 2**31 for n in shape):
        raise _problem("bad-request", "The shape is not a list of whole numbers from 1.")
    try:
        values = np.array(tensor.get("data"), dtype=np.float32).ravel()
    except (ValueError, TypeError, OverflowError):
        raise _problem("bad-request", "The data are not numbers.") from None
    if values.size != math.prod(shape):
        raise _problem(
            "bad-request", f"There are {values.size} numbers; the shape {shape} has {math.prod(shape)}."
        )
    if not np.isfinite(values).all():
        raise _problem("bad-request", "The data are not finite.")
    return values.reshape(shape)


def _problem(kind: str, detail: str) -> Problem:
    """Return a problem that also has the member that the protocol asks for."""
    headers = {"Retry-After": "1"} if kind == "busy" else {}
    return Problem(kind, detail, headers=headers, extensions={"error": detail})
