"""Running the application with uvicorn: signals, draining, HTTPS."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import signal
import socket
import ssl
import sys
import time
import webbrowser
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn

from genrekit.errors import UsageError
from genrekit.server.app import create_app
from genrekit.server.memory import share_arenas
from genrekit.server.service import Service
from genrekit.server.settings import Settings
from genrekit.server.stream_messages import MAX_FRAME_BYTES

BACKLOG_S = 0.2
"""Seconds between the signal and the end of accepting: connections that are in the backlog are refused in words."""
STREAMS_S = 3.0
"""Seconds that streams have to send what they found."""
KEEP_ALIVE_S = 15
INTERRUPTED = 130
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (compared, not listened on)


class _Server(uvicorn.Server):
    """A server that drains on SIGTERM, and leaves with 0."""

    def __init__(
        self,
        config: uvicorn.Config,
        service: Service,
        *,
        open_page: bool,
        on_ready: Callable[[str], None] | None,
    ) -> None:
        super().__init__(config)
        self.service = service
        self.interrupted = False
        self._open_page = open_page
        self._on_ready = on_ready

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle signals in the event loop; uvicorn would raise them again at the end."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            try:
                loop.add_signal_handler(number, self._end, number)
            except NotImplementedError:  # Windows
                signal.signal(number, lambda given, frame: loop.call_soon_threadsafe(self._end, given))
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and log the address."""
        await super().startup(sockets)
        if not self.started:
            return
        address = self._address()
        self.service.log.event(
            "ready", address=address, models=",".join(self.service.registry.current.by_name)
        )
        if self.service.settings.is_open:
            self.service.log.event(
                "warning", reason="everybody who reaches this address may use the server; set a key"
            )
        if self.service.settings.exit_with_page:
            leave = functools.partial(self._end, signal.SIGTERM)
            self._watching = asyncio.create_task(self.service.presence.watch(leave))
        if self._on_ready is not None:
            self._on_ready(f"{self._own_address()}{self.service.settings.root_path}")
        if self._open_page:
            fragment = f"#key={self.service.sessions.ticket()}" if self.service.settings.keys else ""
            webbrowser.open(f"{self._own_address()}{self.service.settings.root_path}/{fragment}")

    def _own_address(self) -> str:
        """Return the address for a browser of this machine: on loopback it allows the microphone."""
        return self._address(_LOOPBACK.get(self.config.host, self.config.host))

    def _address(self, host: str = "") -> str:
        port = self.servers[0].sockets[0].getsockname()[1]
        host = host or self.config.host
        shown = f"[{host}]" if ":" in host else host
        return f"{'https' if self.config.is_ssl else 'http'}://{shown}:{port}"

    def _end(self, number: int) -> None:
        if self.service.admission.draining:
            self.force_exit = True
            self.should_exit = True
            return
        self.interrupted = number == signal.SIGINT
        self.service.admission.draining = True
        self.service.log.event("draining", requests=self.service.admission.inside)
        self.service.streams.end()
        self._closing = asyncio.get_running_loop().create_task(self.service.presence.end())
        asyncio.get_running_loop().call_later(BACKLOG_S, self._leave, time.monotonic() + STREAMS_S)

    def _leave(self, latest_s: float) -> None:
        """End after the streams have sent their results; uvicorn would cut them."""
        if self.service.streams.running and time.monotonic() < latest_s:
            asyncio.get_running_loop().call_later(BACKLOG_S, self._leave, latest_s)
        else:
            self.should_exit = True


def serve(
    settings: Settings, *, open_page: bool = False, on_ready: Callable[[str], None] | None = None
) -> int:
    """Serve until a signal; return the exit status: 0, or 130 after Ctrl-C.

    Parameters
    ----------
    settings : Settings
    open_page : bool
        Whether the page is opened in a browser.
    on_ready : callable, optional
        Called with the address once requests are taken.

    Raises
    ------
    GenrekitError
        If settings contradict each other, a model cannot be loaded, or the address cannot be used.
    """
    settings.check()
    _check_certificate(settings)
    share_arenas()
    listening = _listen(settings)
    with contextlib.closing(listening):
        service = Service(settings)
        try:
            server = _Server(_config(settings, service), service, open_page=open_page, on_ready=on_ready)
            server.run(sockets=[listening])
        finally:
            service.close()
    return INTERRUPTED if server.interrupted else 0


def _config(settings: Settings, service: Service) -> uvicorn.Config:
    secure: dict[str, Any] = {}
    if settings.certfile is not None:
        secure = {"ssl_certfile": str(settings.certfile), "ssl_keyfile": str(settings.keyfile)}
    config = uvicorn.Config(
        create_app(service=service),
        host=settings.host,
        port=settings.port,
        http=_protocol(),
        access_log=False,
        log_config=None,
        log_level="critical",
        server_header=False,
        proxy_headers=False,
        ws="websockets-sansio",
        ws_max_size=MAX_FRAME_BYTES,
        lifespan="on",
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=max(1, round(settings.drain_s)),
        **secure,
    )
    config.load()
    return config


def _check_certificate(settings: Settings) -> None:
    """Refuse a certificate that cannot be used before models are loaded: their threads cannot be left in a hurry."""
    if settings.certfile is None or settings.keyfile is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
            settings.certfile, settings.keyfile, password=""
        )
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise UsageError(
            f"The certificate or its key cannot be used: {error}.", "Both are PEM files without a passphrase."
        ) from None


def _protocol() -> Any:
    """Return the HTTP protocol class: httptools with limits, or h11, which has its own limit, where httptools has no wheels."""
    try:
        from genrekit.server.protocol import LimitedHeads
    except ImportError:
        return "h11"
    return LimitedHeads


def _listen(settings: Settings) -> socket.socket:
    """Return the listening socket, before the models are loaded: a port that is taken is said at once."""
    try:
        found = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, kind, protocol, _, address = found[0]
        with contextlib.ExitStack() as stack:  # closes it unless it can be used
            listening = stack.enter_context(socket.socket(family, kind, protocol))
            if sys.platform != "win32":
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            stack.pop_all()
    except OSError as error:
        raise UsageError(
            f"The server cannot listen on {settings.host}, port {settings.port}: {error.strerror or error}.",
            "Choose another --port, or 0 for any free one; --host is an address of this machine.",
        ) from None
    listening.setblocking(False)
    return listening
