"""Health, metrics, the index, the documentation, and the pages of problems."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from genrekit import __version__
from genrekit.server.gate import wants_page
from genrekit.server.metrics import CONTENT_TYPE
from genrekit.server.problems import KINDS, Problem, page
from genrekit.server.routes.page import static
from genrekit.server.schemas import problems
from genrekit.server.service import Service

_SWAGGER = {
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
    "start.js": "text/javascript; charset=utf-8",
}
_DOCS_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
    "frame-ancestors 'none'"
)
_DOCS_HEADERS = {"Content-Security-Policy": _DOCS_CSP, "Cache-Control": "max-age=3600"}
_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>genrekit API</title><link rel="stylesheet" href="{root}/docs/swagger-ui.css"></head>
<body><div id="docs" data-openapi="{root}/openapi.json"></div>
<script src="{root}/docs/swagger-ui-bundle.js"></script><script src="{root}/docs/start.js"></script></body>
</html>
"""


def router(service: Service, app: FastAPI) -> APIRouter:
    """Return the endpoints."""
    routes = APIRouter(tags=["server"])
    root = service.settings.root_path

    @routes.get("/livez", responses=problems())
    async def livez() -> dict[str, str]:
        """Report that the process responds and its workers can be started; where they cannot, only a restart helps."""
        service.check_workers()
        return {"status": "ok"}

    @routes.get("/readyz", responses=problems())
    @routes.get("/health", include_in_schema=False)
    async def readyz() -> dict[str, str]:
        """Report whether requests are taken: the models are loaded, and the server does not end."""
        service.check_ready()
        return {"status": "ok"}

    @routes.get("/metrics", response_class=PlainTextResponse, responses=problems())
    async def metrics() -> Response:
        """Return the metrics for Prometheus."""
        service.metrics.temp_bytes.set(service.uploads.size())
        return Response(service.metrics.text(), media_type=CONTENT_TYPE)

    @routes.get("/", responses={200: {"content": {"text/html": {}}}, **problems()}, response_model=None)
    async def index(request: Request, response: Response) -> dict[str, Any] | Response:
        """List the endpoints and the loaded models; a browser gets the page."""
        if wants_page(request.headers):
            return static(request, "index.html", service)
        response.headers["Vary"] = "Accept"
        endpoints = sorted(
            f"{method} {path}"
            for path, item in app.openapi()["paths"].items()
            for method in (name.upper() for name in item)
        )
        return {
            "name": "genrekit",
            "version": __version__,
            "models": list(service.registry.current.by_name),
            "endpoints": endpoints,
            "docs": f"{root}/docs",
        }

    @routes.get("/docs", response_class=HTMLResponse, include_in_schema=False)
    async def docs() -> Response:
        return HTMLResponse(_PAGE.format(root=root), headers=_DOCS_HEADERS)

    @routes.get("/docs/{name}", include_in_schema=False)
    async def asset(name: str) -> Response:
        if name not in _SWAGGER:
            raise Problem("not-found", f"There is no file {name[:80]!r} in the documentation.")
        content = files("genrekit.server").joinpath("swagger", name).read_bytes()
        return Response(content, media_type=_SWAGGER[name], headers=_DOCS_HEADERS)

    @routes.get("/problems/{name}", response_class=PlainTextResponse, responses=problems())
    async def problem(name: str) -> Response:
        """Explain a kind of problem."""
        if name not in KINDS:
            raise Problem("not-found", f"There is no problem {name[:80]!r}; there are {', '.join(KINDS)}.")
        return PlainTextResponse(page(name))

    @routes.get("/openapi.json", include_in_schema=False)
    async def openapi() -> Response:
        return JSONResponse(app.openapi())

    return routes
