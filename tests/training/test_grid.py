"""Grid search: grouped folds, a table that survives an interruption, and an untouched test split."""

from __future__ import annotations

import csv
from dataclasses import replace
from importlib import import_module
from typing import ClassVar

import numpy as np
import pytest
from pydantic import Field
from support import quick
from support.linear_backend import LinearBackend, LinearConfig
from support.night import day_and_night

from genrekit.backends import parse_grid
from genrekit.backends.registry import get
from genrekit.datasets import open_dataset
from genrekit.datasets.splits import SplitOptions, make_split
from genrekit.errors import ConfigError, DatasetError, MediaError, OutputExistsError, TrainingError
from genrekit.evaluation.evaluate import evaluate
from genrekit.models.bundle import load
from genrekit.training.combinations import combinations
from genrekit.types import Modality

training = import_module("genrekit.training.train")  # its package names the function so

QUICK = {key: value for key, value in quick.SPOTIFY.items() if key != "max_depth"} | {"n_estimators": 4}
GRID = {"max_depth": [1, 3], "learning_rate": [0.1, 0.3]}


@pytest.fixture
def search(tracks_csv, tmp_path):
    """Train with a grid; gives what was said."""

    def run(grid=GRID, **options):
        said: list[str] = []
        training.train(
            tracks_csv,
            backend="spotify",
            config=options.pop("config", QUICK),
            output=tmp_path / "m.genrekit",
            grid=grid,
            say=said.append,
            **options,
        )
        return said

    return run


def rows(tmp_path):
    with (tmp_path / "m.grid.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_combination_is_measured_and_the_best_is_trained(search, tmp_path):
    search()
    table = rows(tmp_path)
    assert {(row["max_depth"], row["learning_rate"]) for row in table} == {
        ("1", "0.1"),
        ("1", "0.3"),
        ("3", "0.1"),
        ("3", "0.3"),
    }
    best = min(table, key=lambda row: float(row["log_loss"]))
    manifest = load(tmp_path / "m.genrekit").manifest
    assert str(manifest.config["max_depth"]) == best["max_depth"]
    assert str(manifest.config["learning_rate"]) == best["learning_rate"]
    assert manifest.history["grid"][0]["log_loss"] == pytest.approx(float(best["log_loss"]), abs=1e-4)


@pytest.mark.night
def test_an_interrupted_search_goes_on(search, tmp_path):
    search()
    whole = (tmp_path / "m.grid.csv").read_text()
    bundle = (tmp_path / "m.genrekit").read_bytes()
    lines = whole.splitlines(keepends=True)
    (tmp_path / "m.genrekit").unlink()
    (tmp_path / "m.grid.csv").write_text("".join(lines[:3]) + lines[3][:50])
    said = search()
    assert any("4 combinations" in line and "2 of them done before" in line for line in said)
    assert sorted((tmp_path / "m.grid.csv").read_text().splitlines()) == sorted(whole.splitlines())
    assert (tmp_path / "m.genrekit").read_bytes() == bundle


def test_a_search_that_was_cut_off_in_its_first_row_starts_again(search, tmp_path):
    search({"max_depth": [2]})
    whole = (tmp_path / "m.grid.csv").read_text()
    (tmp_path / "m.genrekit").unlink()
    (tmp_path / "m.grid.csv").write_text(whole.splitlines(keepends=True)[0] + "8d5ad7")
    search({"max_depth": [2]})
    assert (tmp_path / "m.grid.csv").read_text() == whole


def test_a_file_of_somebody_else_is_left_alone(search, tmp_path):
    (tmp_path / "m.grid.csv").write_text("a,b\n")
    with pytest.raises(OutputExistsError, match="another grid search"):
        search({"max_depth": [2]})
    assert (tmp_path / "m.grid.csv").read_text() == "a,b\n"


@pytest.mark.night
def test_processes_find_the_same(search, tmp_path):
    search()
    alone = (tmp_path / "m.genrekit").read_bytes()
    for path in tmp_path.iterdir():
        path.unlink()
    search(jobs=2)
    assert load(tmp_path / "m.genrekit").manifest.config == load_bytes(alone).manifest.config


def load_bytes(data):
    from genrekit.models.bundle import loads

    return loads(data)


def test_the_table_of_another_search_is_kept(search, tmp_path):
    search()
    (tmp_path / "m.genrekit").unlink()
    with pytest.raises(OutputExistsError, match="another grid search"):
        search(config={**QUICK, "seed": 1})
    search(config={**QUICK, "seed": 1}, overwrite=True)
    assert len({row["run"] for row in rows(tmp_path)}) == 1


def test_the_test_split_is_not_looked_at(search, tracks_csv, tmp_path, monkeypatch):
    from genrekit.training import trials

    split_of, seen = [], set()
    make = training.make_split
    monkeypatch.setattr(
        training, "make_split", lambda *a, **k: split_of.append(make(*a, **k)) or split_of[-1]
    )
    fit = trials.fit_folds
    monkeypatch.setattr(
        trials,
        "fit_folds",
        lambda backend, config, prepared, folds, say, **more: [
            seen.update(i for fold in folds for side in (fold.train, fold.valid, fold.test) for i in side),
            fit(backend, config, prepared, folds, say, **more),
        ][1],
    )
    search({"max_depth": [2]})
    assert seen
    assert not seen & set(split_of[0].test)


def test_a_combination_that_cannot_be_fitted_is_named(points, tmp_path):
    class Broken(LinearBackend):
        def fit(self, train, valid, labels, config, progress):
            if config.seed == 2:
                raise RuntimeError("no memory")
            return super().fit(train, valid, labels, config, progress)

    training.train(points, backend=Broken(), output=tmp_path / "m.genrekit", grid={"seed": [1, 2]})
    assert load(tmp_path / "m.genrekit").manifest.config["seed"] == 1
    assert [(row["seed"], row["state"]) for row in rows(tmp_path)] == [("1", "complete"), ("2", "fail")]
    assert "no memory" in rows(tmp_path)[1]["reason"]
    with pytest.raises(TrainingError, match=r"All 1 combinations of the grid failed; .*no memory"):
        training.train(points, backend=Broken(), output=tmp_path / "b.genrekit", grid={"seed": [2]})


GTZAN = {"classifier": "logistic", "transform": "standard", "folds": 2}


def test_every_candidate_is_measured_on_its_own_windows(songs, tmp_path):
    grid = {"seed": [3], "window_s": [2.0, 1]}
    output = tmp_path / "m.genrekit"
    training.train(songs.source, config=GTZAN, output=output, grid=grid)
    manifest = load(output).manifest
    together = {row["window_s"]: row["log_loss"] for row in manifest.history["grid"]}
    assert len(set(together.values())) == len(grid["window_s"])
    for window_s in grid["window_s"]:
        alone = tmp_path / f"{window_s}.genrekit"
        one = {**grid, "window_s": [window_s]}
        training.train(songs.source, config=GTZAN, output=alone, grid=one)
        (row,) = load(alone).manifest.history["grid"]
        assert row["log_loss"] == together[window_s]
    best = min(together, key=together.__getitem__)
    assert manifest.config["window_s"] == best
    chosen, direct = load(output).files, load(tmp_path / f"{best}.genrekit").files
    assert {**chosen, "README.md": b""} == {**direct, "README.md": b""}  # the card has the name
    assert manifest.metrics == load(tmp_path / f"{best}.genrekit").manifest.metrics


class ScaledConfig(LinearConfig):
    """Settings of which two change what is prepared."""

    scale: float = Field(1.0, description="What rows are multiplied by.")
    least: float = Field(-1e9, description="Rows below cannot be prepared.")
    other: int = Field(0, description="Nothing depends on it.")


class ScaledBackend(LinearBackend):
    """Rows, multiplied; counts what it prepares."""

    info: ClassVar = replace(LinearBackend.info, prepare_keys=("scale", "least"))
    Config: ClassVar = ScaledConfig

    def __init__(self):
        self.seen = []

    def prepare(self, example, config):
        """Take the row, scaled."""
        self.seen.append((example.id, config.scale, config.least))
        if example.row["x"] < config.least:
            raise MediaError("too small")
        windows = super().prepare(example, config)
        return type(windows)(windows.values * np.float32(config.scale))


@pytest.fixture
def points(tmp_path):
    """A table of 60 rows of two labels; x of every tenth row is small."""
    rng = np.random.default_rng(0)
    path = tmp_path / "points.csv"
    rows = [
        f"{x},{y},{'ab'[i % 2]}" for i, (x, y) in enumerate(rng.normal(0, 1, (60, 2)) + [[0, 0], [1, 1]] * 30)
    ]
    path.write_text("\n".join(["x,y,label", *rows]) + "\n")
    return path


def test_examples_are_prepared_once_per_combination_that_matters(points, tmp_path):
    backend = ScaledBackend()
    grid = {"scale": [0.1, 1, 1.0, 0.3], "other": [0, 1, 2]}
    training.train(points, backend=backend, output=tmp_path / "m.genrekit", grid=grid)
    assert len(backend.seen) == 3 * 60
    assert len(set(backend.seen)) == 3 * 60
    losses = {row["scale"]: row["log_loss"] for row in load(tmp_path / "m.genrekit").manifest.history["grid"]}
    assert len(set(losses.values())) == 3
    assert load(tmp_path / "m.genrekit").manifest.config["scale"] == min(losses, key=losses.__getitem__)


def test_candidates_are_compared_on_the_examples_that_all_of_them_have(points, tmp_path):
    said = []
    grid = {"least": [-0.5, -1e9]}
    training.train(
        points, backend=ScaledBackend(), output=tmp_path / "m.genrekit", grid=grid, say=said.append
    )
    losses = [row["log_loss"] for row in load(tmp_path / "m.genrekit").manifest.history["grid"]]
    assert losses[0] == losses[1]
    assert any("examples that some of the settings cannot prepare" in line for line in said)


def test_rows_of_another_window_length_are_refused_for_every_candidate(tmp_path):
    from genrekit.features.schema import GTZAN_COLUMNS

    path = tmp_path / "rows.csv"
    lines = [["filename", "length", *GTZAN_COLUMNS, "label"]]
    lines += [
        [f"{i}.wav", 661794, *[str(i + k) for k in range(len(GTZAN_COLUMNS))], "ab"[i % 2]] for i in range(20)
    ]
    path.write_text("\n".join(",".join(map(str, line)) for line in lines) + "\n")
    with pytest.raises(DatasetError, match="describe 30 s of sound"):
        training.train(
            path, config={"window_s": 30}, output=tmp_path / "m.genrekit", grid={"window_s": [30, 3]}
        )
    assert not (tmp_path / "m.genrekit").exists()


def test_models_of_one_label_and_of_several_are_not_compared(search, tmp_path):
    with pytest.raises(ConfigError, match="a grid cannot compare"):
        search({"multilabel": [True, False]})


@pytest.mark.parametrize(
    "options", day_and_night([SplitOptions(seed=7), None, SplitOptions(by="random", test_size=0.3)], day=1)
)
def test_the_split_keeps_its_seed_whatever_seed_a_candidate_has(options, search, tracks_csv, tmp_path):
    said = []
    search({"seed": [3, 1, 2]}, config={**QUICK, "seed": 5, "subsample": 0.5}, options=options)
    manifest = load(tmp_path / "m.genrekit").manifest
    made = manifest.data["split"]
    assert made["seed"] == (7 if options and options.seed else 5)
    assert manifest.config["seed"] in (1, 2, 3)
    examples = open_dataset(tracks_csv, modality=Modality.TABLE).examples
    held_out = make_split(examples, **{key: made[key] for key in ("by", "test_size", "valid_size", "seed")})
    again = evaluate(tmp_path / "m.genrekit", tracks_csv, split="test", say=said.append)
    assert {row[0] for row in again.rows} == {examples[i].id for i in held_out.test}
    assert again.report.metrics["accuracy"].value == manifest.metrics["metrics"]["accuracy"]["value"]
    assert again.report.inflated == (made["by"] == "random")  # its groups are separated; nothing else is said
    assert not any("has learned" in line for line in said)


def test_wrong_grids():
    with pytest.raises(ConfigError, match="no value for 'max_depth'"):
        combinations({"max_depth": []})
    with pytest.raises(ConfigError, match="1,000 are allowed"):
        combinations({"a": range(100), "b": range(11)})


def test_a_wrong_setting_is_found_before_anything_is_fitted(search, tmp_path):
    with pytest.raises(ConfigError, match="max_depth"):
        search({"max_depth": [3, -1]})
    assert not (tmp_path / "m.grid.csv").exists()


@pytest.mark.parametrize("text", ["", "{}", "# nothing yet\n"])
def test_a_grid_without_keys_is_refused(tmp_path, text):
    (tmp_path / "grid.yaml").write_text(text)
    with pytest.raises(ConfigError, match="grid is empty"):
        parse_grid(get("gtzan"), [str(tmp_path / "grid.yaml")])
