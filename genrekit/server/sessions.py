"""Sessions of browsers: a key once, then a cookie that no script can read."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from genrekit.server.keys import owner_of
from genrekit.server.settings import Settings

LIFETIME_S = 12 * 3600.0
"""Seconds after the last request in which a session ends."""
TICKET_S = 300.0
MAX_SESSIONS = 1_000
TICKET_OWNER = "page"


@dataclass
class Session:
    """The session of a browser: its key's owner, and the end of its validity."""

    owner: str
    admin: bool
    until_s: float


class Sessions:
    """The sessions of one server; they end with it.

    Tokens are kept as hashes. When there are too many, the one that was used longest ago ends.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._by_hash: OrderedDict[bytes, Session] = OrderedDict()
        self._tickets: dict[bytes, float] = {}

    def ticket(self) -> str:
        """Return a key that opens one session, within five minutes."""
        ticket = secrets.token_urlsafe(32)
        self._tickets[_hash(ticket)] = time.monotonic() + TICKET_S
        return ticket

    def open(self, key: str) -> str | None:
        """Return the token of a new session for a key or a ticket, or None if it is wrong."""
        owner, admin = owner_of(key, self._settings.admin_keys), True
        if owner is None:
            owner, admin = owner_of(key, self._settings.keys), False
        if owner is None and self._tickets.pop(_hash(key), 0.0) > time.monotonic():
            owner = TICKET_OWNER
        if owner is None:
            return None
        token = secrets.token_urlsafe(32)
        self._by_hash[_hash(token)] = Session(owner, admin, time.monotonic() + LIFETIME_S)
        while len(self._by_hash) > MAX_SESSIONS:
            self._by_hash.popitem(last=False)
        return token

    def find(self, headers: Mapping[str, str]) -> Session | None:
        """Return the session of a request; a page of another origin, be it an allowed one, has none."""
        if "cookie" not in headers:
            return None
        origin, host = headers.get("origin"), headers.get("host", "")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return None
        hashed = _hash(token_of(headers))
        session = self._by_hash.get(hashed)
        if session is None:
            return None
        if session.until_s < time.monotonic():
            del self._by_hash[hashed]
            return None
        session.until_s = time.monotonic() + LIFETIME_S
        self._by_hash.move_to_end(hashed)
        return session

    def close(self, headers: Mapping[str, str]) -> None:
        """End the session of a request."""
        self._by_hash.pop(_hash(token_of(headers)), None)


def cookie_name(host: str) -> str:
    """Return the name of the cookie: browsers share cookies between the ports of a host, and sessions are per server.

    Examples
    --------
    >>> cookie_name("127.0.0.1:8000"), cookie_name("[::1]:8000"), cookie_name("genre.example")
    ('genrekit-8000', 'genrekit-8000', 'genrekit')
    """
    port = host.rpartition("]")[2].rpartition(":")[2] if ":" in host else ""
    return f"genrekit-{port}" if port.isdecimal() else "genrekit"


def token_of(headers: Mapping[str, str]) -> str:
    """Return the token in the cookies of a request; '' without one."""
    cookies: SimpleCookie = SimpleCookie()
    try:
        cookies.load(headers.get("cookie", "")[:8192])
    except CookieError:
        return ""
    found = cookies.get(cookie_name(headers.get("host", "")))
    return found.value if found else ""


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
