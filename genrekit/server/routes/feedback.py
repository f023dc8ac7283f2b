"""Corrections of predictions, and the deletion of uploads."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.responses import JSONResponse, Response

from genrekit.errors import GenrekitError, UsageError
from genrekit.feedback import is_receipt
from genrekit.server.feedback_bodies import FeedbackBody, FeedbackReceipt
from genrekit.server.json_body import read_json, read_limited
from genrekit.server.problems import Problem, pointers
from genrekit.server.schemas import DELETE_UPLOAD, FEEDBACK, described, problems
from genrekit.server.service import Service
from genrekit.server.uploaders import remember_browser

if TYPE_CHECKING:
    from genrekit.server.keeping import Keeping


def router(service: Service) -> APIRouter:
    """Return the endpoints."""
    routes = APIRouter(tags=["corrections"])

    def keeping() -> Keeping:
        if service.keeping is None:
            raise Problem(
                "not-available",
                "This server keeps nothing, and takes no feedback.",
                "Its owner may start it with --keep asked --store DIR.",
            )
        return service.keeping

    @routes.post("/v1/feedback", status_code=201, **FEEDBACK)
    async def feedback(request: Request) -> Response:
        """Say whether a prediction is right, and what is right; the receipt deletes the upload and what was said of it."""
        found = keeping()
        body = _body(read_json(await read_limited(request)))
        given = tuple(body.labels) or ((body.label,) if body.label else ())
        try:
            receipt = await found.feedback(request, body.id, body.verdict, given, body.comment)
        except UsageError as error:
            raise Problem("unusable", error.message, error.hint) from None
        response = JSONResponse(FeedbackReceipt(receipt=receipt).model_dump(), status_code=201)
        remember_browser(request, response, service.settings)
        return response

    @routes.delete("/v1/uploads/{receipt}", status_code=204, **DELETE_UPLOAD)
    async def delete(receipt: str) -> Response:
        """Delete the upload of a receipt, and every event with its hash, at once."""
        found = keeping()
        outcome = await found.delete(receipt) if is_receipt(receipt) else "unknown"
        if outcome == "unknown":
            raise Problem("not-found", "There is nothing of this receipt; it may be deleted already.")
        if outcome == "queued":
            return JSONResponse({"status": "The store is away; deleted when it is back."}, status_code=202)
        return Response(status_code=204)

    @routes.get(
        "/v1/feedback/summary",
        responses={**described("What the store holds.", "Summary"), **problems(501)},
    )
    async def summary() -> dict[str, Any]:
        """Return what the store holds, and how often the models were right."""
        found = keeping()
        try:
            counts = await asyncio.to_thread(found.tally.summary)
        except GenrekitError as error:
            raise Problem("busy", error.message, error.hint, {"Retry-After": "60"}) from None
        return {**counts, "waiting": len(found.spool)}

    return routes


def _body(value: Any) -> FeedbackBody:
    try:
        return FeedbackBody.model_validate(value)
    except ValidationError as error:
        found = pointers(error.errors(include_url=False, include_input=False, include_context=False))
        detail = f"{found[0]['pointer']}: {found[0]['detail']}"
        raise Problem("bad-request", detail, extensions={"errors": found}) from None
