"""A note on a song reaches its row, in every format, from the cache and from the journal."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile as sf
from support.odd_sounds import SR, mp3, song, written

import genrekit
from genrekit.output import open_writer
from genrekit.prediction import Batch, OutputFile, Pipeline, PredictOptions, load_model, read_results
from genrekit.preparation import Cache
from genrekit.types import Prediction

NOTE = "heard 4.2 s of 6.0 s: the file is cut off or damaged"
MODEL = "gtzan"


@pytest.fixture
def songs(tmp_path: Path) -> list[Path]:
    """A whole song, a cut one, one whose channels cancel, a short one, a constant, and one that is too short."""
    folder = tmp_path / "songs"
    folder.mkdir()
    whole = song()
    (folder / "a whole.wav").write_bytes(written(whole))
    (folder / "b cut.wav").write_bytes(written(whole)[: int(0.7 * (len(written(whole)) - 44)) + 44])
    sf.write(folder / "c opposed.flac", np.concatenate([whole, -whole], axis=1), SR)
    (folder / "d short.mp3").write_bytes(mp3(song(1.0)))
    sf.write(folder / "e constant.wav", np.full(5 * SR, 0.25), SR)
    sf.write(folder / "f too short.wav", song(0.1), SR)
    return sorted(folder.iterdir())


def predicted(paths: list[Path], cache: Cache, options: PredictOptions | None = None) -> list[Prediction]:
    found = genrekit.predict([str(path) for path in paths], model=MODEL, jobs=1, cache=cache, options=options)
    return list(found)


def test_a_note_is_on_the_row_and_the_same_from_the_cache(songs: list[Path], tmp_path: Path) -> None:
    rows = predicted(songs, cache=Cache(tmp_path / "cache"))
    assert rows[0].note is None
    assert rows[1].note == NOTE
    assert "channels cancel" in (rows[2].note or "")
    assert (rows[3].note or "").startswith("only 1.")
    assert all(row.label for row in rows[:4])
    assert [row.note for row in rows[4:]] == [None, None]
    assert "silent" in (rows[4].error or "")
    assert "too little sound: 0.10 s" in (rows[5].error or "")
    wanted = [(row.label, row.note, row.error) for row in rows]
    for cache in (Cache(tmp_path / "cache"), Cache(enabled=False)):
        assert [(row.label, row.note, row.error) for row in predicted(songs, cache=cache)] == wanted


def test_channels_that_cancel_are_answered_as_one_of_them(songs: list[Path]) -> None:
    sf.write(songs[0], sf.read(songs[2])[0][:, 0], SR)
    alone, opposed = predicted([songs[0], songs[2]], cache=Cache(enabled=False))
    assert opposed.scores == alone.scores


def test_a_part_that_is_all_there_has_no_note(songs: list[Path]) -> None:
    (row,) = predicted([songs[1]], Cache(enabled=False), PredictOptions(duration_s=3.5))
    assert row.note is None


@pytest.mark.parametrize("format", ["json", "jsonl", "csv", "table", "parquet"])
def test_every_format_has_it_behind_the_error(format: str, tmp_path: Path) -> None:
    rows = [
        Prediction(
            "a.wav", model="m", label="rock", score=0.5, scores=(("rock", 0.5),), labels=("rock",), note=NOTE
        ),
        Prediction("b.wav", error="no"),
    ]
    stream = io.BytesIO() if format == "parquet" else io.StringIO()
    with open_writer(format, stream, top_k=1) as writer:
        for row in rows:
            writer.write(row)
    if format == "table":
        assert f"note: {NOTE}" in " ".join(stream.getvalue().split())
        return
    if format == "parquet":
        found = pq.read_table(stream).to_pylist()
    elif format == "csv":
        found = list(csv.DictReader(io.StringIO(stream.getvalue())))
    elif format == "json":
        found = json.loads(stream.getvalue())
    else:
        found = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert list(found[0])[:6] == ["input", "label", "score", "model", "error", "note"]
    assert found[0]["note"] == NOTE
    assert not found[1]["note"]


@pytest.mark.parametrize("format", ["jsonl", "csv"])
def test_it_survives_the_journal_and_comes_back_from_results(
    songs: list[Path], tmp_path: Path, format: str
) -> None:
    def batch() -> Batch:
        pipeline = Pipeline([load_model(MODEL)], cache=Cache(enabled=False), jobs=1)
        return Batch(OutputFile.of(tmp_path / "run.jsonl"), pipeline)

    first = batch()
    assert len(list(first.run(songs[:2]))) == 2
    again = batch()
    assert len(list(again.run(songs[:2], resume=True))) == 2
    assert again.kept == 2
    rows = list(again.predictions())
    assert [row.note for row in rows] == [None, NOTE]
    path = tmp_path / f"out.{format}"
    with path.open("w", encoding="utf-8") as stream, open_writer(format, stream, provenance=True) as writer:
        for row in rows:
            writer.write(row)
    assert [row.note for row in read_results(path)] == [None, NOTE]


def test_results_without_the_column_are_read(tmp_path: Path) -> None:
    path = tmp_path / "old.csv"
    path.write_text("input,label,score,error,sha256\na.wav,rock,0.5,,\n")
    assert [(row.label, row.note) for row in read_results(path)] == [("rock", None)]


def test_a_data_set_is_judged_in_the_same_way(songs: list[Path]) -> None:
    from genrekit.datasets import open_dataset
    from genrekit.datasets.check import check_dataset

    for path in songs:
        (path.parent / "rock").mkdir(exist_ok=True)
        path.rename(path.parent / "rock" / path.name)
    report = check_dataset(open_dataset(str(songs[0].parent)))
    names = {
        kind: [f.ids[0].rpartition("/")[2] for f in report.of(kind)]
        for kind in ("silent", "short", "in-part")
    }
    assert names["silent"] == ["e constant.wav"]
    assert names["short"] == ["f too short.wav"]
    assert names["in-part"] == ["b cut.wav", "c opposed.flac"]
    assert NOTE in report.of("in-part")[0].detail
