"""Predictions as data frames."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import genrekit
from genrekit.types import WindowScore


@pytest.fixture
def frame(tracks_csv):
    return pd.read_csv(tracks_csv).head(6).set_index(pd.Index([9, 3, 3, 7, 1, 0], name="row"))


def test_a_frame_of_features_gives_a_row_per_row_with_its_index(frame, tracks_model):
    found = genrekit.predict_frame(frame, model=tracks_model, jobs=1)
    assert found.index.equals(frame.index)
    rows = list(genrekit.predict(frame, model=tracks_model))
    assert found.label.tolist() == [row.label for row in rows]
    assert found.score.tolist() == [row.score for row in rows]
    assert found.dtypes.astype(str).to_dict() | {"score_1": "float64", "label_1": "string"} == {
        **dict.fromkeys(
            ["input", "label", "model", "error", "note", "label_1", "label_2", "label_3"], "string"
        ),
        **dict.fromkeys(["score", "score_1", "score_2", "score_3"], "float64"),
        "familiar": "boolean",
    }
    assert found.columns[:7].tolist() == ["input", "label", "score", "model", "error", "note", "familiar"]


@pytest.mark.parametrize("bad", ["blank", "text", "long"])
def test_a_row_that_cannot_be_read_keeps_its_place(bad, frame, tracks_model):
    whole = genrekit.predict_frame(frame, model=tracks_model)
    frame = frame.astype(object)
    if bad == "blank":
        frame.iloc[2] = None
    elif bad == "text":
        frame.iloc[2, frame.columns.get_loc("energy")] = "loud"
    else:
        frame["comment"] = ["x", "x", "x" * 200_000, "x", "x", "x"]
    found = genrekit.predict_frame(frame, model=tracks_model)
    assert found.index.equals(frame.index)
    assert found.error.notna().tolist() == [False, False, True, False, False, False]
    others = [0, 1, 3, 4, 5]
    assert found.label.iloc[others].tolist() == whole.label.iloc[others].tolist()


def test_a_frame_without_rows_gives_the_columns(frame, tracks_model):
    found = genrekit.predict_frame(frame.head(0), model=tracks_model)
    assert found.empty
    assert {"label", "score", "error"} <= set(found.columns)


def test_a_frame_that_no_model_reads_says_so_in_every_row(tracks_model):
    found = genrekit.predict_frame(pd.DataFrame({"x": [1, 2, 3]}, index=list("abc")), model=tracks_model)
    assert found.index.tolist() == ["a", "b", "c"]
    assert found.error.str.contains("columns x").all()
    two = pd.DataFrame([[1, 2]], columns=["tempo", "tempo"])
    assert "same name" in genrekit.predict_frame(two, model=tracks_model).error[0]


def test_files_in_a_frame_are_found_from_here_whatever_holds_their_names(songs, model_path, monkeypatch):
    paths = [example.path for example in songs.examples[:2]]
    monkeypatch.chdir(paths[0].parent)
    words = [
        paths[0],
        Path(paths[1].name).as_posix() if paths[1].parent == Path.cwd() else paths[1],
        "no.wav",
        None,
    ]
    frame = pd.DataFrame({"path": words, "mood": [1, 2, 3, 4]}, index=list("dcba"))
    found = genrekit.predict_frame(frame, model=model_path, jobs=1)
    assert found.index.tolist() == list("dcba")
    assert found.label.notna().tolist() == [True, True, False, False]
    assert found.error.iloc[3] == "The row has no path."
    same = genrekit.predict_frame(frame["path"], model=model_path, jobs=1)
    pd.testing.assert_frame_equal(found, same)
    named = genrekit.predict_frame(frame.set_index("path"), model=model_path, jobs=1)
    assert named.label.tolist() == found.label.tolist()


def test_a_folder_or_a_table_in_a_row_is_one_row_with_an_error(tmp_path, tracks_csv, tracks_model):
    (tmp_path / "songs").mkdir()
    found = genrekit.predict_frame(
        pd.Series([str(tmp_path / "songs"), str(tracks_csv)]), model=tracks_model, jobs=1
    )
    assert found.error.notna().all()
    assert len(found) == 2


def test_what_the_options_ask_for_is_in_columns(songs, model_path):
    options = genrekit.PredictOptions(windows=True, measures=("bpm", "key"), top_k=2)
    found = genrekit.predict_frame([str(songs.examples[0].path)], model=model_path, options=options)
    assert isinstance(found.windows[0][0], WindowScore)
    assert {"bpm", "key", "camelot", "key_confidence"} <= set(found.columns)
    assert found.bpm.dtype == np.float64
    assert "label_2" in found
    assert "label_3" not in found


def test_rows_of_a_table_file_keep_what_identifies_them(tracks_csv, tracks_model):
    named = tracks_csv.with_name("named.csv")
    pd.read_csv(tracks_csv).head(3).assign(title=["a", "b", "c"], label="x").to_csv(named, index=False)
    found = genrekit.predict_frame(str(named), model=tracks_model)
    assert found.title.tolist() == ["a", "b", "c"]
    assert "extra_label" in found or found.label.notna().all()
    assert found.index.tolist() == [0, 1, 2]
