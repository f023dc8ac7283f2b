"""Live sound over WebSockets: PCM frames in, windows with their genres out."""

from __future__ import annotations

from pathlib import Path

from starlette.websockets import WebSocket, WebSocketDisconnect

from genrekit.execution import Pool
from genrekit.server.admission import Admission
from genrekit.server.engine import Engine
from genrekit.server.gate import PROTOCOL
from genrekit.server.registry import Registry
from genrekit.server.stream import Stream
from genrekit.server.stream_messages import Ended, close

MAX_STREAMS = 8


class Streams:
    """The streams of a server.

    Attributes
    ----------
    running : set
        The streams under way.
    """

    def __init__(
        self, registry: Registry, engine: Engine, pool: Pool, admission: Admission, folder: Path
    ) -> None:
        self.registry = registry
        self.engine = engine
        self.pool = pool
        self.admission = admission
        self.folder = folder
        self.running: set[Stream] = set()

    def end(self) -> None:
        """Let every stream send what it has found, and end."""
        for stream in self.running:
            stream.going.set()

    async def serve(self, socket: WebSocket) -> None:
        """Serve one connection from its first message to its end."""
        offered = socket.scope.get("subprotocols", [])
        await socket.accept(subprotocol=PROTOCOL if PROTOCOL in offered else None)
        if self.admission.draining:
            return await close(socket, Ended("going", "The server is about to end."))
        if len(self.running) >= MAX_STREAMS:
            return await close(
                socket, Ended("busy", f"{MAX_STREAMS} streams are under way.", "Come again later.")
            )
        with self.registry.current.use() as snapshot:
            stream = Stream(socket, snapshot, self.engine, self.pool, self.folder)
            self.running.add(stream)
            try:
                await stream.run()
            except (
                WebSocketDisconnect,
                RuntimeError,
                OSError,
            ):  # the client left, in the middle of a word or not
                pass
            finally:
                self.running.discard(stream)
        return None
