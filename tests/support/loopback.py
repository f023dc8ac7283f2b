"""A web server on loopback that behaves badly on request: cuts, stalls, lies about lengths, changes its mind."""

from __future__ import annotations

import json
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

BLOCK = 2**14


@dataclass
class Seen:
    """A request that arrived."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]


@dataclass
class Host:
    """What is served, how, and what was asked.

    Attributes
    ----------
    files : dict of str to bytes
        By path without the first ``/``.
    etag, last_modified : str
        Sent as headers where not empty.
    cuts : list of int
        Offsets in a file at which the connection breaks, one after the other.
    reset : bool
        Whether a cut is a reset rather than an early end.
    ranges : bool
        Whether parts are served.
    statuses : list of (int, dict)
        Answers to the next requests instead of what they ask for.
    stall_at : int or None
        Offset at which nothing more comes, once.
    claim : int or None
        The length that is claimed.
    chunked : bool
        Whether no length is told.
    pause_s : float
        Between blocks.
    on_bytes : callable
        Called with the bytes sent so far.
    api : dict of str to callable
        Paths that are answered by JSON of what the callable makes of the query.
    sent, crossed : int
        Bytes of files that were handed to the system; and those of them that the system of the client has acknowledged, where
        Linux says so: what is left in the buffer of a socket whose client died was never transferred.
    refusals : dict of str to (int, bytes)
        Paths that are answered by a status and a body.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    etag: str = '"one"'
    last_modified: str = ""
    cuts: list[int] = field(default_factory=list)
    reset: bool = False
    ranges: bool = True
    statuses: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    stall_at: int | None = None
    claim: int | None = None
    chunked: bool = False
    pause_s: float = 0.0
    on_bytes: Callable[[int], None] = lambda sent: None
    api: dict[str, Callable[[Mapping[str, str]], object]] = field(default_factory=dict)
    refusals: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    sent: int = 0
    crossed: int = 0
    seen: list[Seen] = field(default_factory=list)
    base: str = ""


def _acknowledged(connection: socket.socket) -> int | None:
    """Return tcpi_bytes_acked of linux/tcp.h; None where the system has no such thing."""
    if not hasattr(socket, "TCP_INFO"):
        return None
    facts = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return struct.unpack_from("Q", facts, 120)[0] if len(facts) >= 128 else None


@contextmanager
def serving(host: Host) -> Iterator[Host]:
    """Serve until the block ends; ``host.base`` is the address, with ``/`` at its end."""
    closing = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 20

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = dict(parse_qsl(parts.query))
            host.seen.append(Seen(parts.path[1:], query, dict(self.headers)))
            try:
                self.answer(parts.path[1:], query)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def answer(self, path: str, query: Mapping[str, str]) -> None:
            if host.statuses:
                status, headers = host.statuses.pop(0)
                self.reply(status, headers, b"no")
            elif path in host.refusals:
                self.reply(host.refusals[path][0], {}, host.refusals[path][1])
            elif path in host.api:
                found = host.api[path](query)
                if isinstance(found, bytes):
                    self.reply(200, {"Content-Type": "application/json"}, found)
                elif found is None:
                    self.reply(404, {}, b"{}")
                else:
                    self.reply(200, {"Content-Type": "application/json"}, json.dumps(found).encode())
            elif path in host.files:
                self.send_file(host.files[path])
            else:
                self.reply(404, {}, b"no such file")

        def reply(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def send_file(self, data: bytes) -> None:
            start, wanted = 0, self.headers.get("Range", "")
            condition = self.headers.get("If-Range")
            found = re.fullmatch(r"bytes=(\d+)-", wanted)
            if found and host.ranges and condition in (None, host.etag, host.last_modified):
                start = int(found[1])
                if start >= len(data):
                    self.reply(416, {"Content-Range": f"bytes */{len(data)}"}, b"")
                    return
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            else:
                self.send_response(200)
            for name, value in (("ETag", host.etag), ("Last-Modified", host.last_modified)):
                if value:
                    self.send_header(name, value)
            if host.chunked:
                self.send_header("Transfer-Encoding", "chunked")
            else:
                self.send_header(
                    "Content-Length", str(len(data) - start if host.claim is None else host.claim)
                )
            self.end_headers()
            before, sent = _acknowledged(self.connection), host.sent
            try:
                self.send_body(data, start)
                host.crossed += host.sent - sent
            except OSError:
                after = _acknowledged(self.connection)
                host.crossed += host.sent - sent if after is None else after - (before or 0)
                raise

        def send_body(self, data: bytes, start: int) -> None:
            end = len(data)
            cut = host.cuts.pop(0) if host.cuts and start < host.cuts[0] < end else None
            end = end if cut is None else cut
            at = start
            while at < end and not closing.is_set():
                if host.stall_at is not None and at >= host.stall_at:
                    host.stall_at = None
                    closing.wait(15)
                    self.close_connection = True
                    return
                block = data[at : min(at + BLOCK, end)]
                frame = b"%x\r\n%s\r\n" % (len(block), block) if host.chunked else block
                self.wfile.write(frame)
                at += len(block)
                host.sent += len(block)
                host.on_bytes(host.sent)
                if host.pause_s:
                    time.sleep(host.pause_s)
            if cut is None and host.chunked:
                self.wfile.write(b"0\r\n\r\n")
            if cut is not None or host.claim is not None:
                if host.reset:
                    # What is in the client's buffer may be lost with a reset; give it time to be read.
                    time.sleep(0.05)
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that goes away is no error."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    host.base = f"http://127.0.0.1:{server.server_port}/"
    try:
        yield host
    finally:
        closing.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
