"""What strangers named must neither steer a terminal, forge a line, nor break on the stream's encoding."""

import io
import os
import subprocess
import sys

import pytest
from support.night import day_and_night

from genrekit.cli.printing import out, printable

HOSTILE = "a\x1b[2J\nforged.flac"


@pytest.fixture
def hostile(songs, tmp_path):
    """Two genres, one of them Cyrillic; a folder and songs whose names hold an escape sequence and a line end."""
    folder = tmp_path / "music\x1b[2J\nforged"
    folder.mkdir()
    for label, example in zip(("блюз", "rock"), songs.examples, strict=False):
        (folder / label).mkdir()
        (folder / label / HOSTILE).write_bytes(example.path.read_bytes())
        (folder / label / "broken\x1b[2J\nforged.wav").write_bytes(b"RIFF")
    return folder


def in_latin_1(*words):
    environment = os.environ | {"PYTHONIOENCODING": "latin-1"}
    return subprocess.run(
        [sys.executable, "-m", "genrekit", *map(str, words)],
        capture_output=True,
        env=environment,
        check=False,
    )


def test_lines_and_tabs_stay_and_the_rest_becomes_escapes(monkeypatch, capsys):
    out("a\tb\nc\x1b[2J\r\udce9")
    assert capsys.readouterr().out == "a\tb\nc\\x1b[2J\\r\\udce9\n"
    stream = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr(sys, "stdout", stream)
    out("é я")
    assert stream.buffer.getvalue() == b"\xe9 \\u044f\n"
    monkeypatch.setattr(sys, "stderr", stream)
    assert printable("\x07я") == "\\x07\\u044f"


@pytest.mark.parametrize("command", day_and_night(["show", "check"], day=1))
def test_hostile_names_are_shown_as_escapes_on_one_line(hostile, command):
    done = in_latin_1("datasets", command, hostile)
    assert b"Traceback" not in done.stderr
    assert b"\\x1b[2J\\nforged" in done.stdout
    assert b"\\u0431" in done.stdout
    assert b"\x1b" not in done.stdout + done.stderr
    assert not [line for line in (done.stdout + done.stderr).splitlines() if line.startswith(b"forged")]


@pytest.mark.night
def test_a_report_and_a_model_are_shown_whatever_the_stream_can_encode(songs, tmp_path):
    for example in songs.examples:
        label = {songs.labels[0]: "блюз"}.get(example.labels[0], example.labels[0])
        (tmp_path / "music" / label).mkdir(parents=True, exist_ok=True)
        (tmp_path / "music" / label / example.path.name).write_bytes(example.path.read_bytes())
    model = tmp_path / "m.genrekit"
    settings = ("classifier=logistic", "transform=standard", "window_s=2", "folds=2")
    words = [word for setting in settings for word in ("--set", setting)]
    trained = in_latin_1("train", "--data", tmp_path / "music", "--backend", "gtzan", "-o", model, *words)
    assert trained.returncode == 0, trained.stderr
    assert b"\\u0431\\u043b\\u044e\\u0437" in trained.stdout
    facts = in_latin_1("models", model, "--json").stdout
    assert b"\\u0431" in in_latin_1("models", model).stdout
    assert facts.isascii()
    assert b"\\u0431" in facts
    assert b"\\u0431" in in_latin_1("models", model, "--card").stdout
