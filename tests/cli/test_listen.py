"""``genrekit listen``: files, stdin, radios that are lost, the microphone."""

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from genrekit.cli import app
from genrekit.errors import GenrekitError
from genrekit.live import listen, open_source
from genrekit.prediction import PredictOptions, load_model

MEDIA = Path(__file__).parents[2] / "examples" / "media"
SONG = MEDIA / "swing_band.ogg"
SETTINGS = {"window_s": 5.0, "hop_s": 5.0, "smooth_s": 0.0, "top_k": 10}


@pytest.fixture(scope="module")
def model():
    return load_model("spectrogram")


def of_kind(events, kind):
    return [event for event in events if event["type"] == kind]


def test_the_windows_of_a_file_have_the_scores_of_files(model):
    samples, sr = soundfile.read(SONG, dtype="float32", frames=11 * 22050)
    windows = of_kind(listen(open_source(str(SONG), sr=44_100), model, **SETTINGS), "window")
    assert [window["start_s"] for window in windows] == [0, 5, 10, 15, 20, 25]
    for window in windows[:2]:
        first = round(window["start_s"] * sr)
        part = samples[first : first + 5 * sr]
        (prediction,) = model.predict([(part, sr)], PredictOptions(top_k=10))
        assert dict(window["scores"]) == pytest.approx(dict(prediction.scores), abs=1e-4)


def test_samples_on_stdin(tmp_path):
    samples, _ = soundfile.read(SONG, dtype="int16", frames=6 * 22050)
    command = [
        sys.executable,
        "-m",
        "genrekit",
        "listen",
        "-",
        "--rate",
        "22050",
        "--window",
        "5",
        "--hop",
        "1",
    ]
    done = subprocess.run([*command, "-f", "jsonl"], input=samples.tobytes(), capture_output=True)
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["type"] for event in events] == ["window", "window", "final"]
    best = events[0]["label"]
    assert events[-1]["timeline"] == [{"start_s": 0.0, "end_s": 6.0, "label": best}]


def test_the_table_is_a_line_per_window():
    result = CliRunner().invoke(app, ["listen", str(SONG), "--hop", "20"])
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert len(lines) == 3
    assert lines[0].split()[:2] == ["0:10.0", "jazz"]
    assert lines[-1].startswith("in all:")


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["nothing.ogg"], 1, "nothing.ogg"),
        (["ftp://host/x"], 2, "not an address"),
        ([str(SONG), "--model", "image"], 2, "does not hear songs"),
        ([str(SONG), "--hop", "0"], 2, "--hop"),
        (["http://127.0.0.1:9/"], 1, "sends no sound"),
    ],
)
def test_what_cannot_be_heard_is_said(arguments, status, words):
    result = CliRunner().invoke(app, ["listen", *arguments])
    assert result.exit_code == status
    assert words in result.output
    assert "Traceback" not in result.output


def test_a_radio_that_is_lost_is_connected_again(monkeypatch, model):
    data = SONG.read_bytes()
    asked = []

    class Radio(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "audio/ogg")
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *arguments):
            pass

    monkeypatch.setattr("genrekit.live.sources.FIRST_WAIT_S", 0.01)
    with ThreadingHTTPServer(("127.0.0.1", 0), Radio) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        said = []
        address = f"http://127.0.0.1:{server.server_port}/live"
        source = open_source(address, sr=22050, say=said.append)
        events = listen(source, model, **{**SETTINGS, "window_s": 10.0, "hop_s": 10.0})
        windows = [next(events) for _ in range(5)]  # more than the song has
        server.shutdown()
    assert [window["start_s"] for window in windows if window["type"] == "window"] == [0, 10, 20, 30, 40]
    assert len(asked) == 2
    assert "connecting again" in said[0]


def test_a_radio_says_what_it_plays(model):
    import io

    buffer = io.BytesIO()
    samples, sr = soundfile.read(SONG)
    soundfile.write(buffer, samples[: 25 * sr], sr, format="MP3")
    data, every = buffer.getvalue(), 8000
    titles = ["Artist - One", "", "Artist - One", "It\u2019s; Two", "\xe9t\xe9"]

    class Radio(BaseHTTPRequestHandler):
        def do_GET(self):
            assert self.headers["Icy-MetaData"] == "1"
            self.send_response(200)
            self.send_header("Content-Type", "audio/mpeg")
            self.send_header("icy-metaint", str(every))
            self.end_headers()
            for number, at in enumerate(range(0, len(data), every)):
                self.wfile.write(data[at : at + every])
                title = titles[number] if number < len(titles) else ""
                raw = title.encode("latin-1" if number == 4 else "utf-8")
                text = b"StreamTitle='" + raw + b"';StreamUrl='';" if title else b""
                n = -(-len(text) // 16)
                self.wfile.write(bytes([n]) + text.ljust(16 * n, b"\0"))

        def log_message(self, *arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Radio) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        source = open_source(f"http://127.0.0.1:{server.server_port}/live", sr=22050)
        events = listen(source, model, **{**SETTINGS, "window_s": 10.0, "hop_s": 10.0})
        found = [next(events) for _ in range(5)]
        server.shutdown()
    said = [event["title"] for event in found if event["type"] == "title"]
    assert said == ["Artist - One", "It\u2019s; Two", "\xe9t\xe9"]
    windows = [event for event in found if event["type"] == "window"]
    assert [window["start_s"] for window in windows] == [0, 10]
    whole = list(
        listen(open_source(str(SONG), sr=22050), model, **{**SETTINGS, "window_s": 10.0, "hop_s": 10.0})
    )
    assert windows[0]["label"] == whole[0]["label"]  # nothing of the titles is in the sound


def test_a_radio_opens_nothing_but_http(tmp_path):
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:30\n#EXTINF:30,\nfile://{SONG}\n#EXT-X-ENDLIST\n".encode()

    class Radio(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "application/vnd.apple.mpegurl")
            self.end_headers()
            self.wfile.write(playlist)

        def log_message(self, *arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Radio) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(GenrekitError, match="sends no sound"):
            open_source(f"http://127.0.0.1:{server.server_port}/x.m3u8", sr=22050)
        server.shutdown()


def test_the_microphone_gives_its_samples(monkeypatch):
    class Stream:
        def __init__(self, samplerate, channels, dtype, callback):
            self.callback = callback
            assert (samplerate, channels, dtype) == (22050, 1, "float32")

        def __enter__(self):
            for number in range(3):
                self.callback(np.full((100, 1), number, np.float32), 100, None, None)

        def __exit__(self, *error):
            pass

    monkeypatch.setitem(sys.modules, "sounddevice", SimpleNamespace(InputStream=Stream))
    pieces = open_source("mic", sr=22050).pieces
    assert [next(pieces)[0, 0] for _ in range(3)] == [0, 1, 2]


def test_without_the_package_the_microphone_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(GenrekitError) as error:
        open_source("mic", sr=22050)
    assert "genrekit[microphone]" in error.value.hint
