"""Trainings of a folder as a leaderboard."""

import json
import shutil

import pytest

from genrekit.errors import UsageError
from genrekit.evaluation import differences, find_runs, sort_runs
from genrekit.models import load


@pytest.fixture
def folder(model_path, network, tmp_path):
    shutil.copy(model_path, tmp_path / "a.genrekit")
    shutil.copy(network.path, tmp_path / "b.genrekit")
    shutil.copytree(network.path.with_suffix(".run"), tmp_path / "b.run")
    shutil.copytree(network.path.with_suffix(".run"), tmp_path / "c.run")
    return tmp_path


def test_bundles_and_run_folders_of_one_name_are_one_run(folder):
    found = {run.name: run for run in find_runs(folder)}
    assert list(found) == ["a", "b", "c"]
    manifest = load(folder / "b.genrekit").manifest
    value = manifest.metrics["metrics"]["accuracy"]["value"]
    assert found["b"].metrics["accuracy"].value == found["c"].metrics["accuracy"].value == value
    assert found["c"].settings["epochs"] == manifest.config["epochs"]
    assert {run.state for run in found.values()} == {"finished"}


def test_interrupted_and_damaged_runs_are_listed(folder):
    (folder / "c.run" / "run.json").write_text(json.dumps({"backend": "spectrogram"}))
    (folder / "a.genrekit").write_bytes(b"PK nothing")
    shutil.copytree(folder / "b.run", folder / "d.run")
    (folder / "d.run" / "metrics.json").write_text("{")
    (folder / "e.run").mkdir()
    (folder / "e.run" / "config.yaml").write_text("- a list")
    states = {run.name: run.state for run in find_runs(folder)}
    assert states == {"a": "damaged", "b": "finished", "c": "interrupted", "d": "damaged", "e": "damaged"}
    assert all(run.note for run in find_runs(folder) if run.state == "damaged")


def test_the_best_comes_first_and_runs_without_a_number_last(folder):
    (folder / "c.run" / "metrics.json").unlink()
    for key, sign in (("accuracy", -1), ("log_loss", 1)):
        found = sort_runs(find_runs(folder), key)
        values = [sign * run.metrics[key].value for run in found if key in run.metrics]
        assert values == sorted(values)
        assert found[-1].name == "c"
    assert [run.name for run in sort_runs(find_runs(folder), "name")] == ["a", "b", "c"]


def test_what_differs(folder):
    runs = find_runs(folder)
    found = {(one.kind, one.name): (one.before, one.after) for one in differences(runs, "a", "b.genrekit")}
    assert found["setting", "backend"] == ("gtzan", "spectrogram")
    assert found["setting", "epochs"][0] is None
    assert ("metric", "accuracy") in found or ("metric", "log_loss") in found
    assert ("setting", "seed") not in found
    assert differences(runs, "a", "a") == []


def test_wrong_names_are_explained(folder):
    runs = find_runs(folder)
    with pytest.raises(UsageError, match="no run 'x'"):
        differences(runs, "a", "x")
    with pytest.raises(UsageError) as refused:
        sort_runs(runs, "acuracy")
    assert "accuracy" in refused.value.hint
    with pytest.raises(UsageError, match="is not a folder"):
        find_runs(folder / "none")
