"""Hints that fit: the data are looked at before a backend is blamed, and options are called what was typed."""

import numpy as np
import pytest
from PIL import Image

from genrekit.features import GTZAN_COLUMNS
from genrekit.models import load


@pytest.fixture
def covers(tmp_path):
    """Pictures in two genre folders."""
    for k, label in enumerate(("jazz", "rock")):
        (tmp_path / "covers" / label).mkdir(parents=True)
        for number in range(8):
            pixels = np.full((40, 40, 3), 60 * k + 10 * number, dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "covers" / label / f"{number}.png")
    return tmp_path / "covers"


@pytest.fixture
def spotify_table(tmp_path):
    names = "danceability energy key loudness mode speechiness acousticness instrumentalness liveness valence tempo".split()
    rows = [",".join([*names, "duration_ms", "time_signature", "artist", "genre"])]
    for k in range(60):
        values = [
            "0.5",
            f"0.{10 + k}",
            "1",
            "-7.5",
            "1",
            "0.05",
            "0.2",
            "0.0",
            "0.1",
            "0.6",
            "120.5",
            "200000",
            "4",
        ]
        rows.append(",".join([*values, f"artist {k}", ("rock", "jazz")[k % 2]]))
    (tmp_path / "spotify.csv").write_text("\n".join(rows) + "\n")
    return tmp_path / "spotify.csv"


@pytest.fixture
def gtzan_table(tmp_path):
    rows = [",".join(["filename", "length", *GTZAN_COLUMNS, "label"])]
    rows += [
        ",".join([f"song{k}.wav", "66149", *["0.5"] * len(GTZAN_COLUMNS), ("rock", "jazz")[k % 2]])
        for k in range(12)
    ]
    (tmp_path / "features.csv").write_text("\n".join(rows) + "\n")
    return tmp_path / "features.csv"


def test_train_takes_the_one_backend_that_fits(genrekit, spotify_table, tmp_path):
    model = tmp_path / "m.genrekit"
    run = genrekit("train", "--data", spotify_table, "-o", model, "--set", "n_estimators=5")
    assert run.status == 0, run.err
    assert "backend spotify, the one that reads a table of spotify features" in run.err
    assert load(model).manifest.backend == "spotify"


def test_a_bundle_without_a_name_is_called_after_the_backend_taken(genrekit, covers, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "image.genrekit").write_text("precious")
    run = genrekit("train", "--data", covers)
    assert (run.status, "image.genrekit exists" in run.err) == (2, True)


@pytest.mark.parametrize("backend", ["gtzan", "spectrogram", "spotify"])
def test_pictures_are_called_pictures(genrekit, covers, backend, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = genrekit("train", "--data", covers, "--backend", backend)
    assert run.status == 1
    assert "covers holds pictures" in run.err
    assert "--backend image" in run.err


@pytest.mark.parametrize("command", [("train", "--backend", "spectrogram"), ("evaluate", "spectrogram")])
def test_a_table_for_a_backend_that_reads_sound(genrekit, gtzan_table, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = genrekit(*command, "--data", gtzan_table)
    assert run.status == 1
    assert "holds a table of gtzan features" in run.err
    assert "--backend gtzan" in run.err


def test_a_table_of_another_service(genrekit, spotify_table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = genrekit("evaluate", "--backend", "gtzan", "--cv", "2", "--data", spotify_table)
    assert (run.status, "--backend spotify" in run.err) == (1, True)


@pytest.mark.parametrize("option", [("--multilabel",), ("--device", "cpu")], ids=lambda words: words[0])
def test_an_option_that_a_backend_has_not_is_called_as_it_was_typed(genrekit, option, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = genrekit("train", "--data", "synthetic:?genres=2&songs=2&seconds=0.5", *option)
    assert run.status == 2
    assert f"Backend 'gtzan' has no {option[0]}; " in run.err
    assert "--backend " in run.err


def test_a_model_without_reasons_says_so_once(genrekit, songs):
    paths = [example.path for example in songs.examples[:2]]
    run = genrekit("predict", *paths, "--explain")
    assert run.status == 0
    assert run.err.count("has no explanations in words; --explain-dir FOLDER") == 1


def test_bare_numbers_name_the_backends_whose_columns_they_are(genrekit):
    run = genrekit("predict", "--features", "1,2")
    assert run.status == 2
    assert "genrekit backends gtzan --columns or genrekit backends spotify --columns" in run.err


def test_a_choice_that_is_not_there_is_said_plainly(genrekit):
    run = genrekit("sort", "music", "--by", "artist")
    assert run.status == 2
    assert "'artist' is not one of 'genre'" in run.err
    assert "Value error" not in run.err
    assert "sort [OPTIONS] PATH..." in run.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("predict", "x", "-j", "0"), "'0' is too small; at least 1 is allowed."),
        (("predict", "x", "--jobs=1e3"), "'1e3' is not a whole number."),
        (("predict", "x", "-kx"), "'x' is not a whole number."),
        (("predict", "x", "--min-confidence", "1.5"), "'1.5' is too large; at most 1 is allowed."),
        (("predict", "x", "--duration", "nan"), "'nan' is not a number."),
        (("evaluate", "--cv", "1", "x"), "'1' is too small; at least 2 is allowed."),
        (("serve", "--port", "http"), "Invalid value for '--port': 'http' is not a whole number."),
    ],
)
def test_numbers_out_of_range_are_refused_in_plain_words(genrekit, words, said):
    run = genrekit(*words)
    assert run.status == 2
    assert said in " ".join(run.err.replace("│", " ").split())


def test_a_model_among_the_inputs_names_the_option_for_it(genrekit, model_path):
    run = genrekit("predict", model_path, "--model", model_path, "-f", "csv")
    assert (run.status, "--model takes it" in run.out) == (1, True)
