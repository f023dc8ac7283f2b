"""``genrekit runs``."""

import csv
import io
import json
import shutil


def test_a_leaderboard_in_every_form(genrekit, model_path, network, tmp_path):
    shutil.copy(model_path, tmp_path / "a.genrekit")
    shutil.copy(network.path, tmp_path / "b.genrekit")
    run = genrekit("runs", tmp_path)
    assert run.status == 0, run.err
    names = [line.split()[0] for line in run.out.splitlines()[1:]]
    assert sorted(names) == ["a", "b"]
    rows = list(csv.DictReader(io.StringIO(genrekit("runs", tmp_path, "-f", "csv").out)))
    assert [row["run"] for row in rows] == names
    found = json.loads(genrekit("runs", tmp_path, "--sort", "name", "-f", "json").out)
    assert [one["name"] for one in found] == ["a", "b"]
    run = genrekit("runs", tmp_path, "--diff", "a", "b")
    assert "classifier" in run.out
    assert json.loads(genrekit("runs", tmp_path, "--diff", "a", "a", "-f", "json").out) == []


def test_wrong_usage_is_explained(genrekit, tmp_path):
    run = genrekit("runs", tmp_path)
    assert (run.status, run.out) == (0, "")
    assert "no bundles" in run.err
    assert genrekit("runs", tmp_path / "none").status == 2
    assert genrekit("runs", tmp_path, "--diff", "a", "b").status == 2
