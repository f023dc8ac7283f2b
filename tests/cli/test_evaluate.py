import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score
from support import quick

from genrekit import predict
from genrekit.evaluation.report_text import FILES
from genrekit.prediction import PredictOptions

QUICK = quick.as_words(quick.GTZAN)


@pytest.fixture
def evaluate(genrekit):
    return lambda *words: genrekit("evaluate", "--jobs", 1, "--format", "json", *words)


def test_the_test_split_of_the_training_comes_back(evaluate, model_path, songs):
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


def test_other_data_has_no_splits_to_remake(evaluate, model_path):
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
        (["--backend", "gtzan"], "go together"),
        (["--backend", "gtzan", "--cv", "3", "--split", "test"], "--split"),
        (["model", "--set", "seed=1"], "a model has its own"),
    ],
)
def test_wrong_usage_is_status_2(evaluate, songs, model_path, words, says):
    run = evaluate(*(model_path if word == "model" else word for word in words), "--data", songs.source)
    assert run.status == 2
    assert says in run.err


def test_only_some_labels_compete(evaluate, model_path, songs, tmp_path):
    chosen = songs.labels[:2]
    words = [model_path, "--data", songs.source, "--labels", ", ".join(chosen).upper()]
    run = evaluate(*words, "--report", tmp_path / "r")
    assert run.status == 0, run.err
    report = json.loads(run.out)
    assert report["labels"] == list(chosen)
    assert report["n_examples"] == sum(e.labels[0] in chosen for e in songs.examples)
    assert (
        f"{sum(e.labels[0] not in chosen for e in songs.examples)} examples of other labels left out"
        in report["split"]
    )
    table = pd.read_csv(tmp_path / "r" / "predictions.csv")
    predicted = list(
        predict(
            [e.path for e in songs.examples if e.labels[0] in chosen],
            model=[model_path],
            options=PredictOptions(labels=chosen),
        )
    )
    assert table["predicted"].tolist() == [one.label for one in predicted]
    assert table["score"].tolist() == pytest.approx([one.score for one in predicted], abs=2e-6)
    assert np.allclose(table[[f"score:{label}" for label in chosen]].sum(axis=1), 1)
    for labels, status, says in (
        ("polka,rock", 2, "does not know"),
        (chosen[0], 2, "cannot compete"),
    ):
        run = evaluate(model_path, "--data", songs.source, "--labels", labels)
        assert run.status == status
        assert says in run.err
    run = evaluate("--backend", "gtzan", "--cv", 3, "--data", songs.source, "--labels", chosen[0])
    assert run.status == 2


def test_every_figure_is_in_the_table_of_predictions(evaluate, model_path, songs, tmp_path):
    """From predictions.csv alone, by other code."""
    spellings = {songs.labels[0]: "zydeco"}
    manifest = tmp_path / "list.csv"
    lines = [f"{e.path},{spellings.get(e.labels[0], e.labels[0])},{e.group}" for e in songs.examples]
    manifest.write_text("path,label,group\n" + "\n".join(lines) + "\n")
    run = evaluate(model_path, "--data", manifest, "--report", tmp_path / "r")
    assert run.status == 0, run.err
    report = json.loads(run.out)
    table = pd.read_csv(tmp_path / "r" / "predictions.csv", keep_default_na=False)
    labels = np.array(report["labels"])
    assert list(table.columns[5:]) == [f"score:{label}" for label in labels]
    scores = table.iloc[:, 5:].to_numpy()
    right = table["label"].to_numpy() == table["predicted"].to_numpy()
    known = table["label"].isin(labels).to_numpy()
    values = {name: estimate["value"] for name, estimate in report["metrics"].items()}
    assert labels[scores.argmax(axis=1)].tolist() == table["predicted"].tolist()
    assert values["accuracy"] == pytest.approx(right.mean())
    true = [scores[i, labels.tolist().index(label)] for i, label in enumerate(table["label"]) if known[i]]
    assert values["log_loss"] == pytest.approx(-np.log(true).mean(), rel=1e-5)
    answered = [label for label in labels if label in {*table["label"], *table["predicted"]}]
    f1 = {
        label: f1_score(table["label"] == label, table["predicted"] == label, zero_division=0)
        for label in answered
    }
    assert values["macro_f1"] == pytest.approx(np.mean(list(f1.values())))
    present = [f1[label] for label in answered if (table["label"] == label).any()]
    assert values["macro_f1_present"] == pytest.approx(np.mean(present))
    bins = np.ceil(scores.max(axis=1) * 15)
    gaps = [abs((scores.max(axis=1) - right)[bins == k].sum()) for k in set(bins)]
    assert values["expected_calibration_error"] == pytest.approx(sum(gaps) / len(table), abs=1e-6)
    groups = [group or f"alone {id_}" for group, id_ in zip(table["group"], table["id"], strict=True)]
    assert report["n_groups"] == len(set(groups))
    for i, row in enumerate(report["confusion"]):
        for j, n in enumerate(row):
            assert n == ((table["label"] == labels[i]) & (table["predicted"] == labels[j])).sum()
    names, of_group = np.unique([f"group {group}" for group in table["group"]], return_inverse=True)
    rng, draws = np.random.default_rng(report["interval"]["seed"]), []
    drawn = rng.integers(len(names), size=(report["interval"]["n_boot"], len(names)))
    for one in drawn:
        weight = np.bincount(one, minlength=len(names))[of_group]
        draws.append((weight * right).sum() / weight.sum())
    interval = report["metrics"]["accuracy"]
    assert np.quantile(draws, [0.025, 0.975]) == pytest.approx([interval["low"], interval["high"]])


@pytest.mark.night
@pytest.mark.parametrize("format", ["json", "text"])
def test_a_report_is_written_whole_though_nobody_reads_stdout(format, tracks_model, tracks_csv, tmp_path):
    reader, writer = os.pipe()
    os.close(reader)  # as head -1 leaves it, only earlier
    words = ["evaluate", tracks_model, "--data", tracks_csv, "--report", tmp_path / "r", "--format", format]
    done = subprocess.run(
        [sys.executable, "-m", "genrekit", *map(str, words)], stdout=writer, stderr=subprocess.PIPE, text=True
    )
    os.close(writer)
    assert "Traceback" not in done.stderr
    assert {path.name for path in (tmp_path / "r").iterdir()} == set(FILES)
    assert len(pd.read_csv(tmp_path / "r" / "predictions.csv")) == 240


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


def test_the_split_is_the_one_that_the_training_made_not_the_published_one(
    genrekit, evaluate, table, tmp_path
):
    model = tmp_path / "m.genrekit"
    words = ["--data", table, "-o", model, *QUICK, "--set", "window_s=4", "--format", "json"]
    trained = json.loads(genrekit("train", *words, "--split-by", "random", "--test-size", 0.4).out)
    again = json.loads(evaluate(model, "--data", table, "--split", "test").out)
    assert again["split"] == trained["split"]
    assert again["metrics"] == trained["metrics"]


def test_a_refitted_model_on_its_own_test_split_is_inflated(genrekit, evaluate, songs, tmp_path):
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
