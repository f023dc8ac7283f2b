"""Limits on the head of a request, which uvicorn does not have: the seconds until it is there, and its bytes."""

from __future__ import annotations

import asyncio
import uuid

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from genrekit.server.problems import Problem, render

HEAD_S = 20.0
"""Seconds from the connection, or from the first byte of a later request, to the end of the headers."""
MAX_SILENT_BYTES = 64 << 10
"""Bytes in a row that are neither a whole head nor part of a body: headers, trailers, extensions of chunks."""


class LimitedHeads(HttpToolsProtocol):
    """A connection that is closed if the head of a request is slow or large."""

    _late: asyncio.TimerHandle | None = None
    _silent_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._heard()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse bytes, and count those that have come to nothing yet."""
        self._silent_bytes += len(data)
        super().data_received(data)
        if self._silent_bytes > MAX_SILENT_BYTES:
            self._refuse(b"431 Request Header Fields Too Large")

    def on_message_begin(self) -> None:
        """Begin with the head of a request."""
        super().on_message_begin()
        if self._late is None:
            self._wait()

    def on_headers_complete(self) -> None:
        """End the head of a request."""
        self._heard()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of a body."""
        self._silent_bytes = 0
        super().on_body(body)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP, or an address of 64 KiB or more, as a problem."""
        response = render(
            Problem("bad-request", msg, "Send HTTP/1.1; an address may have up to 64 KiB."),
            uuid.uuid4().hex,
            self.config.root_path,
        )
        head = b"".join(name + b": " + value + b"\r\n" for name, value in response.raw_headers)
        self.transport.write(
            b"HTTP/1.1 400 Bad Request\r\n" + head + b"connection: close\r\n\r\n" + bytes(response.body)
        )
        self.transport.close()

    def _wait(self) -> None:
        self._late = self.loop.call_later(HEAD_S, self._refuse, b"408 Request Timeout")

    def _heard(self) -> None:
        self._silent_bytes = 0
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _refuse(self, status: bytes) -> None:
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete:
            self.transport.write(
                b"HTTP/1.1 " + status + b"\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            )
        self.transport.close()
