"""Pages that are open, so that an application ends with the last of them: each holds a WebSocket."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from starlette.websockets import WebSocket, WebSocketDisconnect

from genrekit.server.gate import PROTOCOL

GRACE_S = 5.0
"""Seconds without a page before the end: a page that is loaded again is away for a moment."""
LOOK_S = 0.5


class Presence:
    """Counts open pages."""

    def __init__(self) -> None:
        self._open: set[WebSocket] = set()
        self._left_s: float | None = None

    async def hold(self, socket: WebSocket) -> None:
        """Count a page until it goes away."""
        await socket.accept(PROTOCOL if PROTOCOL in socket.scope.get("subprotocols", ()) else None)
        self._open.add(socket)
        try:
            while True:
                await socket.receive_text()
        except (WebSocketDisconnect, KeyError, RuntimeError):  # it went, or was closed by `end`
            pass
        finally:
            self._open.discard(socket)
            self._left_s = time.monotonic()

    async def watch(self, leave: Callable[[], None]) -> None:
        """Wait for the last page to go, then call ``leave``; until the first one comes, nothing happens."""
        while self._open or self._left_s is None or time.monotonic() - self._left_s < GRACE_S:
            await asyncio.sleep(LOOK_S)
        leave()

    async def end(self) -> None:
        """Close all connections: a server that ends does not wait for open pages."""
        for socket in list(self._open):
            await socket.close(1001)
