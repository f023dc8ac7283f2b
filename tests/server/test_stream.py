"""``WS /v1/stream``: sound in pieces to the predictions of its windows."""

import hashlib
import json
import signal
from pathlib import Path

import numpy as np
import pytest
import soundfile
from starlette.websockets import WebSocketDisconnect
from support.serving import running, started
from support.waiting import wait_until

from genrekit.prediction import PredictOptions, load_model

MEDIA = Path(__file__).parents[2] / "examples" / "media"
ADDRESS = "ws://127.0.0.1:8000/v1/stream"
KEY = "correct-horse-battery"
WINDOW_S, HOP_S = 3.0, 1.0
START = {"type": "start", "window_s": WINDOW_S, "hop_s": HOP_S, "top_k": 10}


@pytest.fixture(scope="module")
def client():
    with running(models=("spectrogram", "gtzan")) as found:
        yield found


@pytest.fixture(scope="module")
def song():
    samples, sr = soundfile.read(MEDIA / "swing_band.ogg", frames=7 * 22050, dtype="float32")
    assert sr == 22050
    return samples


def at_rate(song, sr):
    if sr == 22050:
        return song
    import soxr

    return soxr.resample(song, 22050, sr).astype(np.float32)


def expected(samples, sr, start_s):
    """Return the scores that a file with the samples of a window has."""
    first = round(start_s * sr)
    part = samples[first : first + round(WINDOW_S * sr)]
    (prediction,) = load_model("spectrogram").predict([(part, sr)], PredictOptions(top_k=10, windows=True))
    assert len(prediction.windows) == 1
    return dict(prediction.scores)


def pieces(data, size):
    return [data[i : i + size] for i in range(0, len(data), size)]


def until_end(socket):
    """Receive messages to the one that ends the stream, and the code of the close."""
    messages = []
    try:
        while True:
            messages.append(socket.receive_json())
    except WebSocketDisconnect as closed:
        return messages, closed.code


def leave(socket):
    """End a stream in good order: the test client cancels what still runs at its end."""
    socket.send_json({"type": "stop"})
    assert until_end(socket)[1] == 1000


def of_kind(messages, kind):
    return [message for message in messages if message["type"] == kind]


def hear(client, data, start, size=1 << 16):
    """Send sound, each piece when the windows that it completes are scored: none is dropped."""
    with client.websocket_connect(ADDRESS, subprotocols=["genrekit.v1"]) as socket:
        assert socket.accepted_subprotocol == "genrekit.v1"
        socket.send_json(start)
        ready = socket.receive_json()
        assert (ready["type"], ready["model"], ready["window_s"]) == ("ready", "spectrogram", WINDOW_S)
        found = []
        per_s = start["sample_rate"] * start.get("channels", 1) * (2 if start["encoding"] == "s16le" else 4)
        sent, scored = 0, 0
        for piece in pieces(data, size):
            socket.send_bytes(piece)
            sent += len(piece)
            while scored < int((sent / per_s - WINDOW_S) / HOP_S + 1 + 1e-9) and sent / per_s >= WINDOW_S:
                found.append(socket.receive_json())
                scored += found[-1]["type"] in ("window", "silence", "error")
        socket.send_json({"type": "stop"})
        rest, code = until_end(socket)
    assert code == 1000
    return found + rest


@pytest.mark.parametrize(
    ("sr", "encoding", "size"),
    [
        (22050, "f32le", 1 << 16),
        (22050, "s16le", 4097),
        (44100, "s16le", 1 << 16),
        (48000, "f32le", 12_345),
    ],
)
def test_windows_have_the_scores_of_files_whatever_the_pieces_and_the_rate(client, song, sr, encoding, size):
    samples = at_rate(song, sr)
    if encoding == "s16le":
        data = np.clip(np.round(samples * 32768), -32768, 32767).astype("<i2")
        samples = (data / np.float32(32768)).astype(np.float32)
    else:
        data = samples.astype("<f4")
    messages = hear(client, data.tobytes(), {**START, "encoding": encoding, "sample_rate": sr}, size)
    windows = of_kind(messages, "window")
    assert [(w["start_s"], w["end_s"]) for w in windows] == [(k, k + WINDOW_S) for k in range(5)]
    for window in windows:
        scores = expected(samples, sr, window["start_s"])
        assert dict(window["scores"]) == pytest.approx(scores, abs=1e-4)
        assert window["lag_s"] >= 0
        assert window["dropped_s"] == 0
        assert -60 < window["level_db"] < 0
    final = messages[-1]
    assert final["type"] == "final"
    assert final["timeline"][0]["start_s"] == 0
    assert final["summary"][0][0] == final["timeline"][0]["label"]


def test_stereo_is_heard_as_a_file_is(client, song):
    stereo = np.stack([song, 0.5 * song[::-1]], axis=1).astype("<f4")
    start = {**START, "encoding": "f32le", "sample_rate": 22050, "channels": 2}
    first = of_kind(hear(client, stereo.tobytes(), start), "window")[0]
    (prediction,) = load_model("spectrogram").predict(
        [(stereo[: 3 * 22050].T, 22050)], PredictOptions(top_k=10)
    )
    assert dict(first["scores"]) == pytest.approx(dict(prediction.scores), abs=1e-4)


def test_silence_is_said_and_has_no_genre(client):
    data = np.zeros(4 * 8000, "<i2").tobytes()
    messages = hear(client, data, {**START, "encoding": "s16le", "sample_rate": 8000}, 8000)
    assert len(of_kind(messages, "silence")) == 2
    assert messages[-1] == {"type": "final", "timeline": [], "summary": []}


def test_a_fast_client_loses_windows_and_is_told_how_many(client, song):
    data = np.tile(song, 3).astype("<f4").tobytes()
    with client.websocket_connect(ADDRESS) as socket:
        socket.send_json({**START, "sample_rate": 22050, "hop_s": 0.25})
        for piece in pieces(data, 1 << 16):
            socket.send_bytes(piece)
        socket.send_json({"type": "stop"})
        messages, code = until_end(socket)
    assert code == 1000
    windows = of_kind(messages, "window")
    last = windows[-1]
    assert last["start_s"] == 18.0  # the newest window wins
    assert last["dropped_s"] == pytest.approx(18.25 - 0.25 * len(windows))


@pytest.mark.parametrize(
    ("first", "code"),
    [
        ("garbage", 1008),
        ("[" * 4000, 1008),
        ("x" * 5000, 1009),
        (b"\0\0", 1003),
        ({"type": "start"}, 1008),
        ({**START, "sample_rate": 1}, 1008),
        ({**START, "sample_rate": 10**9}, 1008),
        ({**START, "sample_rate": 22050, "encoding": "mp3"}, 1008),
        ({**START, "sample_rate": 22050, "channels": 99}, 1008),
        ({**START, "sample_rate": 22050, "window_s": 1e9}, 1008),
        ({**START, "sample_rate": 22050, "hop_s": 0}, 1008),
        ({**START, "sample_rate": 22050, "model": "nothing"}, 1008),
        ({**START, "sample_rate": 22050, "what": 1}, 1008),
    ],
)
def test_a_wrong_beginning_is_refused_in_words(client, first, code):
    with client.websocket_connect(ADDRESS) as socket:
        if isinstance(first, bytes):
            socket.send_bytes(first)
        else:
            socket.send_text(first if isinstance(first, str) else json.dumps(first))
        messages, closed = until_end(socket)
    assert closed == code
    assert messages[0]["type"] == "error"
    assert messages[0]["detail"]


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"\0" * ((1 << 16) + 1), 1009),
        (np.full(4, np.nan, "<f4").tobytes(), 1008),
        ("what?", 1003),
        ('{"type": "stop", "x": 1}', 1003),
    ],
)
def test_a_wrong_frame_ends_the_stream_and_nothing_else(client, song, frame, code):
    with client.websocket_connect(ADDRESS) as socket:
        socket.send_json({**START, "sample_rate": 22050})
        assert socket.receive_json()["type"] == "ready"
        socket.send_text(frame) if isinstance(frame, str) else socket.send_bytes(frame)
        messages, closed = until_end(socket)
    assert closed == code
    assert messages[-1]["type"] == "final"
    assert client.get("/readyz").status_code == 200


def test_there_is_an_end_of_streams_at_a_time(client, monkeypatch):
    monkeypatch.setattr("genrekit.server.streams.MAX_STREAMS", 1)
    with client.websocket_connect(ADDRESS) as socket:
        socket.send_json({**START, "sample_rate": 22050})
        assert socket.receive_json()["type"] == "ready"
        with client.websocket_connect(ADDRESS) as other:
            messages, code = until_end(other)
        leave(socket)
        assert code == 1013
        assert "streams are under way" in messages[0]["detail"]


def test_who_sends_nothing_is_let_go(client, monkeypatch):
    monkeypatch.setattr("genrekit.server.stream.QUIET_S", 0.1)
    with client.websocket_connect(ADDRESS) as socket:
        socket.send_json({**START, "sample_rate": 22050})
        messages, code = until_end(socket)
    assert code == 1008
    assert [message["type"] for message in messages] == ["ready", "error", "final"]


def test_who_never_reads_is_let_go(client, song, monkeypatch):
    import asyncio

    monkeypatch.setattr("genrekit.server.stream_messages.SEND_S", 0.2)
    sound = pieces(song.astype("<f4").tobytes(), 1 << 16)
    waiting = [
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": json.dumps({**START, "sample_rate": 22050})},
        *({"type": "websocket.receive", "bytes": piece} for piece in sound),
    ]
    sent = []

    async def receive():
        await asyncio.sleep(0)
        return waiting.pop(0) if waiting else await asyncio.Event().wait()

    async def send(message):
        sent.append(message)
        if '"window"' in message.get("text", ""):  # the buffers are full
            await asyncio.Event().wait()

    scope = {
        "type": "websocket", "path": "/v1/stream", "raw_path": b"/v1/stream", "query_string": b"", "scheme": "ws",
        "headers": [(b"host", b"127.0.0.1:8000")], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8000),
        "subprotocols": [],
    }  # fmt: skip
    client.portal.call(client.app, scope, receive, send)
    assert sum("text" in message for message in sent) == 2  # it is not waited for again
    with client.websocket_connect(ADDRESS) as socket:
        socket.send_json({**START, "sample_rate": 22050})
        assert socket.receive_json()["type"] == "ready"
        leave(socket)


def test_keys_and_origins():
    digest = hashlib.sha256(KEY.encode()).digest()
    with running(models=("spectrogram",), keys={"alice": digest}) as guarded:

        def first(address=ADDRESS, **arguments):
            with guarded.websocket_connect(address, **arguments) as socket:
                socket.send_json({**START, "sample_rate": 22050})
                found = socket.receive_json()
                if found["type"] == "ready":
                    leave(socket)
                return found

        assert first()["reason"] == "no-key"
        assert first(subprotocols=["genrekit.v1", "key.wrong"])["reason"] == "no-key"
        assert first(subprotocols=["genrekit.v1", f"key.{KEY}"])["type"] == "ready"
        assert first(headers={"X-API-Key": KEY})["type"] == "ready"
        evil = {"X-API-Key": KEY, "Origin": "https://evil.example"}
        assert first(headers=evil)["reason"] == "foreign-origin"
        guarded.post("/page/session", json={"key": KEY})
        assert first(headers={"Origin": "http://127.0.0.1:8000"})["type"] == "ready"
        assert first("ws://evil.example/v1/stream")["reason"] == "foreign-host"


@pytest.mark.night
def test_cut_connections_leave_nothing_behind_and_sigterm_sends_what_was_found(song, tmp_path):
    from websockets.exceptions import ConnectionClosed
    from websockets.sync.client import connect

    start = json.dumps({**START, "sample_rate": 22050})
    sound = pieces(song[: 3 * 22050].astype("<f4").tobytes(), 1 << 16)
    with started(tmp_path, "spectrogram", "--jobs", "1") as server:
        stream = server.url.replace("http", "ws") + "/v1/stream"
        for number in range(1, 11):  # more than the server has at a time
            with connect(stream) as socket:
                socket.send(start)
                assert json.loads(socket.recv())["type"] == "ready"
                for piece in sound:
                    socket.send(piece)
                socket.socket.close()
            assert wait_until(lambda n=number: server.said().count(" method=WS ") == n)
        with connect(stream) as socket:
            socket.send("x" * (1 << 17))
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv()
            assert closed.value.rcvd.code == 1009
        with connect(stream) as socket:
            socket.send(start)
            for piece in sound:
                socket.send(piece)
            assert [json.loads(socket.recv())["type"] for _ in range(2)] == ["ready", "window"]
            server.process.send_signal(signal.SIGTERM)
            messages = [json.loads(socket.recv()) for _ in range(2)]
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv()
        assert [message["type"] for message in messages] == ["error", "final"]
        assert messages[-1]["timeline"]
        assert closed.value.rcvd.code == 1012
        assert server.wait() == 0
