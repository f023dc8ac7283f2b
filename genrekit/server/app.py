"""The ASGI application."""

from __future__ import annotations

import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp

from genrekit import __version__
from genrekit.errors import GenrekitError
from genrekit.server.gate import Gate
from genrekit.server.problems import Problem, kind_of_status, pointers, problem_of, render
from genrekit.server.routes import (
    about,
    clients,
    explain,
    feedback,
    models,
    page,
    playlists,
    predict,
    similar,
    stream,
    tensors,
)
from genrekit.server.schemas import add_schemas
from genrekit.server.service import Service
from genrekit.server.settings import Settings


def create_app(settings: Settings | None = None, service: Service | None = None) -> ASGIApp:
    """Return the application of a server; its lifespan starts the workers and stops them.

    Parameters
    ----------
    settings : Settings, optional
    service : Service, optional
        One that exists already, with its own settings; the caller closes it.

    Raises
    ------
    GenrekitError
        If settings contradict each other, or a model cannot be loaded.
    """
    owned = service is None
    if service is None:
        settings = settings or Settings()
        settings.check()
        service = Service(settings)
    running = service

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        running.start()
        try:
            yield
        finally:
            await running.stop()
            if owned:
                running.close()

    app = FastAPI(
        title="genrekit",
        version=__version__,
        description="Genres of songs, pictures, tables and numbers: the rows of the command line over HTTP.",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=lifespan,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
        separate_input_output_schemas=False,
    )
    for module in (predict, explain, similar, models, tensors, clients, feedback, playlists):
        app.include_router(module.router(running))
    app.include_router(stream.router(running))
    app.include_router(page.router(running))
    app.include_router(about.router(running, app))
    _describe(app, running)
    _explain_errors(app, running)
    return Gate(app, running.settings, running.metrics, running.admission, running.log, running.sessions)


def _describe(app: FastAPI, running: Service) -> None:
    root_path = running.settings.root_path

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(
                title=app.title, version=app.version, description=app.description, routes=app.routes
            )
            add_schemas(document, tuple(running.registry.current.by_name))
            if root_path:
                document["servers"] = [{"url": root_path}]
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _explain_errors(app: FastAPI, service: Service) -> None:
    root = service.settings.root_path

    def show(request: Request, problem: Problem) -> Response:
        return render(problem, request.scope["state"]["request_id"], root)

    @app.exception_handler(Problem)
    async def of_ours(request: Request, error: Problem) -> Response:
        return show(request, error)

    @app.exception_handler(GenrekitError)
    async def of_genrekit(request: Request, error: GenrekitError) -> Response:
        return show(request, problem_of(error))

    @app.exception_handler(RequestValidationError)
    async def of_validation(request: Request, error: RequestValidationError) -> Response:
        found = pointers(error.errors())
        detail = f"{found[0]['pointer']}: {found[0]['detail']}" if found else "The request is malformed."
        return show(request, Problem("bad-request", detail, extensions={"errors": found}))

    @app.exception_handler(HTTPException)
    async def of_starlette(request: Request, error: HTTPException) -> Response:
        details = {
            404: "There is nothing at this address.",
            405: f"{request.method[:20]} is not allowed here.",
        }
        detail = details.get(error.status_code, str(error.detail))
        headers = dict(error.headers or {})
        if "GET" in headers.get("Allow", ""):
            headers["Allow"] += ", HEAD"
        return show(request, Problem(kind_of_status(error.status_code), detail, headers=headers))

    @app.exception_handler(ClientDisconnect)
    async def of_leaving(request: Request, error: ClientDisconnect) -> Response:
        service.metrics.gone.inc()
        return Response(status_code=predict.GONE)

    @app.exception_handler(Exception)
    async def of_nobody(request: Request, error: Exception) -> Response:
        frames = traceback.extract_tb(error.__traceback__)[-4:]
        where = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))
        service.log.event(
            "fault", id=request.scope["state"]["request_id"], error=type(error).__name__, where=where
        )
        return show(request, Problem("internal", "The request could not be handled; the log has its id."))
