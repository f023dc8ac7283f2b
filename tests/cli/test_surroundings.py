"""Processes started without the usual streams, home, locale or terminal."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
from support.night import day_and_night

pytestmark = pytest.mark.skipif(os.name != "posix", reason="a shell of POSIX")
GENREKIT = f"{sys.executable} -m genrekit"


@pytest.fixture
def shell(tmp_path, songs):
    """Run a line of shell in a folder with a song: gives status, stdout and stderr."""
    shutil.copy(songs.examples[0].path, tmp_path / "song.wav")

    def run(line, **environment):
        done = subprocess.run(
            ["/bin/sh", "-c", re.sub(r"(?<![\w.-])genrekit(?= )", GENREKIT, line)],
            cwd=tmp_path,
            env=os.environ | environment,
            capture_output=True,
            timeout=120,
            check=False,
        )
        assert b"Traceback" not in done.stderr
        return done.returncode, done.stdout, done.stderr.decode()

    return run


def test_without_stdout(shell, model_path, tmp_path):
    predict = f"genrekit predict -m {model_path} song.wav"
    status, _, err = shell(f"{predict} >&-")
    assert (status, "stdout" in err) == (1, True)
    assert shell(f"{predict} -o out.csv >&-")[0] == 0
    assert (tmp_path / "out.csv").read_text().count("song.wav") == 1
    assert shell("genrekit sort --from out.csv --write >&-")[0] == 0
    assert shell("genrekit tag --from out.csv --write >&-")[0] == 0
    for command in ("models", "--help"):
        status, _, err = shell(f"genrekit {command} >&-")
        assert (status, "stdout" in err) == (1, True)


def test_without_stdin_or_stderr(shell, model_path, tmp_path):
    status, _, err = shell(f"genrekit predict -m {model_path} - <&-")
    assert (status, "stdin is closed" in err) == (2, True)
    status, out, _ = shell(f"genrekit predict -m {model_path} song.wav missing.wav 2>&-")
    assert (status, out.count(b"\n")) == (3, 2)
    status, _, _ = shell(f"genrekit predict -m {model_path} song.wav -o o.csv <&- >&- 2>&-")
    assert status == 0
    assert (tmp_path / "o.csv").read_text().startswith("input,label")


def test_a_reader_that_leaves(shell):
    line = "{ genrekit predict --help; echo $? >&2; } | true"
    assert shell(line)[2].splitlines()[-1] == "141"


@pytest.mark.parametrize("columns", ["0", "1", "-3", "wide", ""])
def test_a_terminal_without_a_width(shell, columns):
    status, out, _ = shell("genrekit --help", COLUMNS=columns, LINES=columns)
    assert (status, b"predict" in out) == (0, True)


NAMES = ["Übung Ω.wav", "caf\udce9.wav", "a\\udce9.wav", "x\u2028y\x85.wav", "日本.wav"]


@pytest.mark.parametrize(
    ("locale", "suffix"),
    day_and_night(
        [
            ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, "csv"),
            ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, "jsonl"),
            ({}, "csv"),
        ],
        day=1,
    ),
)
def test_any_name_is_found_again_in_any_locale(shell, model_path, tmp_path, suffix, locale):
    (tmp_path / "music").mkdir()
    for name in NAMES:
        shutil.copy(tmp_path / "song.wav", tmp_path / "music" / name)
    assert shell(f"genrekit predict -m {model_path} -j 1 music -o out.{suffix}", **locale)[0] == 0
    text = (tmp_path / f"out.{suffix}").read_bytes().decode("utf-8")
    assert "Übung Ω.wav" in text
    assert "日本" in text
    for other in ({}, locale):
        status, out, _ = shell(f"genrekit sort --from out.{suffix} --link --to by --format jsonl", **other)
        rows = [json.loads(line) for line in out.splitlines()]
        assert status == 0, rows
        assert {row["input"] for row in rows} == {f"music/{name}" for name in NAMES}


def test_letters_stay_letters_where_stdout_has_them(shell, model_path, tmp_path):
    shutil.copy(tmp_path / "song.wav", tmp_path / "Ä\u202e.wav")
    line = f"genrekit predict -m {model_path} Ä*"
    assert '"Ä\\u202e.wav"'.encode() in shell(line, PYTHONIOENCODING="utf-8")[1]
    assert b'"\\u00c4\\u202e.wav"' in shell(line, PYTHONIOENCODING="ascii")[1]


def test_without_a_home(shell, model_path):
    """A user without an entry in the list of users, as in a container."""
    alone = "unshare --map-user=12345 --map-group=12345"
    if shell(f"{alone} true")[0]:
        pytest.skip("no user namespaces here")
    bare = f"env -u HOME -u USER -u LOGNAME -u GENREKIT_CACHE_DIR -u XDG_CACHE_HOME {alone}"
    predict = f"{bare} genrekit predict -m {model_path} song.wav"
    status, out, err = shell(predict)
    assert (status, out.count(b"\n")) == (0, 1), err
    assert "without a cache" in err
    assert shell(f"{predict} --no-cache")[0] == 0
