"""Errors as application/problem+json (RFC 9457), from the errors of genrekit and of the server."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import Response

from genrekit.errors import GenrekitError, UnknownModelError
from genrekit.text import utf8_name

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True)
class Kind:
    """A kind of problem: its status, its title, and the cause and remedy on its page."""

    status: int
    title: str
    cause: str


KINDS: dict[str, Kind] = {
    "bad-request": Kind(
        400, "The request cannot be understood", "A parameter, a body or a header is malformed."
    ),
    "no-key": Kind(
        401, "A key is missing or wrong", "Send it as X-API-Key, or as Authorization: Bearer KEY."
    ),
    "foreign-host": Kind(
        403,
        "The server is not called by this name",
        "The header Host names another machine. The owner of the server may allow it: --allow-host NAME.",
    ),
    "foreign-origin": Kind(
        403,
        "Pages of other sites may not send requests",
        "A browser sent the request for a page of another site. The owner may allow it: --allow-origin URL.",
    ),
    "forbidden": Kind(
        403, "This is not allowed", "The key does not open this, or a path lies outside the allowed folder."
    ),
    "not-found": Kind(404, "There is nothing here", "The address is wrong, or no model has this name."),
    "method-not-allowed": Kind(
        405, "The method is not allowed here", "The header Allow names those that are."
    ),
    "not-acceptable": Kind(
        406, "This format is not available", "The header Accept names no format that is available here."
    ),
    "slow-body": Kind(408, "The body came too slowly", "The upload stalled, or was slower than 10 KB/s."),
    "too-large": Kind(
        413,
        "The upload is too large",
        "Send a shorter part; the owner may raise --max-upload or --max-files.",
    ),
    "unsupported": Kind(
        415,
        "Files of this kind are not taken",
        "Songs, pictures, tables and JSON are taken; playlists, cue sheets, lists of files and archives are not.",
    ),
    "unusable": Kind(
        422, "The inputs cannot be used", "The request is right, but nothing in it could be predicted."
    ),
    "too-many-requests": Kind(
        429, "Too many requests", "The rate of the server is limited; Retry-After says how long to wait."
    ),
    "internal": Kind(
        500, "The server failed", "This is a fault of genrekit; the log of the server has the request id."
    ),
    "not-available": Kind(501, "This server does not offer it", "It was started without what this needs."),
    "busy": Kind(
        503,
        "The server is busy or ends",
        "The queue is full, or the server is about to end; Retry-After says when to come again.",
    ),
    "broken": Kind(
        503,
        "The server must be restarted",
        "Its worker processes cannot be started any more; memory or processes may be at their limit.",
    ),
    "timeout": Kind(504, "The inputs took too long", "Every input took longer than --timeout."),
}
_BY_STATUS = {
    kind.status: name for name, kind in reversed(KINDS.items()) if name not in ("foreign-host", "broken")
}


@dataclass
class Problem(Exception):
    """A refusal or a failure, as it is sent.

    Attributes
    ----------
    kind : str
        A key of `KINDS`.
    detail, hint : str
    headers : Mapping of str to str
    extensions : Mapping
        Further members of the object.
    """

    kind: str
    detail: str
    hint: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    extensions: Mapping[str, Any] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """The HTTP status."""
        return KINDS[self.kind].status


def problem_of(error: GenrekitError) -> Problem:
    """Return an error of genrekit as a problem."""
    kind = "not-found" if isinstance(error, UnknownModelError) else "bad-request"
    return Problem(kind, error.message, error.hint)


def kind_of_status(status: int) -> str:
    """Return the kind of problem that a bare HTTP status means."""
    return _BY_STATUS.get(status, "internal" if status >= 500 else "bad-request")


def render(problem: Problem, request_id: str, root_path: str = "") -> Response:
    """Return the response of a problem."""
    kind = KINDS[problem.kind]
    content: dict[str, Any] = {
        "type": f"{root_path}/problems/{problem.kind}",
        "title": kind.title,
        "status": kind.status,
        "detail": utf8_name(problem.detail),
    }
    if problem.hint:
        content["hint"] = utf8_name(problem.hint)
    content["instance"] = f"urn:genrekit:request:{request_id}"
    content |= problem.extensions
    return Response(
        json.dumps(content, ensure_ascii=False).encode("utf-8", "replace"),
        status_code=kind.status,
        media_type=MEDIA_TYPE,
        headers=dict(problem.headers),
    )


def page(name: str) -> str:
    """Return the text of the page of a kind of problem."""
    kind = KINDS[name]
    return f"{kind.title}\n\nStatus {kind.status}. {kind.cause}\n"


def pointers(errors: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return validation errors of pydantic as JSON pointers with a sentence each."""
    return [
        {"pointer": "/" + "/".join(str(part) for part in error["loc"]), "detail": str(error["msg"])[:300]}
        for error in errors[:20]
    ]
