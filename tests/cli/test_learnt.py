"""What a model learnt, asked on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from genrekit.datasets.base import Dataset
from genrekit.models.bundle import load
from genrekit.models.shipped import shipped_models

TRAIN = ["--set", "n_estimators=5", "--set", "max_depth=2", "--set", "min_child_weight=1"]


def test_a_data_set_is_checked_against_a_model(genrekit, songs: Dataset, model_path: Path) -> None:
    run = genrekit("datasets", "check", songs.source, "--against", model_path, "--jobs", 1)
    learnt = load(model_path).manifest.data["keys"]["sound"]
    assert run.status == 3
    assert (
        f"learnt {learnt} of {len(songs.examples)} examples; {len(songs.examples) - learnt} are new"
        in run.out
    )


def test_the_findings_name_what_was_learnt(genrekit, songs: Dataset, model_path: Path) -> None:
    words = ("datasets", "check", songs.source, "--against", model_path, "--format", "json", "--jobs", 1)
    (finding,) = [f for f in json.loads(genrekit(*words).out)["findings"] if f["kind"] == "learnt"]
    assert len(finding["ids"]) == load(model_path).manifest.data["keys"]["sound"]


def test_other_data_has_no_finding(genrekit, model_path: Path) -> None:
    source = "synthetic:?genres=3&songs=2&seconds=4&seed=9"
    run = genrekit("datasets", "check", source, "--against", model_path, "--jobs", 1)
    assert run.status == 0
    assert "learnt none of the 6 examples" in run.err


def test_a_table_is_checked_against_a_model(genrekit, tracks_csv: Path, tracks_model: Path) -> None:
    run = genrekit("datasets", "check", tracks_csv, "--against", tracks_model, "--jobs", 1)
    assert run.status == 3
    assert f"learnt {load(tracks_model).manifest.data['keys']['row']} of" in run.out


def test_a_training_without_keys(genrekit, tracks_csv: Path, tmp_path: Path) -> None:
    model = tmp_path / "m.genrekit"
    run = genrekit("train", "--backend", "spotify", "--data", tracks_csv, "--no-keys", "-o", model, *TRAIN)
    assert run.status == 0, run.err
    assert load(model).learnt is None
    run = genrekit("datasets", "check", tracks_csv, "--against", model, "--jobs", 1)
    assert "has no content keys" in run.err


@pytest.fixture
def old_model(tracks_model: Path, tmp_path: Path) -> Path:
    """A bundle of format 1, as genrekit 0.1 wrote them: other keys in the manifest, and a payload of its own."""
    from support.old_bundle import as_format_1

    path = tmp_path / "old.genrekit"
    path.write_bytes(as_format_1(load(tracks_model)))
    return path


def test_a_bundle_of_format_1_answers_as_before(
    genrekit, tracks_model: Path, old_model: Path, tracks_csv: Path
) -> None:
    new, old = (
        genrekit("predict", tracks_csv, "--model", model, "--format", "json")
        for model in (tracks_model, old_model)
    )
    assert old.status == new.status == 0
    scores = [[row["scores"] for row in json.loads(run.out)] for run in (old, new)]
    assert scores[0] == scores[1]


def test_its_payload_is_not_read_and_a_message_says_so(genrekit, old_model: Path, tracks_csv: Path) -> None:
    run = genrekit("predict", tracks_csv, "--model", old_model, "--explain")
    assert run.status != 0
    assert "is a bundle of format 1" in run.err + run.out
    assert "Train it again" in run.err + run.out


def test_its_graph_scores_rows_in_bulk(
    genrekit, old_model: Path, tracks_csv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("genrekit.prediction.table_rows.MANY", 10)
    run = genrekit("predict", tracks_csv, "--model", old_model)
    assert run.status == 0
    assert "is of format 1: its graph scores the rows" in run.err


def test_it_is_measured_without_keys(genrekit, old_model: Path, tracks_csv: Path) -> None:
    run = genrekit("evaluate", old_model, "--data", tracks_csv, "--format", "json")
    assert run.status == 0, run.err
    assert "learnt" not in json.loads(run.out)


def test_every_shipped_model_can_be_listed(genrekit) -> None:
    assert len(genrekit("models").out.splitlines()) == len(shipped_models())
