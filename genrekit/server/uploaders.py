"""Uploaders as opaque words: by the key, the cookie of a browser, or the address under a secret of this run."""

from __future__ import annotations

import re
import secrets

from starlette.requests import Request
from starlette.responses import Response

from genrekit.feedback import opaque
from genrekit.server.callers import Caller
from genrekit.server.sessions import cookie_name
from genrekit.server.settings import Settings

LIFETIME_S = 180 * 86_400
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_SALT = secrets.token_bytes(32)


def uploader_of(request: Request, settings: Settings) -> str:
    """Return the uploader of a request: 32 hexadecimal digits that name nobody."""
    caller: Caller = request.scope["state"]["caller"]
    if caller.owner:
        keys = settings.admin_keys if caller.admin else settings.keys
        return opaque("key", keys.get(caller.owner, caller.owner.encode()))
    if token := _token(request):
        return opaque("browser", token)
    return opaque("address", _SALT, caller.address)


def adopt_browser(request: Request) -> None:
    """Choose a token for a browser without a key that sends consent or feedback: its uploads are those of one uploader."""
    state = request.scope["state"]
    if not state["caller"].owner and "x-genrekit-page" in request.headers and not _token(request):
        state["browser"] = secrets.token_urlsafe(32)


def remember_browser(request: Request, response: Response, settings: Settings) -> None:
    """Set the cookie of an adopted browser."""
    if token := request.scope["state"].get("browser"):
        response.set_cookie(
            _name(request),
            token,
            max_age=LIFETIME_S,
            path=f"{settings.root_path}/",
            secure=settings.certfile is not None,
            httponly=True,
            samesite="strict",
        )


def _name(request: Request) -> str:
    return f"{cookie_name(request.headers.get('host', ''))}-browser"


def _token(request: Request) -> str:
    """Return the token of the browser: its cookie, or the one that its response will set."""
    found = request.cookies.get(_name(request), "")
    return found if _TOKEN.fullmatch(found) else request.scope["state"].get("browser", "")
