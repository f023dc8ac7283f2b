"""A cue sheet on the command line: a row per track, heard from its start to its end."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

SHEET = """FILE "album.flac" WAVE
TRACK 01 AUDIO
TITLE "First"
INDEX 01 00:00:00
TRACK 02 AUDIO
TITLE "Second"
INDEX 01 00:04:00
TRACK 03 AUDIO
TITLE "Gone"
INDEX 01 01:00:00
"""


@pytest.fixture
def album(songs, tmp_path, monkeypatch):
    """Two songs of different genres in one file of 8 s."""
    monkeypatch.chdir(tmp_path)
    first = songs.examples[0]
    other = next(example for example in songs.examples if example.labels != first.labels)
    parts = [sf.read(example.path) for example in (first, other)]
    rate = parts[0][1]
    sf.write("album.flac", np.concatenate([y[: 4 * rate] for y, _ in parts]), rate)
    Path("album.cue").write_text(SHEET)
    return first, other


def test_tracks_are_predicted_one_by_one(genrekit, album, model_path):
    words = ("--model", model_path, "-j", 1, "--no-cache")
    run = genrekit("predict", "album.cue", *words)
    assert run.status == 3
    rows = [json.loads(line) for line in run.out.splitlines()]
    assert [row["input"] for row in rows] == [
        "album.cue#01 First",
        "album.cue#02 Second",
        "album.cue#03 Gone",
    ]
    alone = [json.loads(genrekit("predict", example.path, *words).out) for example in album]
    assert [row["label"] for row in rows[:2]] == [row["label"] for row in alone]
    assert [row["score"] for row in rows[:2]] == pytest.approx([row["score"] for row in alone], abs=0.02)
    assert rows[2]["error"]
    assert rows[0]["extra"]["title"] == "First"
    late = genrekit("predict", "album.cue", *words, "--offset", 5)
    assert "The track ends before 5 s" in json.loads(late.out.splitlines()[0])["error"]


def test_results_of_tracks_are_resumed_and_neither_tagged_nor_sorted(genrekit, album, model_path):
    words = ("predict", "album.cue", "album.flac", "--model", model_path, "-j", 1, "-o", "r.csv")
    assert genrekit(*words).status == 3
    assert "4 inputs finished before, 0 now" in genrekit(*words, "--resume").err
    with Path("r.csv").open() as file:
        assert [row["title"] for row in csv.DictReader(file)] == ["First", "Second", "Gone", ""]
    for command in ("tag", "sort"):
        rows = [json.loads(line) for line in genrekit(command, "--from", "r.csv").out.splitlines()]
        assert ["only whole files" in (row["error"] or "") for row in rows] == [True, True, False, False]
    assert "1 would change" in genrekit("tag", "album.cue", "--model", model_path).err
