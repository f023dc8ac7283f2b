import json
import os
import signal
import subprocess
import sys

import pytest
from support import quick

from genrekit.backends.gtzan.estimators import build_classifier
from genrekit.models.bundle import load

QUICK = quick.as_words(quick.GTZAN)


@pytest.fixture
def train(genrekit, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *words: genrekit("train", "--jobs", 1, *QUICK, *words)


def test_a_bundle_with_its_numbers(train, songs, tmp_path):
    run = train("--data", songs.source, "-o", "m.genrekit", "--report", "report", "--format", "json")
    assert run.status == 0, run.err
    report = json.loads(run.out)
    manifest = load(tmp_path / "m.genrekit").manifest
    assert manifest.labels == songs.labels
    assert manifest.metrics["metrics"] == report["metrics"]
    assert manifest.metrics["n_examples"] == report["n_examples"] > 0
    assert manifest.config["classifier"] == "logistic"
    assert manifest.data["fingerprint"] == songs.fingerprint
    assert {path.name for path in (tmp_path / "report").iterdir()} >= {
        "report.json",
        "confusion.png",
        "predictions.csv",
    }
    assert "saved m.genrekit" in run.err


def test_the_same_command_gives_the_same_bytes(train, songs, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        assert train("--data", songs.source, "-o", f"{name}/m.genrekit").status == 0
    assert (tmp_path / "a/m.genrekit").read_bytes() == (tmp_path / "b/m.genrekit").read_bytes()


def test_nothing_is_overwritten_unless_asked(train, songs, tmp_path):
    (tmp_path / "m.genrekit").write_text("precious")
    run = train("--data", songs.source, "-o", "m.genrekit")
    assert run.status == 2
    assert "exists" in run.err
    assert (tmp_path / "m.genrekit").read_text() == "precious"


def test_a_random_split_of_groups_is_called_inflated(train, songs):
    run = train("--data", songs.source, "--split-by", "random", "-o", "m.genrekit")
    assert run.status == 0
    assert run.out.startswith("The numbers are inflated")


def test_refit_keeps_the_numbers_and_says_so(train, songs, tmp_path):
    plain = json.loads(train("--data", songs.source, "-o", "p.genrekit", "--format", "json").out)
    refit = json.loads(train("--data", songs.source, "-o", "r.genrekit", "--format", "json", "--refit").out)
    assert plain == refit
    assert load(tmp_path / "r.genrekit").manifest.data["fitted_on"].startswith("all splits")
    assert load(tmp_path / "p.genrekit").onnx != load(tmp_path / "r.genrekit").onnx


def test_broken_files_are_left_out_and_listed(train, songs, tmp_path):
    folder = tmp_path / "music"
    for example in songs.examples:
        target = folder / example.labels[0] / example.path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(example.path.read_bytes())
    (folder / songs.labels[0] / "broken.wav").write_bytes(b"RIFF....WAVEjunk")
    run = train("--data", folder, "-o", "m.genrekit")
    assert run.status == 0, run.err
    assert "broken.wav" in run.err


@pytest.mark.parametrize(
    ("labels", "says"),
    [(("rock", "rock"), "two labels or more"), (("rock",), "two labels or more")],
)
def test_too_little_to_learn_from_is_said(train, songs, tmp_path, labels, says):
    manifest = tmp_path / "list.csv"
    lines = [f"{e.path},{label}" for e, label in zip(songs.examples, labels, strict=False)]
    manifest.write_text("path,label\n" + "\n".join(lines) + "\n")
    run = train("--data", manifest, "-o", "m.genrekit", "--test-size", 0, "--valid-size", 0)
    assert run.status == 1
    assert says in run.err
    assert not (tmp_path / "m.genrekit").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--set", "clasifier=svm"], "did you mean 'classifier'"),
        (["--backend", "gtsan"], "Did you mean 'gtzan'"),
        (["--seed", "-1"], "--seed"),
        (["--config", "missing.yaml"], "cannot be read"),
        (["--split-by", "chance"], "chance"),
    ],
)
def test_wrong_usage_is_status_2(train, songs, words, says):
    run = train("--data", songs.source, *words)
    assert run.status == 2
    assert says in run.err


def test_sources_that_are_none(train, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "list.csv").write_text("path,label\ngone.wav,rock\n")
    for source, status in {"empty": 1, "missing": 2, "list.csv": 1, "synthetik:": 2}.items():
        run = train("--data", source)
        assert run.status == status, source
        assert run.err.startswith("genrekit: ")


def test_an_example_whose_label_training_lacks_is_not_learned_as_another(train, songs, tmp_path):
    manifest = tmp_path / "list.csv"
    rows = [
        f"{e.path},{'zydeco' if i == 0 else e.labels[0]},{e.group},{'valid' if i == 0 else 'train' if i % 3 else 'test'}"
        for i, e in enumerate(songs.examples)
    ]
    manifest.write_text("\n".join(["path,label,group,split", *rows]) + "\n")
    run = train("--data", manifest, "-o", "m.genrekit")
    assert run.status == 0, run.err
    assert load(tmp_path / "m.genrekit").manifest.labels == songs.labels


def test_an_output_that_cannot_be_written_is_found_before_the_work(train, songs, tmp_path):
    for output in ("missing/m.genrekit", "."):
        run = train("--data", songs.source, "-o", output)
        assert run.status == 2
        assert "preparing" not in run.err
        assert "examples as synthetic" not in run.err


@pytest.mark.night
def test_ctrl_c_while_comparing_leaves_with_130(songs, tmp_path):
    words = [
        sys.executable,
        "-m",
        "genrekit",
        "train",
        "--data",
        songs.source,
        "-o",
        str(tmp_path / "m.genrekit"),
    ]
    with subprocess.Popen([*words, "--set", "window_s=2"], stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            if line.startswith("  svm"):  # the first of the candidates is done, the others are not
                break
        process.send_signal(signal.SIGINT)
        assert process.stderr.read().strip().endswith("genrekit: interrupted")
    assert process.returncode == 130
    assert not list(tmp_path.iterdir())


def test_ctrl_c_in_the_comparison_leaves_nothing(genrekit, songs, tmp_path, monkeypatch):
    def interrupted(classifier, *, seed):
        if classifier == "svm":  # the first of the candidates is fitted, the others are not
            os.kill(os.getpid(), signal.SIGINT)
        return build_classifier(classifier, seed=seed)

    monkeypatch.setattr("genrekit.backends.gtzan.comparison.build_classifier", interrupted)
    run = genrekit("train", songs.source, "--set", "window_s=2", "-o", tmp_path / "m.genrekit")
    assert run.status == 130
    assert run.err.strip().endswith("genrekit: interrupted")
    assert not list(tmp_path.iterdir())


def test_a_fit_that_says_nothing_for_a_minute_is_reported(genrekit, songs, tmp_path, monkeypatch):
    monkeypatch.setattr("genrekit.progress.LINE_EVERY_S", 0.02)
    run = genrekit("train", songs.source, *QUICK, "-o", tmp_path / "m.genrekit")
    assert run.status == 0
    assert "training: 1 min so far, at: " in run.err or "comparing: " in run.err


def test_a_learning_curve_ends_in_a_sentence(genrekit, tracks_csv, tmp_path):
    settings = [word for key, value in quick.SPOTIFY.items() for word in ("--set", f"{key}={value}")]
    words = ("train", tracks_csv, "--backend", "spotify", "-o", tmp_path / "a.genrekit", *settings)
    run = genrekit(*words, "--learning-curve", 3)
    assert run.status == 0, run.err
    assert "per doubling of the groups" in run.err
    assert (tmp_path / "a.learning.png").is_file()
    assert genrekit(*words, "--learning-curve", 1).status == 2
    (tmp_path / "a.genrekit").unlink()
    assert genrekit(*words, "--learning-curve", 3).status == 2
