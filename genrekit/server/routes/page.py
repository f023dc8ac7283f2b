"""The page: its static files, and the login of a browser."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib.resources import files

from fastapi import APIRouter, Request
from starlette.responses import Response

from genrekit import __version__
from genrekit.media import AUDIO_SUFFIXES, IMAGE_SUFFIXES, TABLE_SUFFIXES
from genrekit.server.json_body import read_json, read_limited
from genrekit.server.problems import Problem
from genrekit.server.service import Service
from genrekit.server.sessions import LIFETIME_S, cookie_name

MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob:; {playlists}"
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
PERMISSIONS = "microphone=(self), camera=(), geolocation=(), payment=(), usb=()"


def router(service: Service) -> APIRouter:
    """Return the endpoints."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/page/{name}")
    async def asset(request: Request, name: str) -> Response:
        return static(request, name, service)

    @routes.post("/page/session", status_code=204)
    async def log_in(request: Request) -> Response:
        body = read_json(await read_limited(request))
        key = body.get("key") if isinstance(body, dict) else None
        if not isinstance(key, str):
            raise Problem("bad-request", 'The body is not {"key": "..."}.')
        token = service.sessions.open(key)
        if token is None:
            raise Problem("no-key", "The key is wrong.")
        response = Response(status_code=204)
        response.set_cookie(
            cookie_name(request.headers.get("host", "")),
            token,
            max_age=int(LIFETIME_S),
            path=f"{service.settings.root_path}/",
            secure=service.settings.certfile is not None,
            httponly=True,
            samesite="strict",
        )
        return response

    @routes.delete("/page/session", status_code=204)
    async def log_out(request: Request) -> Response:
        service.sessions.close(request.headers)
        response = Response(status_code=204)
        response.delete_cookie(
            cookie_name(request.headers.get("host", "")), path=f"{service.settings.root_path}/"
        )
        return response

    if service.settings.exit_with_page:
        routes.add_api_websocket_route("/page/presence", service.presence.hold)

    return routes


def static(request: Request, name: str, service: Service) -> Response:
    """Return a file of the page; it is sent again only when it changed.

    Parameters
    ----------
    request : Request
    name : str
    service : Service

    Raises
    ------
    Problem
        If there is none of this name.
    """
    similar = service.library.modality if service.library else ""
    settings = service.settings
    content = _contents(settings.max_upload_bytes, similar, settings.keep, settings.exit_with_page).get(name)
    if content is None:
        raise Problem("not-found", f"The page has no file {name[:80]!r}.")
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {
        "ETag": tag,
        "Cache-Control": "no-cache",
        "Content-Security-Policy": CSP.format(playlists=service.playlists.policy),
        "Permissions-Policy": PERMISSIONS,
        "Vary": "Accept",
    }
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    suffix = name[name.rindex(".") :]
    return Response(content, media_type=MEDIA_TYPES[suffix], headers=headers)


@lru_cache(maxsize=4)
def _contents(most_bytes: int, similar: str, keep: str, exit_with_page: bool) -> dict[str, bytes]:
    """Return the files by name; the page itself learns what there is.

    Parameters
    ----------
    most_bytes : int
        The largest upload, which the page says before it sends one.
    similar : str
        Kind of the inputs of the index; empty without one.
    keep : str
        Which uploads the server keeps.
    exit_with_page : bool
        Whether the page says that it is open.
    """
    folder = files("genrekit.server").joinpath("page")
    found = {
        file.name: file.read_bytes()
        for file in folder.iterdir()
        if file.name.endswith(tuple(MEDIA_TYPES)) and file.is_file()
    }
    facts = {
        "languages": sorted(name.removesuffix(".json") for name in found if name.endswith(".json")),
        "audio": sorted(AUDIO_SUFFIXES),
        "image": sorted(IMAGE_SUFFIXES),
        "table": sorted(TABLE_SUFFIXES),
        "version": [__version__],
        "most": [str(most_bytes)],
        "similar": [similar],
        "keep": [keep],
        "presence": ["yes" if exit_with_page else ""],
    }
    page = found["index.html"].decode()
    for name, words in facts.items():
        page = page.replace(f"{{{name}}}", " ".join(words))
    return {**found, "index.html": page.encode()}
