"""Heads of requests over a real connection, in this process: a limit of seconds is then ours to set."""

import asyncio
import json
import threading
from contextlib import contextmanager

import pytest
import uvicorn

protocol = pytest.importorskip("genrekit.server.protocol", reason="httptools is not installed.")

GOOD = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def app(scope, receive, send):
    while (await receive()).get("more_body", False):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@contextmanager
def listening():
    config = uvicorn.Config(
        app, port=0, http=protocol.LimitedHeads, log_config=None, log_level="critical", lifespan="off"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            thread.join(0.01)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


def exchange(*pieces):
    """Send pieces over one connection, wait for the server to close it, and return what it said."""

    async def talk(port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0.02)
        try:
            return await reader.read()
        except ConnectionError:
            return b""
        finally:
            writer.close()

    with listening() as port:
        return asyncio.run(talk(port))


@pytest.mark.parametrize(
    ("pieces", "says"),
    [
        ((), [b"408"]),
        ((GOOD[:20],), [b"408"]),
        ((GOOD, GOOD[:20]), [b"200", b"408"]),
        ((GOOD + GOOD, GOOD[:-1]), [b"200", b"200", b"408"]),
    ],
)
def test_a_head_that_does_not_come_is_408(monkeypatch, pieces, says):
    monkeypatch.setattr(protocol, "HEAD_S", 0.3)
    said = exchange(*pieces)
    assert [part[:3] for part in said.split(b"HTTP/1.1 ")[1:]] == says


@pytest.mark.parametrize("size", [1, 200, 4000])
def test_a_head_that_is_too_large_is_431(size):
    line = b"X: " + b"a" * size + b"\r\n"
    said = exchange(GOOD[:-2], *[line * (20_000 // len(line))] * 6)
    assert said[9:12] in (b"431", b"")  # a response can be lost when a connection is closed on unread bytes
    assert b" 200 " not in said


def test_large_bodies_in_pieces_are_no_heads(monkeypatch):
    monkeypatch.setattr(protocol, "HEAD_S", 0.5)
    head = GOOD.replace(b"GET", b"POST")[:-2] + b"Connection: close\r\nContent-Length: 400000\r\n\r\n"
    assert exchange(head, *[b"x" * 50_000] * 8).startswith(b"HTTP/1.1 200")
    assert exchange(head + b"x" * 350_000, b"x" * 50_000).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("request_", [b"GET /" + b"a" * 66_000 + b" HTTP/1.1\r\n\r\n", b"no request\r\n\r\n"])
def test_what_cannot_be_parsed_is_a_problem(request_):
    said = exchange(request_)
    if said:  # a response can be lost when a connection is closed on unread bytes
        head, _, body = said.partition(b"\r\n\r\n")
        assert head.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 431 "))
        assert not body or json.loads(body)["type"].endswith("/problems/bad-request")
        assert not body or b"application/problem+json" in head
    assert said or len(request_) > 60_000
