"""Grid search: grouped folds, a table that survives an interruption, and no look at the test side."""

from __future__ import annotations

import csv

import pytest
from support import quick

from genrekit.errors import ConfigError, OutputExistsError
from genrekit.models.bundle import load
from genrekit.training import train as training
from genrekit.training.grid import combinations

QUICK = {key: value for key, value in quick.SPOTIFY.items() if key != "max_depth"}
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


def test_the_test_side_is_not_looked_at(search, tracks_csv, tmp_path, monkeypatch):
    from genrekit.training import grid

    split_of, seen = [], set()
    make = training.make_split
    monkeypatch.setattr(
        training, "make_split", lambda *a, **k: split_of.append(make(*a, **k)) or split_of[-1]
    )
    cross = grid.cross_fit
    monkeypatch.setattr(
        grid,
        "cross_fit",
        lambda backend, config, material, folds, say: [
            seen.update(i for fold in folds for side in (fold.train, fold.valid, fold.test) for i in side),
            cross(backend, config, material, folds, say),
        ][1],
    )
    search({"max_depth": [2]})
    assert seen
    assert not seen & set(split_of[0].test)


def test_wrong_grids():
    with pytest.raises(ConfigError, match="no value for 'max_depth'"):
        combinations({"max_depth": []})
    with pytest.raises(ConfigError, match="1,000 are allowed"):
        combinations({"a": range(100), "b": range(11)})


def test_a_wrong_setting_is_found_before_anything_is_fitted(search, tmp_path):
    with pytest.raises(ConfigError, match="max_depth"):
        search({"max_depth": [3, -1]})
    assert not (tmp_path / "m.grid.csv").exists()
