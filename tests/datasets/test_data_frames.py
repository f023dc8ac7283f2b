"""Data frames as data sets, and data sets as data frames."""

from pathlib import Path

import pandas as pd
import pytest
from support import quick

import genrekit
from genrekit.errors import DatasetError


@pytest.fixture
def frame(tracks_csv):
    frame = pd.read_csv(tracks_csv)
    return frame.set_index(frame.index[::-1] * 10)


def test_a_frame_is_the_data_set_of_its_file(frame, tracks_csv):
    from_file, from_frame = genrekit.open_dataset(tracks_csv), genrekit.open_dataset(frame)
    assert from_frame.examples == from_file.examples
    assert from_frame.fingerprint == from_file.fingerprint
    assert from_frame.source == "DataFrame"


def test_a_data_set_of_a_frame_has_its_index_without_the_rows_left_out(frame):
    frame = frame.astype(object)
    label = next(name for name in ("label", "genre") if name in frame)
    frame.iloc[3, frame.columns.get_loc(label)] = None
    frame.iloc[5] = None
    dataset = genrekit.open_dataset(frame)
    found = dataset.to_frame()
    assert len(dataset.left_out) >= 2
    assert found.index.isin(frame.index).all()
    assert frame.index[3] not in found.index
    assert frame.index[5] not in found.index
    assert found.label.tolist() == frame.loc[found.index, label].tolist()
    assert found.energy.tolist() == frame.loc[found.index, "energy"].tolist()


def test_the_columns_of_files_have_their_types(songs):
    found = songs.to_frame()
    assert found.columns[:5].tolist() == ["id", "path", "label", "group", "split"]
    assert (found.dtypes.iloc[:5].astype(str) == "string").all()
    assert found.index.tolist() == list(range(len(songs.examples)))
    again = genrekit.open_dataset(found.drop(columns="id"))
    assert [e.labels for e in again.examples] == [e.labels for e in songs.examples]
    assert [e.group for e in again.examples] == [e.group for e in songs.examples]


@pytest.mark.parametrize("labels", [["rock", "pop"], ("rock", "pop"), "rock|pop"])
def test_labels_and_paths_are_read_whatever_holds_them(labels, songs):
    files = [example.path for example in songs.examples[:3]]
    given = pd.DataFrame(
        {"path": pd.Series(files, dtype=object), "label": [labels, "rock", "pop"], "group": [1, 1, 2]}
    )
    dataset = genrekit.open_dataset(given.astype({"group": "category"}))
    assert [e.labels for e in dataset.examples] == [("rock", "pop"), ("rock",), ("pop",)]
    assert [e.path for e in dataset.examples] == files


def test_a_path_that_is_relative_starts_at_the_current_directory(songs, monkeypatch, tmp_path):
    (tmp_path / "a.wav").write_bytes(Path(songs.examples[0].path).read_bytes())
    monkeypatch.chdir(tmp_path)
    frame = pd.DataFrame({"path": ["a.wav", "b.wav"], "label": ["x", "y"]}, index=[5, 6])
    dataset = genrekit.open_dataset(frame)
    assert dataset.to_frame().index.tolist() == [5]
    with pytest.raises(DatasetError, match="exists") as caught:
        genrekit.open_dataset(frame.tail(1))
    assert str(tmp_path) in caught.value.hint


def test_frames_and_files_are_one_data_set(frame, tracks_csv):
    dataset = genrekit.open_dataset([frame.head(50), frame.tail(50)])
    assert len(dataset.sources) == 2
    assert dataset.to_frame().index.tolist() == list(range(len(dataset.examples)))


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (pd.DataFrame(), "no columns"),
        (pd.DataFrame({"x": [1]}), "'x'"),
        (pd.DataFrame([[1, 2]], columns=["label", "label"]), "same name"),
        (pd.DataFrame([[1, 2]], columns=[0, 1]), "'0', '1'"),
        (pd.DataFrame({("a", "b"): [1]}), "'a.b'"),
        (
            pd.DataFrame({"path": ["a.wav"], "label": ["x"], "split": ["soon"]}),
            "DataFrame, row 2: 'soon'",
        ),
        (pd.DataFrame({"energy": [0.5], "tempo": [120.0], "valence": [0.5]}), "columns 'energy'"),
    ],
)
def test_a_frame_that_is_no_data_set_is_refused_in_words(frame, words):
    with pytest.raises(DatasetError) as caught:
        genrekit.open_dataset(frame)
    assert words in caught.value.message


def test_a_model_learns_from_a_frame_and_is_measured_on_one(frame, tmp_path):
    config = {**quick.SPOTIFY, "n_estimators": 5}
    trained = genrekit.train(frame, backend="spotify", config=config, output=tmp_path / "a.genrekit")
    assert trained.bundle.manifest.data["source"] == "DataFrame"
    measured = genrekit.evaluate(tmp_path / "a.genrekit", frame)
    assert measured.report.n_examples == len(genrekit.open_dataset(frame).examples)
    with pytest.raises(DatasetError, match="'spotify'"):
        genrekit.train(frame, backend="gtzan", output=tmp_path / "b.genrekit")
