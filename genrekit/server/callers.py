"""Callers: the owner of a request's key or session, and its address."""

from __future__ import annotations

import base64
import binascii
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.types import Scope

from genrekit.server.keys import owner_of
from genrekit.server.problems import Problem
from genrekit.server.sessions import Sessions
from genrekit.server.settings import Settings

_BEARER = 'Bearer realm="genrekit"'
_BASIC = 'Basic realm="genrekit"'


@dataclass
class Caller:
    """The sender of a request: the name of its key ('' without one), and the address; ``admin`` if it may change the server."""

    owner: str = ""
    address: str = ""
    admin: bool = False


@dataclass
class Callers:
    """Finds out who sends a request."""

    settings: Settings
    sessions: Sessions

    def __post_init__(self) -> None:
        self._proxies = [ipaddress.ip_network(text, strict=False) for text in self.settings.trust_proxy]

    def check_key(self, headers: Mapping[str, str], caller: Caller) -> None:
        """Find the owner of the key or the session of a request.

        Raises
        ------
        Problem
            If a key is asked for, and it is missing or wrong.
        """
        settings = self.settings
        given = _given_key(headers)
        if not given and (session := self.sessions.find(headers)) is not None:
            caller.owner, caller.admin = session.owner, session.admin
            return
        if given and (owner := owner_of(given, settings.admin_keys)) is not None:
            caller.owner, caller.admin = owner, True
            return
        if not settings.keys:
            return
        owner = owner_of(given, settings.keys) if given else None
        if owner is None:
            raise Problem(
                "no-key",
                "The key is wrong." if given else "The request has no key.",
                "Send it: X-API-Key: KEY, or Authorization: Bearer KEY.",
                {"WWW-Authenticate": _challenge(headers)},
            )
        caller.owner = owner

    def address(self, scope: Scope, headers: Mapping[str, str]) -> str:
        """Return the address of the client, as forwarded by trusted proxies."""
        address: str = scope["client"][0] if scope.get("client") else ""
        if not self._proxies:
            return address
        forwarded = headers.get("x-forwarded-for", "")
        for word in reversed(forwarded.split(",")):
            if not self._is_proxy(address) or not word.strip():
                break
            address = word.strip()[:64]
        return address

    def _is_proxy(self, address: str) -> bool:
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self._proxies)


def _challenge(headers: Mapping[str, str]) -> str:
    """Say how a key is sent; Basic would open a window of the browser over the page, which has a form for it."""
    return _BEARER if "x-genrekit-page" in headers else f"{_BEARER}, {_BASIC}"


def _given_key(headers: Mapping[str, str]) -> str:
    """Return the key of a request; with Basic it is the password, so that a browser can ask for it."""
    if key := headers.get("x-api-key", ""):
        return key
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value.strip(), validate=True).decode("utf-8").partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""
