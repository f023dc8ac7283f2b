"""What else can be asked of a song: tempo, key, loudness."""

from __future__ import annotations

import csv
import io
import json

import pyarrow.parquet as pq
import pytest


@pytest.fixture
def predict(genrekit, model_path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *words: genrekit("predict", "--model", model_path, *words)


@pytest.fixture
def paths(songs):
    return [example.path for example in songs.examples[:3]]


def test_each_measure_has_its_columns(predict, paths, tmp_path):
    (tmp_path / "bad.wav").write_bytes(b"bad")
    run = predict(*paths, "bad.wav", "--with", "loudness, key,bpm", "--format", "csv")
    assert run.status == 3
    header = run.out.splitlines()[0].split(",")
    assert header[-5:] == ["loudness_lufs", "key", "camelot", "key_confidence", "bpm"]
    rows = list(csv.DictReader(io.StringIO(run.out)))
    for row in rows[:3]:
        assert -60 < float(row["loudness_lufs"]) < 0
        assert row["key"].endswith((" major", " minor"))
        assert row["camelot"][-1] in "AB"
    assert rows[3]["loudness_lufs"] == ""
    first = json.loads(predict(paths[0], "--with", "key").out)
    assert first["key"] == rows[0]["key"]
    assert "bpm" not in first
    assert "key" not in json.loads(predict(paths[0]).out)


def test_a_batch_keeps_them(predict, paths, tmp_path):
    assert predict(*paths, "--with", "loudness", "-o", "out.parquet").status == 0
    once = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert all(row["loudness_lufs"] < 0 for row in once)
    resumed = predict(*paths, "--with", "loudness", "-o", "out.parquet", "--resume")
    assert "3 inputs finished before, 0 now" in resumed.err
    assert pq.read_table(tmp_path / "out.parquet").to_pylist() == once
    assert "done before" not in predict(*paths, "--with", "bpm", "-o", "out.parquet", "--resume").err


def test_other_measures_are_refused(predict, paths):
    run = predict(*paths, "--with", "tempo")
    assert run.status == 2
    assert "bpm, key, loudness" in run.err
