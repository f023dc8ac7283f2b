"""One mistake has one exit status, whatever command it is made in; and what a full disk or a closed pipe gives."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from support.night import day_and_night

SMALL = "synthetic:?genres=2&songs=2&seconds=1"
MISSING = [
    ("predict", "x.wav", "--model", "nosuch"),
    ("evaluate", "nosuch", "--data", SMALL),
    ("models", "nosuch"),
    ("models", "nosuch.genrekit"),
    ("tag", "x.wav", "--model", "nosuch"),
    ("sort", "x.wav", "--model", "nosuch"),
    ("backends", "nosuch"),
    ("train", "--backend", "nosuch", "--data", SMALL),
    ("train", "--data", "nowhere"),
    ("train", "--data", "synthetic:?song=3"),
    ("train", "--data", "synthetic:?songs=many"),
    ("train", "--data", SMALL, "--set", "x=3"),
    ("train", "--data", SMALL, "--config", "none.yaml"),
    ("train", "--data", SMALL, "--grid", "none.yaml"),
    ("evaluate", "gtzan", "--data", "nowhere"),
    ("datasets", "show", "nowhere"),
    ("datasets", "show", "synthetic:?song=3"),
    ("datasets", "show", "gtzan:nowhere"),
    ("datasets", "show", "fma:nowhere"),
    ("datasets", "check", "nowhere"),
    ("tag", "--from", "nothing.csv"),
    ("sort", "--from", "nothing.jsonl"),
    ("tag", "--undo", "nothing"),
    ("nosuch",),
    ("predict", "--nosuch"),
    ("train", SMALL, "-o", "-"),
    ("index", ".", "-o", "-"),
    ("datasets", "features", SMALL, "-o", "-"),
    ("evaluate", "gtzan", SMALL, "--report", "-"),
]


@pytest.mark.parametrize("words", MISSING, ids=" ".join)
def test_what_a_command_names_must_be_there(genrekit, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = genrekit(*words)
    assert run.status == 2
    assert run.out == ""
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "guess"),
    [
        (("models", "gtzna"), "Did you mean gtzan?"),
        (("models", "spectogram"), "Did you mean spectrogram?"),
        (("predict", "x.wav", "--labels", "rok"), "Did you mean rock?"),
        (("predict", "x.wav", "--labels", "Hip-Hpo"), "Did you mean hiphop?"),
        (("evaluate", "gtzan", "--data", SMALL, "--labels", "rok"), "Did you mean rock?"),
        (("predict", "x.wav", "--with", "tempo"), "Did you mean bpm?"),
        (("tag", "x.wav", "--with", "kye"), "Did you mean key?"),
        (("predict", "x.wav", "--with", "loud"), "Did you mean loudness?"),
        (("tag", "--from", "there.cvs.csv"), "Did you mean there.csv?"),
    ],
    ids=str,
)
def test_what_was_meant_is_said(genrekit, words, guess, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.csv").write_text("")
    run = genrekit(*words)
    assert run.status == 2
    assert guess in run.err


def program(*words, **options):
    command = [sys.executable, "-m", "genrekit", *map(str, words)]
    return subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False, **options)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize(
    "line",
    day_and_night(
        [
            "--help",
            "predict SONG -f table",
            "tag SONG",
            "train --help",
            "backends",
            "models gtzan",
            "predict SONG -f csv",
            "tag SONG -f table",
            "sort SONG -f table",
            f"datasets show {SMALL}",
        ],
        day=3,
    ),
)
def test_a_full_stdout_is_named(line, songs):
    song = str(songs.examples[0].path)
    with open("/dev/full", "w") as full:
        run = program(*(song if word == "SONG" else word for word in line.split()), stdout=full)
    assert run.returncode == 1
    assert "genrekit: stdout: No space left on device" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("line", day_and_night(["--help", "models gtzan", "train --help", "backends"], day=2))
def test_a_reader_that_went_away_gives_the_status_of_the_shell(line):
    read, write = os.pipe()
    os.close(read)
    run = program(*line.split(), stdout=write)
    os.close(write)
    assert (run.returncode, run.stderr) == (141, "")


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_a_file_without_space_is_named(suffix, songs, model_path, tmp_path):
    """A limit on the size of files stands for a disk that is full."""
    paths = [str(example.path) for example in songs.examples[:4]]
    run = program(
        "predict", *paths, *paths, "-j1", "--no-cache", "--model", model_path, "-o", f"out.{suffix}",
        cwd=tmp_path, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)),
    )  # fmt: skip
    assert run.returncode == 1
    assert "genrekit: out." in run.stderr
    assert "File too large" in run.stderr
    assert not (tmp_path / f"out.{suffix}").exists()


def test_a_report_in_a_pipe_has_a_line_per_sentence(genrekit, model_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    run = genrekit("evaluate", model_path, "--data", "synthetic:?songs=4&seconds=2&genres=4")
    assert any(len(line) > 45 and line.endswith(".") for line in run.out.splitlines())
    assert not any(line.endswith(" ") for line in run.out.splitlines())
