"""The gate: what every request passes before anything of it is read, and what every response carries."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from genrekit.server.access_log import AccessLog
from genrekit.server.admission import Admission
from genrekit.server.callers import Caller, Callers
from genrekit.server.limits import LimitedBody, RateLimit, drain
from genrekit.server.metrics import Metrics
from genrekit.server.problems import Problem, render
from genrekit.server.sessions import Sessions
from genrekit.server.settings import Settings

OPEN_PATHS = frozenset(("/livez", "/readyz", "/ping"))
SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_START, _NUMBERS = secrets.token_hex(8), count()  # the same length for every request, without a system call
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_CSP = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
PROTOCOL, KEY_PROTOCOL = "genrekit.v1", "key."
SESSION_PATH = "/page/session"


@dataclass
class Gate:
    """An ASGI middleware: request ids, Host, Origin, keys, rates, limits of bodies, headers, metrics, the log."""

    app: ASGIApp
    settings: Settings
    metrics: Metrics
    admission: Admission
    log: AccessLog
    sessions: Sessions
    _rate: RateLimit | None = field(init=False)

    def __post_init__(self) -> None:
        self._rate = RateLimit(self.settings.rate) if self.settings.rate else None
        self._hosts = self.settings.hosts
        self._callers = Callers(self.settings, self.sessions)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started_s = time.perf_counter()
        if root := self.settings.root_path:  # a proxy may take the prefix away, or not
            path = scope["path"]
            has_it = path == root or path.startswith(f"{root}/")
            scope = {**scope, "root_path": root, "path": path if has_it else root + path}
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        given = headers.get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else f"{_START}{next(_NUMBERS):08x}"
        caller = Caller()
        state = scope.setdefault("state", {})
        state["request_id"], state["caller"], state["logged"] = request_id, caller, {}
        is_head = scope["method"] == "HEAD"
        inner = {**scope, "method": "GET"} if is_head else scope  # what GET has, HEAD has, without the body
        body = LimitedBody(receive, self.settings.max_upload_bytes)
        status = 0

        async def send_on(message: Message) -> None:
            nonlocal status
            if is_head and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": self._headers(message["headers"], headers, request_id)}
                if body.unread:
                    message["headers"].append((b"connection", b"close"))
            elif not message.get("more_body", False) and body.unread:
                await send({**message, "more_body": True})
                await drain(receive)
                message = {"type": "http.response.body", "body": b"", "more_body": False}
            await send(message)

        try:
            try:
                self._check(scope, headers, caller)
                body.start(headers)
                if self._is_preflight(scope, headers):
                    await send_on({"type": "http.response.start", "status": 204, "headers": []})
                    await send_on({"type": "http.response.body", "body": b""})
                    return
                await self.app(inner, body.receive, send_on)
            except Problem as problem:
                if status:  # the response has begun
                    raise
                await render(problem, request_id, self.settings.root_path)(scope, receive, send_on)
        finally:
            took_s = time.perf_counter() - started_s
            route = getattr(inner.get("route"), "path", "other")
            self.metrics.request(route, status or 499, took_s)
            self.log.write(scope["method"], route, status or 499, took_s, request_id, caller, state["logged"])

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check a WebSocket as a request that changes something; its key may be among its protocols."""
        started_s = time.perf_counter()
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        offered = scope.get("subprotocols", [])
        for word in offered:
            if word.startswith(KEY_PROTOCOL):
                headers["x-api-key"] = word.removeprefix(KEY_PROTOCOL)
        caller, request_id, status = Caller(), secrets.token_hex(12), 101
        scope.setdefault("state", {}).update(request_id=request_id, caller=caller, logged={})
        try:
            self._check({**scope, "method": "CONNECT"}, headers, caller)
            await self.app(scope, receive, send)
        except Problem as problem:
            status = problem.status
            words = {"type": "error", "reason": problem.kind, "detail": problem.detail, "hint": problem.hint}
            await receive()
            await send({"type": "websocket.accept", "subprotocol": PROTOCOL if PROTOCOL in offered else None})
            await send({"type": "websocket.send", "text": json.dumps(words)})
            await send({"type": "websocket.close", "code": 1008})
        finally:
            took_s = time.perf_counter() - started_s
            route = getattr(scope.get("route"), "path", "other")
            self.metrics.request(route, status)
            self.log.write("WS", route, status, took_s, request_id, caller, {})

    def _check(self, scope: Scope, headers: Mapping[str, str], caller: Caller) -> None:
        caller.address = self._callers.address(scope, headers)
        self._check_host(scope)
        self._check_origin(scope, headers)
        path = scope["path"].removeprefix(self.settings.root_path)
        if (
            path in OPEN_PATHS
            or _is_static(scope["method"], path, headers)
            or self._is_preflight(scope, headers)
        ):
            return
        if path != SESSION_PATH:
            self._callers.check_key(headers, caller)
        if self._rate is not None:
            self._rate.take(caller.owner or caller.address)

    def _check_host(self, scope: Scope) -> None:
        named = {value for name, value in scope["headers"] if name == b"host"}
        if len(named) != 1:
            raise Problem("bad-request", "The request has no header Host, or several.")
        host = named.pop().decode("latin-1").strip().lower()
        name = host if host.endswith("]") else re.sub(r":\d*$", "", host)
        if "*" not in self._hosts and name not in self._hosts:
            raise Problem(
                "foreign-host",
                f"The server is not called {name[:100]!r}.",
                "Its owner may allow it: --allow-host NAME.",
            )

    def _check_origin(self, scope: Scope, headers: Mapping[str, str]) -> None:
        if scope["method"] in SAFE_METHODS:
            return
        origin = headers.get("origin")
        if origin is None:
            if headers.get("sec-fetch-site", "none") == "cross-site":
                raise Problem("foreign-origin", "A page of another site sent this request.")
            return
        if (
            not self._is_allowed(origin)
            and urlsplit(origin).netloc.lower() != headers.get("host", "").lower()
        ):
            raise Problem(
                "foreign-origin",
                f"A page of {origin[:100]!r} sent this request.",
                "The owner may allow it: --allow-origin URL.",
            )

    def _is_allowed(self, origin: str) -> bool:
        return origin in self.settings.allow_origins or "*" in self.settings.allow_origins

    def _is_preflight(self, scope: Scope, headers: Mapping[str, str]) -> bool:
        return (
            scope["method"] == "OPTIONS"
            and "access-control-request-method" in headers
            and self._is_allowed(headers.get("origin", ""))
        )

    def _headers(
        self, given: list[tuple[bytes, bytes]], request: Mapping[str, str], request_id: str
    ) -> list[tuple[bytes, bytes]]:
        names = {name.lower() for name, _ in given}
        headers = [*given, *_HEADERS, (b"x-request-id", request_id.encode())]
        if b"content-security-policy" not in names:
            headers.append(_CSP)
        if b"cache-control" not in names:
            headers.append((b"cache-control", b"no-store"))
        if self.settings.certfile is not None:
            headers.append((b"strict-transport-security", b"max-age=31536000"))
        origin = request.get("origin", "")
        if self.settings.allow_origins:
            headers.append((b"vary", b"Origin"))
            if origin and self._is_allowed(origin):
                headers += [
                    (b"access-control-allow-origin", origin.encode("latin-1")),
                    (b"access-control-expose-headers", b"X-Request-ID, Retry-After, Server-Timing"),
                    (b"access-control-allow-methods", b"GET, POST, DELETE, OPTIONS"),
                    (
                        b"access-control-allow-headers",
                        b"Authorization, X-API-Key, Content-Type, X-Filename, X-Request-ID",
                    ),
                    (b"access-control-max-age", b"600"),
                ]
        return headers


def _is_static(method: str, path: str, headers: Mapping[str, str]) -> bool:
    """Return whether a request is for a file of the page; these are the same for everybody."""
    if method not in ("GET", "HEAD"):
        return False
    return path.startswith("/page/") or (path == "/" and wants_page(headers))


def wants_page(headers: Mapping[str, str]) -> bool:
    """Return whether a request for ``/`` comes from a browser."""
    return "text/html" in headers.get("accept", "").lower()
