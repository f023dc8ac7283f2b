"""Limits: bytes and pace of a body while it streams, and the rate of requests."""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress

from starlette.types import Message, Receive

from genrekit.server.problems import Problem
from genrekit.server.settings import Rate

PATIENCE_S = 30.0
"""Seconds in which the next piece of a body must come."""
SLOWEST_BYTES_PER_S = 10_000
DRAIN_BYTES = 400_000
DRAIN_S = 1.0
MAX_KNOWN = 10_000


class LimitedBody:
    """The body of a request, refused as soon as it breaks a limit.

    Attributes
    ----------
    unread : bool
        Whether more of the body may come.
    """

    def __init__(self, receive: Receive, max_bytes: int) -> None:
        self._receive = receive
        self._max_bytes = max_bytes
        self._n_bytes = 0
        self._started_s = 0.0
        self.unread = False

    def start(self, headers: Mapping[str, str]) -> None:
        """Check the length and the type that the headers declare for the body.

        Raises
        ------
        Problem
            If it is too large.
        """
        self._started_s = time.monotonic()
        self.unread = "content-length" in headers or "transfer-encoding" in headers
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > self._max_bytes:
            raise self._too_large()
        if length == "0" and "transfer-encoding" not in headers:
            self.unread = False

    async def receive(self) -> Message:
        """Receive the next message.

        Raises
        ------
        Problem
            If the body is too large or too slow.
        """
        if not self.unread:
            return await self._receive()
        left_s = self._started_s + PATIENCE_S + self._n_bytes / SLOWEST_BYTES_PER_S - time.monotonic()
        try:
            async with asyncio.timeout(min(PATIENCE_S, max(left_s, 0))):
                message = await self._receive()
        except TimeoutError:
            raise Problem(
                "slow-body",
                f"The body came too slowly: {self._n_bytes:,} bytes so far.",
                headers={"Connection": "close"},
            ) from None
        if message["type"] == "http.request":
            self._n_bytes += len(message.get("body", b""))
            self.unread = bool(message.get("more_body", False))
            if self._n_bytes > self._max_bytes:
                raise self._too_large()
        else:
            self.unread = False
        return message

    def _too_large(self) -> Problem:
        return Problem(
            "too-large",
            f"The body has more than {self._max_bytes:,} bytes, which this server takes.",
            "Send a shorter part, or start the server with a larger --max-upload.",
        )


async def drain(receive: Receive) -> None:
    """Read a little of a refused body: a connection that is closed on unread bytes loses the response."""
    n_bytes = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_S):
            while n_bytes < DRAIN_BYTES:
                message = await receive()
                n_bytes += len(message.get("body", b""))
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return


class RateLimit:
    """A token bucket per caller; the callers that were seen last are known."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str) -> None:
        """Count a request of a caller.

        Raises
        ------
        Problem
            If it has had too many.
        """
        per_token_s = self._rate.per_s / self._rate.n
        now_s = time.monotonic()
        tokens, since_s = self._buckets.pop(caller, (float(self._rate.n), now_s))
        tokens = min(float(self._rate.n), tokens + (now_s - since_s) / per_token_s)
        refused = tokens < 1
        self._buckets[caller] = (tokens - (not refused), now_s)
        if len(self._buckets) > MAX_KNOWN:
            self._buckets.popitem(last=False)
        if refused:
            wait_s = math.ceil((1 - tokens) * per_token_s)
            raise Problem(
                "too-many-requests",
                f"This server takes {self._rate.n} requests in {self._rate.per_s:g} s from a caller.",
                f"Send the request again in {wait_s} s.",
                {"Retry-After": str(wait_s)},
            )
