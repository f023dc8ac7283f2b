"""Hostile requests over a bare socket: broken files, broken bodies, broken HTTP, the same ones for the same number."""

from __future__ import annotations

import gzip
import io
import json
import socket
import time
import zlib
from collections.abc import Callable, Iterator
from random import Random
from urllib.parse import urlsplit

import numpy as np
import soundfile

from support.fuzz_judge import PICTURES, SOUNDS, TABLES
from support.fuzz_mutate import mutant
from support.fuzz_seeds import Seed

PATHS = ("/v1/predict", "/v1/explain", "/v1/embed", "/predict", "/api/predict", "/invocations")
TYPES = (
    "audio/mpeg",
    "audio/wav",
    "image/png",
    "text/csv",
    "application/octet-stream",
    "application/x-ndjson",
)
BOUNDARY = b"b0und4ry"
UNFINISHED = ("cut", "wrong_length", "slow", "bad_http")
PAUSE_S = 0.05
PATIENCE_S = 600.0

Files = dict[str, list[Seed]]
Pieces = Iterator[bytes]


def pieces_of(number: int, files: Files, seed: int = 0) -> tuple[str, list[bytes]]:
    """Return the name and the bytes of a hostile request; between two pieces the client pauses."""
    rng = Random(f"{seed}:request:{number}")
    make = rng.choice(WAYS)
    return make.__name__, make(rng, files, number)


def send(url: str, name: str, pieces: list[bytes]) -> int | None:
    """Send a request, and return its status; None if the server closed without one.

    What may be unfinished is ended by closing the sending half; to uvicorn that is a client that leaves.
    """
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE_S) as client:
        head = b""
        try:
            for number, piece in enumerate(pieces):
                if number:
                    time.sleep(PAUSE_S)
                client.sendall(piece)
            if name in UNFINISHED:
                client.shutdown(socket.SHUT_WR)
        except OSError:  # refused before it was sent
            pass
        try:
            while part := client.recv(65536):
                head = head or part
        except ConnectionError:
            pass
    return int(head[9:12]) if head.startswith(b"HTTP/1.1 ") else None


def _request(rng: Random, body: bytes, content_type: str, *more: str, length: int | None = None) -> bytes:
    lines = [
        f"POST {rng.choice(PATHS)} HTTP/1.1",
        "Host: 127.0.0.1",
        "Connection: close",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(body) if length is None else length}",
        *more,
    ]
    return "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + body


def _form(*parts: tuple[bytes, bytes]) -> bytes:
    """Return a multipart body of parts, each with its header lines."""
    made = (b"--" + BOUNDARY + b"\r\n" + head + b"\r\n\r\n" + body + b"\r\n" for head, body in parts)
    return b"".join(made) + b"--" + BOUNDARY + b"--\r\n"


def _file(name: str, body: bytes) -> tuple[bytes, bytes]:
    return f'Content-Disposition: form-data; name="files"; filename="{name}"'.encode(), body


_MULTIPART = f"multipart/form-data; boundary={BOUNDARY.decode()}"


def _broken(rng: Random, files: Files, number: int) -> Seed:
    return mutant(rng.choice((*SOUNDS, *PICTURES, *TABLES)), files, number)


def broken_upload(rng: Random, files: Files, number: int) -> list[bytes]:
    one = _broken(rng, files, number)
    return [_request(rng, _form(_file(f"f{one.suffix}", one.data)), _MULTIPART)]


def broken_raw(rng: Random, files: Files, number: int) -> list[bytes]:
    one = _broken(rng, files, number)
    return [
        _request(rng, one.data, rng.choice(TYPES), f"X-Filename: f{rng.choice((one.suffix, '', '.mp3'))}")
    ]


def cut(rng: Random, files: Files, number: int) -> list[bytes]:
    whole = broken_upload(rng, files, number)[0]
    return [whole[: rng.randrange(len(whole))]]


def wrong_length(rng: Random, files: Files, number: int) -> list[bytes]:
    body = _form(_file("f.wav", _broken(rng, files, number).data))
    length = rng.choice((0, 1, len(body) - 1, len(body) + 1, len(body) * 2, 10**9, 10**30, -1))
    return [_request(rng, body, _MULTIPART, length=length)]


def many_parts(rng: Random, files: Files, number: int) -> list[bytes]:
    part = rng.choice(
        (_file("", b""), _file("f.csv", b"a\n1\n"), (b'Content-Disposition: form-data; name="top_k"', b"3"))
    )
    return [_request(rng, _form(*[part] * 10_000), _MULTIPART)]


def broken_form(rng: Random, files: Files, number: int) -> list[bytes]:
    body = bytearray(_form(_file("f.csv", b"danceability\n0.5\n"), _file("g.csv", b"x\n1\n")))
    for _ in range(rng.randint(1, 8)):
        at = rng.randrange(len(body))
        body[at : at + rng.randint(0, 4)] = rng.choice(
            (b"", b"\r\n", b"--", b"\0", b'"', b"\xff", b":", BOUNDARY)
        )
    kind = rng.choice(
        (
            _MULTIPART,
            "multipart/form-data",
            "multipart/form-data; boundary=",
            'multipart/form-data; boundary="',
            _MULTIPART + "x",
        )
    )
    return [_request(rng, bytes(body), kind)]


def odd_names(rng: Random, files: Files, number: int) -> list[bytes]:
    name = rng.choice(
        (
            "../../etc/passwd",
            "/etc/passwd",
            "a" * 20_000,
            "\0.wav",
            "a\rb.wav",
            ".",
            "..",
            "con.wav",
            "s.m3u",
            "x.zip",
            "\u2028.csv",
            "%00.png",
        )
    )
    head = f'Content-Disposition: form-data; name="files"; filename="{name}"'.encode()
    return [_request(rng, _form((head, b"danceability\n0.5\n")), _MULTIPART)]


def broken_json(rng: Random, files: Files, number: int) -> list[bytes]:
    good = json.dumps(
        rng.choice(
            (
                {"features": [0.5] * 57},
                {"rows": [{"danceability": 0.5, "x": [1]}]},
                {"spectrogram": [[0.0] * 40] * 128},
                {"path": "/etc/passwd"},
                {"dataframe_split": {"columns": ["a"], "data": [[1]]}},
            )
        )
    )
    body = bytearray(good.encode())
    for _ in range(rng.randint(0, 4)):
        at = rng.randrange(len(body))
        body[at : at + rng.randint(0, 6)] = rng.choice(
            (b"", b"1e999", b"NaN", b"null", b"[", b"}", b'"', b"\\ud800", b"-", b"\xff", b"9" * 400)
        )
    return [_request(rng, bytes(body), "application/json")]


def deep_json(rng: Random, files: Files, number: int) -> list[bytes]:
    opening = rng.choice((b"[", b'{"features":', b'{"rows":['))
    return [_request(rng, opening * rng.choice((200, 20_000, 200_000)), "application/json")]


def bomb(rng: Random, files: Files, number: int) -> list[bytes]:
    name, data = rng.choice(BOMBS)()
    more = ["Content-Encoding: gzip"] if name == "gz.csv" else []
    if rng.random() < 0.5:
        return [_request(rng, _form(_file(name, data)), _MULTIPART, *more)]
    return [_request(rng, data, "application/octet-stream", f"X-Filename: {name}", *more)]


def slow(rng: Random, files: Files, number: int) -> list[bytes]:
    whole = broken_raw(rng, files, number)[0]
    at = sorted(rng.randrange(len(whole)) for _ in range(rng.randint(1, 5)))
    return [whole[a:b] for a, b in zip([0, *at], [*at, len(whole)], strict=True)][: rng.randint(1, 6)]


def bad_http(rng: Random, files: Files, number: int) -> list[bytes]:
    head = b"POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    return [
        rng.choice(
            (
                head + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
                head + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
                head + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFF\r\n{}",
                head + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}",
                head + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
                head + b"X: " + b"a" * 200_000 + b"\r\n\r\n",
                head + b"X: a\r\n" * 20_000 + b"\r\n",
                b"\0" * 1000,
                b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 400,
                b"POST /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
                b"POST /v1/predict HTTP/9.9\r\n\r\n",
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            )
        )
    ]


def broken_tensor(rng: Random, files: Files, number: int) -> list[bytes]:
    tensor = {
        "name": rng.choice(("windows", "x", 3)),
        "shape": rng.choice(([1, 57], [57], [0, 57], [2**31, 57], [1, -57], "x", [[1]], [1.5, 57])),
        "datatype": rng.choice(("FP32", "BYTES", None, "INT64")),
        "data": rng.choice(
            ([0.5] * 57, [[0.5] * 57], ["x"] * 57, None, [1e300] * 57, [[1], [1, 2]], [True] * 57)
        ),
    }
    body = json.dumps(
        {
            "inputs": [tensor] * rng.choice((0, 1, 1, 1, 2)),
            "outputs": rng.choice((None, [], [{"name": "y"}], "x")),
        }
    )
    head = f"POST /v2/models/gtzan/infer HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    return [(head + body).encode()]


def _png_bomb() -> tuple[str, bytes]:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    size = (50_000).to_bytes(4, "big")
    header = chunk(b"IHDR", size + size + b"\x08\x02\0\0\0")
    return "b.png", b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(5_000_000))) + chunk(
        b"IEND", b""
    )


def _silence() -> tuple[str, bytes]:
    stream = io.BytesIO()
    soundfile.write(stream, np.zeros(44_100 * 120, np.int16), 44_100, format="FLAC")
    return "b.flac", stream.getvalue()


def _wide_table() -> tuple[str, bytes]:
    return "b.csv", b",".join(b"c%d" % n for n in range(100_000)) + b"\n" + b"1," * 99_999 + b"1\n"


def _long_cell() -> tuple[str, bytes]:
    return "b.csv", b'danceability\n"' + b"9" * 8_000_000


def _many_lines() -> tuple[str, bytes]:
    return "b.csv", b"danceability\n" + b"\n" * 2_000_000


def _gzip() -> tuple[str, bytes]:
    return "gz.csv", gzip.compress(b"danceability\n" + b"0.5\n" * 1_000_000)


def _zeros() -> tuple[str, bytes]:
    return "b.mp3", bytes(8_000_000)


BOMBS: tuple[Callable[[], tuple[str, bytes]], ...] = (
    _png_bomb,
    _silence,
    _wide_table,
    _long_cell,
    _many_lines,
    _gzip,
    _zeros,
)
_COMMON = (
    broken_upload,
    broken_raw,
    cut,
    wrong_length,
    broken_form,
    odd_names,
    broken_json,
    deep_json,
    slow,
    bad_http,
    broken_tensor,
)
_DEAR = (many_parts, bomb)
WAYS = (*_COMMON * 6, *_DEAR)
