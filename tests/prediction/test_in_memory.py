"""Inputs that are not on disk are predicted as their files are."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile as sf
from PIL import Image

import genrekit
from genrekit.errors import UsageError


@pytest.fixture(scope="module")
def song(songs) -> Path:
    return songs.examples[0].path


@pytest.fixture(scope="module")
def model(model_path):
    return genrekit.load_model(model_path)


def scores(predictions):
    return [(p.label, dict(p.scores), p.error) for p in predictions]


def test_bytes_and_open_files_are_predicted_as_their_file(model, song):
    from_disk = scores(model.predict(song))
    assert from_disk[0][2] is None
    assert scores(model.predict(song.read_bytes())) == from_disk
    with song.open("rb") as file:
        (prediction,) = model.predict(file)
    assert scores([prediction]) == from_disk
    assert prediction.id == str(song)
    assert scores(model.predict(io.BytesIO(song.read_bytes()))) == from_disk


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int16, np.int32])
def test_samples_are_predicted_as_a_file_of_them(model, song, kind, tmp_path):
    y, sr = sf.read(song, dtype="float32" if np.issubdtype(kind, np.floating) else np.dtype(kind).name)
    (prediction,) = model.predict((y.T.astype(kind), sr))
    assert dict(prediction.scores) == pytest.approx(dict(model.predict(song)[0].scores), abs=1e-4)
    (stereo,) = model.predict((np.stack([y, y]).astype(kind), sr))
    assert stereo.label == prediction.label


def test_several_inputs_of_any_kind_give_one_prediction_each_in_order(model, song):
    y, sr = sf.read(song, dtype="float32")
    found = model.predict([song, song.read_bytes(), (y, sr), b"no sound at all", str(song)])
    assert [p.error is None for p in found] == [True, True, True, False, True]
    assert [p.id for p in found] == [str(song), "bytes 2", "samples 3", "bytes 4", str(song)]
    assert [p.id for p in model.predict(np.array([str(song), "none.wav"]))] == [str(song), "none.wav"]


def test_an_image_is_predicted_as_its_file(tmp_path):
    image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (90, 80, 3), dtype=np.uint8))
    image.save(tmp_path / "cover.png")
    model = genrekit.load_model("image")
    assert scores(model.predict(image)) == scores(model.predict(tmp_path / "cover.png"))


def test_a_data_frame_is_predicted_row_by_row(tracks_model, tracks_csv):
    frame = pd.read_csv(tracks_csv).head(7)
    frame.to_csv(tracks_csv.with_name("seven.csv"), index=False)
    model = genrekit.load_model(tracks_model)
    found = model.predict(frame)
    assert [p.id for p in found] == [f"DataFrame#row {n}" for n in range(1, 8)] or len(found) == 7
    assert [p.label for p in found] == [p.label for p in model.predict(tracks_csv.with_name("seven.csv"))]


def test_nothing_is_left_behind(model, song, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    model.predict(song.read_bytes())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "wrong", [None, 5, np.zeros(5), [None], [(np.zeros(5), "fast")], [(np.zeros((2, 2, 2)), 22050)]]
)
def test_what_is_not_an_input_is_said_in_words(model, wrong):
    with pytest.raises(UsageError, match=r"not (an input|a sample rate|sound)"):
        model.predict(wrong)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ((22050, np.zeros(22050)), "Pass (samples, sr)"),
        ([(22050, np.zeros(22050))], "Pass (samples, sr)"),
        ((np.zeros((22050, 2)), 22050), "samples.T"),
    ],
)
def test_samples_in_the_order_of_another_library_get_a_hint(model, wrong, hint):
    with pytest.raises(UsageError) as caught:
        model.predict(wrong)
    assert hint in str(caught.value)


def test_an_open_text_file_is_refused(model, tmp_path):
    (tmp_path / "a.txt").write_text("words")
    with (tmp_path / "a.txt").open() as file, pytest.raises(UsageError, match="mode 'rb'"):
        model.predict(file)


@pytest.mark.parametrize("wrong", [5, [5], {"a": 1}])
def test_what_is_not_a_model_is_said_in_words(song, wrong):
    with pytest.raises(UsageError, match="is not a model"):
        genrekit.predict(song, model=wrong)


def test_a_pool_decodes_for_many_calls(model, song):
    with genrekit.Pool(jobs=1) as pool:
        first = model.predict(song, pool=pool)
        assert (
            scores(model.predict(song.read_bytes(), pool=pool))
            == scores(first)
            == scores(model.predict(song))
        )


def test_scores_labels_and_card(model, song):
    (prediction,) = model.predict(song)
    windows = model.backend.prepare(
        genrekit.open_dataset(song.parent.parent).examples[0], model.config
    ).values
    assert model.scores(windows).shape == (len(windows), len(model.labels))
    assert prediction.label in model.labels
    assert model.card.startswith("#") or "genre" in model.card
