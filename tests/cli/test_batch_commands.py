"""Batches, addresses and clusters through the command line."""

from __future__ import annotations

import csv
import io
import json
import os

import pyarrow.parquet as pq
import pytest
from remote.test_remote import bucket, environment, s3_server, song, web  # noqa: F401 - fixtures
from support.cluster import address, workers  # noqa: F401 - fixtures


@pytest.fixture
def predict(genrekit, model_path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *words, **options: genrekit("predict", "--model", model_path, *words, **options)


@pytest.fixture
def paths(songs):
    return [example.path for example in songs.examples[:4]]


def test_an_output_says_what_it_is_about(predict, paths, tmp_path, model_path):
    from genrekit.models.bundle import load

    assert predict(*paths, "-o", "out.jsonl").status == 0
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["bytes"] for row in rows] == [path.stat().st_size for path in paths]
    assert {row["model_sha256"] for row in rows} == {load(model_path).sha256}
    assert all(len(row["sha256"]) == 64 for row in rows)
    facts = json.loads((tmp_path / "out.jsonl.run" / "run.json").read_text())
    assert facts["models"] == [{"name": "tiny", "sha256": load(model_path).sha256}]


def test_going_on_does_what_is_new_and_what_failed_where_asked(predict, paths, tmp_path):
    (tmp_path / "bad.wav").write_bytes(b"bad")
    assert predict(*paths[:2], "bad.wav", "-o", "out.csv").status == 3
    again = predict(*paths[:2], "-o", "out.csv")
    assert again.status == 2
    assert "--resume" in again.err
    more = predict(*paths, "bad.wav", "-o", "out.csv", "--resume")
    assert "3 inputs finished before, 2 now" in more.err
    (tmp_path / "bad.wav").write_bytes(paths[0].read_bytes())
    mended = predict(*paths, "bad.wav", "-o", "out.csv", "--resume")
    assert mended.status == 0
    assert "4 inputs finished before, 1 now" in mended.err
    rows = list(csv.DictReader(io.StringIO((tmp_path / "out.csv").read_text())))
    assert [row["error"] for row in rows] == [""] * 5
    assert rows[-1]["sha256"] == rows[0]["sha256"]


def test_going_on_with_fewer_inputs_counts_the_results_that_are_not_written(predict, paths, tmp_path):
    predict(*paths, "-o", "out.csv")
    fewer = predict(*paths[1:], "-o", "out.csv", "--resume")
    assert "not written: results of 1 earlier input that" in fewer.err
    again = predict(*paths, "-o", "out.csv", "--resume")
    assert (f"{len(paths)} inputs finished before, 0 now" in again.err, "not written" in again.err) == (
        True,
        False,
    )


def test_a_journal_of_a_run_that_never_ended_is_not_overwritten_unasked(predict, paths, tmp_path):
    predict(*paths, "-o", "out.csv")
    (tmp_path / "out.csv").unlink()
    run = predict(*paths, "-o", "out.csv")
    assert run.status == 2
    assert "--resume" in run.err
    assert predict(*paths[:1], "-o", "out.csv", "--overwrite").status == 0
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 2


@pytest.mark.skipif(os.name != "posix", reason="devices of POSIX")
def test_a_device_is_written_directly(predict, paths, tmp_path):
    assert predict(*paths, "-o", "/dev/null").status == 0
    assert not any(tmp_path.iterdir())


def test_resuming_needs_an_output(predict, paths):
    run = predict(*paths, "--resume")
    assert run.status == 2
    assert "--output" in run.err


def test_parquet(predict, paths, tmp_path):
    (tmp_path / "bad.wav").write_bytes(b"bad")
    assert predict(*paths, "bad.wav", "-o", "out.parquet", "--windows").status == 3
    rows = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert [row["input"] for row in rows] == [*map(str, paths), "bad.wav"]
    assert rows[0]["label"] == rows[0]["label_1"]
    assert rows[0]["windows"][0]["end_s"] == 2.0
    assert rows[-1]["label"] is None
    assert rows[-1]["error"]
    assert "Parquet is not text" in predict(*paths, "--format", "parquet").err


def test_a_bucket_in_and_out(predict, bucket, tmp_path):
    run = predict("s3://songs/b", "s3://songs/missing.wav", "-o", "s3://songs/results/out.csv")
    assert run.status == 3, run.err
    body = bucket.get_object(Bucket="songs", Key="results/out.csv")["Body"].read().decode()
    rows = list(csv.DictReader(io.StringIO(body)))
    assert [row["input"] for row in rows] == [
        "s3://songs/b/2.wav",
        "s3://songs/b/[live] song?.wav",
        "s3://songs/missing.wav",
    ]
    assert [bool(row["label"]) for row in rows] == [True, True, False]
    assert rows[0]["bytes"] == str(len(song()))
    assert (tmp_path / "out.csv.run" / "journal.jsonl").exists()
    again = predict("s3://songs/b", "-o", "s3://songs/results/out.csv")
    assert again.status == 2
    assert "exists" in again.err
    resumed = predict("s3://songs/b", "-o", "s3://songs/results/out.csv", "--resume")
    assert "2 inputs finished before, 0 now" in resumed.err


def test_an_archive_and_a_manifest_that_lie_elsewhere(predict, bucket, tmp_path):
    run = predict("zip://a.wav::s3://songs/archives/all.zip")
    assert run.status == 0, run.out
    bucket.put_object(Bucket="songs", Key="list.csv", Body=b"path\na.wav\nb/2.wav\n")
    listed = predict("s3://songs/list.csv")
    assert [json.loads(line)["input"] for line in listed.out.splitlines()] == [
        "s3://songs/a.wav",
        "s3://songs/b/2.wav",
    ]
    assert listed.status == 0, listed.out
    (tmp_path / "here.csv").write_text("path\ns3://songs/a.wav\n")
    assert predict("here.csv").status == 0


def test_a_table_elsewhere(genrekit, tracks_model, bucket):
    from support.track_tables import tracks

    bucket.put_object(Bucket="songs", Key="t.csv", Body=tracks(4).to_csv(index=False).encode())
    run = genrekit("predict", "--model", tracks_model, "s3://songs/t.csv", "--format", "csv")
    assert run.status == 0, run.out
    rows = list(csv.DictReader(io.StringIO(run.out)))
    assert [row["input"] for row in rows] == [f"s3://songs/t.csv#row {i}" for i in range(2, 6)]
    assert rows[0]["track_id"] == "t0-0"


def test_the_web(predict, web):
    run = predict(f"{web.root}/missing.wav", "https://user:hunter22@127.0.0.1:1/a.wav?X-Amz-Signature=s3cr3t")
    assert run.status == 1
    assert "hunter22" not in run.out + run.err
    assert "s3cr3t" not in run.out + run.err
    assert len(run.out.splitlines()) == 2


@pytest.mark.night  # by day tests/execution/test_dask.py
def test_a_cluster_gives_the_same_answers(predict, paths, address):
    here = predict(*paths, "--no-cache")
    there = predict(*paths, "--no-cache", "--cluster", address)
    assert there.status == 0, there.err
    assert there.out == here.out
    nobody = predict(*paths, "--cluster", "dask://127.0.0.1:1")
    assert nobody.status == 2
    assert "127.0.0.1:1" in nobody.err
