"""Tables of Spotify's features through the command line: bulk answers, explanations, and bad tables."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import quick
from support.track_tables import tracks

QUICK = quick.as_words(quick.SPOTIFY)


@pytest.fixture
def predict(genrekit, tracks_model):
    return lambda *words, **options: genrekit("predict", "--model", tracks_model, *words, **options)


@pytest.fixture
def train(genrekit, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *words: genrekit("train", "--backend", "spotify", *QUICK, "-o", "m.genrekit", *words)


def objects(run):
    return [json.loads(line) for line in run.out.splitlines()]


def table(run):
    return list(csv.DictReader(io.StringIO(run.out)))


def test_one_row_out_for_each_row_in_with_what_names_it(predict, tracks_csv):
    run = predict(tracks_csv, "--format", "csv")
    assert run.status == 0, run.err
    rows, wanted = table(run), tracks(240)
    assert [row["input"] for row in rows[:2]] == [f"{tracks_csv}#row 2", f"{tracks_csv}#row 3"]
    for column in ("track_id", "artist", "track"):
        assert [row[column] for row in rows] == list(wanted[column])
    assert not set(rows[0]) & {"energy", "tempo", "key"}
    assert np.mean([row["label"] == genre for row, genre in zip(rows, wanted["genre"], strict=True)]) > 0.8


def test_every_format_of_table_gives_the_same_answers(predict, tmp_path):
    frame = tracks(12, seed=5)
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_csv(tmp_path / "b.tsv", index=False, sep="\t")
    frame.to_csv(tmp_path / "c.csv", index=False, sep=";", decimal=",")
    frame.to_csv(tmp_path / "d.csv", index=False, encoding="utf-16")
    frame.to_csv(tmp_path / "e.csv", index=False, encoding="utf-8-sig")
    frame.to_parquet(tmp_path / "f.parquet")
    frame.to_json(tmp_path / "g.json", orient="records")
    frame.to_json(tmp_path / "h.jsonl", orient="records", lines=True)
    answer = {"audio_features": json.loads(frame.to_json(orient="records"))}
    (tmp_path / "i.json").write_text(json.dumps(answer))
    first, *others = [
        [(row["label"], row["score"], row["extra"]["track_id"]) for row in objects(predict(path))]
        for path in sorted(tmp_path.iterdir())
    ]
    assert len(first) == 12
    assert len(others) == 8
    for other in others:
        assert other == first


def test_many_rows_are_scored_natively_and_alike(predict, tmp_path, monkeypatch):
    from genrekit.prediction import table_rows as bulk

    frame = tracks(300, seed=3)
    frame.loc[5, "energy"] = np.nan
    frame.to_csv(tmp_path / "t.csv", index=False)
    by_graph = objects(predict(tmp_path / "t.csv"))
    monkeypatch.setattr(bulk, "MANY", 1)
    natively = objects(predict(tmp_path / "t.csv"))
    assert [row["label"] for row in natively] == [row["label"] for row in by_graph]
    assert [row["score"] for row in natively] == pytest.approx([row["score"] for row in by_graph], abs=1e-5)


def test_broken_rows_are_rows_with_an_error_in_their_place(predict, tmp_path):
    lines = tracks(40).to_csv(index=False).splitlines()
    for at in range(5, 41, 10):  # a tenth
        lines[at] = "too,short"
    lines[12] = lines[12].replace(lines[12].split(",")[-6], "1,1,1,1", 1)
    cells = lines[20].split(",")
    (tmp_path / "t.csv").write_text("\n".join([*lines[:20], "", *lines[20:]]) + "\n")
    run = predict(tmp_path / "t.csv")
    rows = objects(run)
    assert run.status == 3
    assert cells
    assert len(rows) == 40
    numbers = [int(row["input"].rpartition(" ")[2]) for row in rows]
    assert numbers == [*range(2, 21), *range(22, 43)]
    wrong = {row["input"].rpartition("#")[2] for row in rows if row["error"]}
    assert wrong == {"row 6", "row 13", "row 16", "row 27", "row 37"}


def test_a_value_out_of_range_is_named_with_row_and_column(predict, tmp_path):
    frame = tracks(3)
    frame.loc[1, "danceability"] = 7
    frame.to_csv(tmp_path / "t.csv", index=False)
    rows = objects(predict(tmp_path / "t.csv"))
    assert [bool(row["error"]) for row in rows] == [False, True, False]
    assert rows[1]["input"].endswith("#row 3")
    assert "danceability" in rows[1]["error"]
    assert "7" in rows[1]["error"]
    assert rows[1]["extra"]["track_id"] == "t0-1"


def test_columns_that_lack_are_named_and_missing_values(predict, tmp_path):
    frame = tracks(4).drop(columns=["time_signature", "mode"])
    frame["tempo"] = ["?", "", "empty_field", "120.5"]
    frame.to_csv(tmp_path / "t.csv", index=False)
    run = predict(tmp_path / "t.csv")
    assert run.status == 0, run.out
    assert "time_signature" in run.err
    assert "mode" in run.err


def test_a_table_with_too_few_of_the_features_is_refused(predict, tmp_path):
    tracks(4)[["track_id", "energy", "tempo", "key", "mode"]].to_csv(tmp_path / "t.csv", index=False)
    run = predict(tmp_path / "t.csv")
    assert run.status == 1
    assert "It has 4 of the 13 features of spotify" in run.out
    assert "7 are needed" in run.out


def test_explanations_are_additive_and_sorted(predict, tracks_csv, tmp_path):
    tracks(3).to_csv(tmp_path / "t.csv", index=False)
    rows = objects(predict(tmp_path / "t.csv", "--explain"))
    for row in rows:
        sizes = [abs(reason["contribution"]) for reason in row["reasons"]]
        assert sizes == sorted(sizes, reverse=True)
        assert {reason["feature"] for reason in row["reasons"]} >= {"loudness", "energy", "tempo"}
    assert {reason["feature"] for row in rows for reason in row["reasons"][:2]} & {"loudness", "energy"}
    words = table(predict(tmp_path / "t.csv", "--explain", "--format", "csv"))[0]["reasons"]
    assert words.count("(") == 5
    numbers = ",".join("0.5" for _ in range(13))
    assert objects(predict("--features", numbers, "--explain"))[0]["reasons"]


def test_a_model_that_cannot_explain_says_so(genrekit, model_path, songs):
    run = genrekit("predict", "--model", model_path, songs.examples[0].path, "--explain")
    assert run.status == 2
    assert "No loaded model has explanations" in run.err


def test_songs_and_tables_in_one_command_keep_their_order(
    genrekit, model_path, tracks_model, songs, tmp_path
):
    tracks(2).to_csv(tmp_path / "t.csv", index=False)
    song = songs.examples[0].path
    models = ["--model", model_path, "--model", tracks_model]
    run = genrekit("predict", *models, song, tmp_path / "t.csv", song, "--format", "csv")
    rows = table(run)
    assert [row["model"] for row in rows] == ["tiny", "tables", "tables", "tiny"]
    assert [row["track_id"] for row in rows] == ["", "t0-0", "t0-1", ""]


def test_several_labels(train, genrekit, tmp_path):
    frame = tracks(120)
    again = frame.iloc[::6].assign(genre="live")
    pd.concat([frame, again]).to_csv("t.csv", index=False)
    refused = train("--data", "t.csv", "--ambiguous", "multi")
    assert refused.status == 1
    assert "--multilabel" in refused.err
    run = train("--data", "t.csv", "--ambiguous", "multi", "--multilabel", "--format", "json")
    assert run.status == 0, run.err
    report = json.loads(run.out)
    assert {"micro_f1", "macro_f1", "samples_f1", "mean_average_precision", "roc_auc"} <= set(
        report["metrics"]
    )
    answers = table(genrekit("predict", "-m", "m.genrekit", "t.csv", "--format", "csv"))
    assert any("|" in row["labels"] for row in answers)
    checked = genrekit("evaluate", "m.genrekit", "--data", "t.csv", "--ambiguous", "multi", "--split", "test")
    assert checked.status == 0, checked.err
    seen = genrekit("evaluate", "m.genrekit", "--data", "t.csv")
    assert "has learned from these examples" in seen.err
    crossed = ["--backend", "spotify", "--cv", 2, "--multilabel", "--ambiguous", "multi", *QUICK]
    assert "micro-F1" in genrekit("evaluate", "--data", "t.csv", *crossed).out


def test_ambiguous_tracks_are_dropped_or_kept_and_it_is_said(train, tmp_path):
    frame = tracks(120)
    again = frame.iloc[::6].assign(genre="live")
    pd.concat([frame, again]).to_csv("t.csv", index=False)
    run = train("--data", "t.csv")
    assert run.status == 0, run.err
    assert "20 tracks have more than one genre" in run.err
    from genrekit.models.bundle import load

    facts = load(tmp_path / "m.genrekit").manifest.data
    assert facts["removed"] == {"ambiguous": 40}
    assert facts["examples"] == 100
    kept = train("--data", "t.csv", "--ambiguous", "first", "--overwrite")
    assert load(tmp_path / "m.genrekit").manifest.data["examples"] == 120, kept.err


def no_header(frame):
    return frame.to_csv(index=False, header=False)


def doubled_columns(frame):
    return frame.assign(**{"Energy ": 0.5}).to_csv(index=False)


def one_class(frame):
    return frame.assign(genre="jazz").to_csv(index=False)


def only_a_header(frame):
    return frame.head(0).to_csv(index=False)


def no_labels(frame):
    return frame.drop(columns="genre").to_csv(index=False)


def all_values_wrong(frame):
    return frame.assign(danceability=7).to_csv(index=False)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (no_header, "first line holds values"),
        (doubled_columns, "energy"),
        (one_class, "two labels or more"),
        (only_a_header, "no"),
        (no_labels, "label"),
        (all_values_wrong, "danceability"),
        (lambda frame: "", "empty"),
        (lambda frame: "\n\n\n", "column names"),
    ],
    ids=["no header", "doubled", "one class", "no rows", "no labels", "out of range", "empty", "blank"],
)
def test_tables_that_nothing_can_be_learnt_from(train, tmp_path, spoil, said):
    (tmp_path / "t.csv").write_text(spoil(tracks(30)), encoding="utf-8")
    run = train("--data", "t.csv")
    assert run.status in (1, 2)
    assert run.err.startswith("genrekit: ") or "\ngenrekit: " in run.err
    assert said in run.err
    assert not (tmp_path / "m.genrekit").exists()


def test_two_rows_a_class_and_labels_that_are_numbers(train, genrekit, tmp_path):
    frame = tracks(6)
    frame["genre"] = [1, 2, 3, 1, 2, 3]
    frame["artist"] = [f"artist {i}" for i in range(6)]
    frame.to_csv("t.csv", index=False)
    run = train("--data", "t.csv", "--test-size", 0, "--valid-size", 0)
    assert run.status == 0, run.err
    answers = objects(genrekit("predict", "-m", "m.genrekit", "t.csv"))
    assert {row["label"] for row in answers} <= {"1", "2", "3"}


def test_mixed_encodings_harm_their_own_cells_only(predict, tmp_path):
    text = tracks(3).to_csv(index=False).replace("Song 1", "Café").encode("utf-8")
    (tmp_path / "t.csv").write_bytes(text.replace(b"Song 2", "Señor".encode("cp1252")))
    run = predict(tmp_path / "t.csv")
    assert run.status == 0
    assert [row["extra"]["track"][:4] for row in objects(run)][:2] == ["Song", "Café"]


def test_a_table_that_breaks_off_keeps_the_rows_before(predict, tmp_path):
    rows = json.loads(tracks(5).to_json(orient="records"))
    (tmp_path / "t.json").write_text(json.dumps(rows)[:-200])
    run = predict(tmp_path / "t.json")
    assert run.status == 3
    *good, last = objects(run)
    assert len(good) >= 3
    assert all(row["label"] for row in good)
    assert last["error"]
    assert "#after row" in last["input"]


def test_a_damaged_parquet_is_one_row_with_an_error(predict, tmp_path):
    pq.write_table(pa.Table.from_pandas(tracks(5)), tmp_path / "t.parquet")
    data = (tmp_path / "t.parquet").read_bytes()
    (tmp_path / "t.parquet").write_bytes(data[: len(data) // 2])
    run = predict(tmp_path / "t.parquet")
    assert run.status == 1
    (row,) = objects(run)
    assert row["error"]


def test_datasets_show_and_split_know_such_tables(genrekit, tracks_csv, tmp_path):
    shown = json.loads(genrekit("datasets", "show", tracks_csv, "--format", "json").out)
    assert shown["layout"] == "spotify"
    assert shown["labels"] == {"jazz": 80, "metal": 80, "pop": 80}
    assert shown["groups"] == 81
    split = genrekit("datasets", "split", tracks_csv, "-o", tmp_path / "sides.csv")
    assert split.status == 0, split.err
    sides = pd.read_csv(tmp_path / "sides.csv")
    assert set(sides["split"]) == {"train", "valid", "test"}


def test_a_grid_from_the_command_line(train, tracks_csv, tmp_path):
    run = train("--data", tracks_csv, "--grid", "max_depth=1,2", "--jobs", 1)
    assert run.status == 0, run.err
    assert "grid: 2 combinations" in run.err
    assert (tmp_path / "m.grid.csv").is_file()
    wrong = train("--data", tracks_csv, "--grid", "max_features=1,2", "--overwrite")
    assert wrong.status == 2
    assert "colsample_bynode" in wrong.err


@pytest.mark.night
def test_a_line_of_a_gigabyte_ends_the_table_and_not_the_run(predict, tmp_path):
    path = tmp_path / "t.csv"
    tracks(3).to_csv(path, index=False)
    with path.open("ab") as file:
        file.write(b"0.5," * 1_000_000)
        file.truncate(2**30)  # the rest takes no room on disk
    run = predict(path)
    *good, last = objects(run)
    assert run.status == 3
    assert [row["error"] for row in good] == [None] * 3
    assert last["error"]
    (tmp_path / "h.csv").write_bytes(b"a" * 2**26)
    (refused,) = objects(predict(tmp_path / "h.csv"))
    assert refused["error"]


def test_a_table_of_one_row_in_json_lines_gives_one_row(predict, tmp_path):
    path = tmp_path / "one.jsonl"
    path.write_text(
        tracks(1, seed=0).drop(columns="genre", errors="ignore").to_json(orient="records", lines=True)
    )
    run = predict(path)
    assert run.status == 0
    assert [one["error"] for one in objects(run)] == [None]
