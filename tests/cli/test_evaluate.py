import json

import pytest
from support import quick

QUICK = quick.as_words(quick.GTZAN)


@pytest.fixture
def evaluate(genrekit):
    return lambda *words: genrekit("evaluate", "--jobs", 1, "--format", "json", *words)


def test_the_test_side_of_the_training_comes_back(evaluate, model_path, songs):
    from genrekit.models.bundle import load

    run = evaluate(model_path, "--data", songs.source, "--split", "test")
    assert run.status == 0, run.err
    assert json.loads(run.out)["metrics"] == load(model_path).manifest.metrics["metrics"]


def test_measuring_what_it_learnt_from_says_so(evaluate, model_path, songs):
    run = evaluate(model_path, "--data", songs.source)
    assert "has learned from these" in run.err
    assert json.loads(run.out)["inflated"]
    run = evaluate(model_path, "--data", songs.source, "--split", "train")
    assert "has learned from these" in run.err


def test_other_data_has_no_sides_to_remake(evaluate, model_path):
    source = "synthetic:?genres=3&songs=2&seconds=4&seed=9"
    run = evaluate(model_path, "--data", source, "--split", "test")
    assert run.status == 1
    assert "datasets split" in run.err
    run = evaluate(model_path, "--data", source)
    assert run.status == 0
    assert not json.loads(run.out)["inflated"]


def test_labels_that_are_spelt_otherwise_or_unknown(evaluate, model_path, songs, tmp_path):
    spellings = {songs.labels[2]: "Rap", songs.labels[0]: "zydeco"}
    manifest = tmp_path / "list.csv"
    lines = [f"{e.path},{spellings.get(e.labels[0], e.labels[0])}" for e in songs.examples]
    manifest.write_text("path,label\n" + "\n".join(lines) + "\n")
    run = evaluate(model_path, "--data", manifest)
    assert run.status == 0, run.err
    report = json.loads(run.out)
    assert "read 'rap' as 'hiphop'" in run.err
    assert report["unknown_labels"] == {"zydeco": 6}
    assert report["n_examples"] == len(songs.examples)


def test_cross_validation_measures_every_example_once(evaluate, songs, tmp_path):
    run = evaluate(
        "--backend", "gtzan", "--cv", 3, "--data", songs.source, *QUICK, "--report", tmp_path / "report"
    )
    assert run.status == 0, run.err
    report = json.loads(run.out)
    assert report["n_examples"] == len(songs.examples)
    assert not report["inflated"]
    rows = (tmp_path / "report" / "predictions.csv").read_text().splitlines()
    assert len(rows) == 1 + len(songs.examples)
    again = evaluate(
        "--backend", "gtzan", "--cv", 3, "--data", songs.source, *QUICK, "--report", tmp_path / "report"
    )
    assert again.status == 2
    assert "already holds a report" in again.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "either a MODEL"),
        (["model", "--backend", "gtzan"], "either a MODEL"),
        (["--backend", "gtzan"], "go together"),
        (["--backend", "gtzan", "--cv", "3", "--split", "test"], "--split"),
        (["model", "--set", "seed=1"], "a model has its own"),
    ],
)
def test_wrong_usage_is_status_2(evaluate, songs, model_path, words, says):
    run = evaluate(*(model_path if word == "model" else word for word in words), "--data", songs.source)
    assert run.status == 2
    assert says in run.err


@pytest.fixture
def table(genrekit, songs, tmp_path):
    """A table of features with sides that somebody published."""
    path = tmp_path / "features.csv"
    folder = songs.examples[0].path.parent.parent
    assert genrekit("datasets", "features", folder, "-o", path, "--window-s", 4, "-j", 1).status == 0
    header, *lines = path.read_text().splitlines()
    sides = ("train", "train", "test", "valid")
    path.write_text(
        "\n".join([f"{header},split", *(f"{line},{sides[i % 4]}" for i, line in enumerate(lines))])
    )
    return path


def test_the_side_is_the_one_that_the_training_made_not_the_published_one(
    genrekit, evaluate, table, tmp_path
):
    model = tmp_path / "m.genrekit"
    words = ["--data", table, "-o", model, *QUICK, "--set", "window_s=4", "--format", "json"]
    trained = json.loads(genrekit("train", *words, "--split-by", "random", "--test-size", 0.4).out)
    again = json.loads(evaluate(model, "--data", table, "--split", "test").out)
    assert again["split"] == trained["split"]
    assert again["metrics"] == trained["metrics"]


def test_a_refitted_model_on_its_own_test_side_is_inflated(genrekit, evaluate, songs, tmp_path):
    model = tmp_path / "m.genrekit"
    assert genrekit("train", "--data", songs.source, "-o", model, *QUICK, "--refit", "-j", 1).status == 0
    run = evaluate(model, "--data", songs.source, "--split", "test")
    assert json.loads(run.out)["inflated"]
    assert "has learned from these" in run.err
    assert json.loads(evaluate(model, "--data", songs.source, "--split", "train").out)["inflated"]


def test_rows_of_another_window_length_are_refused(evaluate, genrekit, table):
    run = genrekit("train", "--data", table, *QUICK)
    assert run.status == 1
    assert "describe 4 s of sound each; window_s is 2" in run.err
