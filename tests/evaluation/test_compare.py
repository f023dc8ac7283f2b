"""Comparison of models: the same examples, ties, common labels, and what was learnt."""

from dataclasses import replace

import numpy as np
import pytest
from support import quick
from support.linear_backend import LinearBackend

from genrekit.errors import DatasetError, UsageError
from genrekit.evaluation import (
    compare,
    compare_recipes,
    comparison_csv,
    comparison_html,
    comparison_markdown,
    measure_cost,
)
from genrekit.prediction import load_model
from genrekit.training import train

OTHERS = "synthetic:?genres=3&songs=3&seconds=4&seed=9"


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A table of two columns that a linear model reads, with three labels in 30 groups."""
    rng = np.random.default_rng(0)
    lines = ["x,y,label,artist"]
    for i in range(90):
        label = ("jazz", "pop", "rock")[i % 3]
        x, y = rng.normal([(0, 2), (2, 0), (-2, -2)][i % 3], 0.7)
        lines.append(f"{x:.3f},{y:.3f},{label},artist {i // 3}")
    path = tmp_path_factory.mktemp("compare") / "rows.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_model_against_itself_is_tied_with_difference_0(model_path):
    found = compare([model_path, model_path], OTHERS, cost=False)
    assert [one.rank for one in found.models] == [1, 1]
    assert [one.name for one in found.models] == ["tiny", "tiny (2)"]
    second = found.models[1].differences["accuracy"]
    assert (second.value, second.low, second.high) == (0, 0, 0)
    assert "not told apart" in comparison_markdown(found)


def test_two_models_are_measured_on_the_same_examples(model_path, network):
    found = compare([model_path, network.path], OTHERS, cost=False)
    assert {one.report.n_examples for one in found.models} == {9}
    best = found.models[0]
    assert best.rank == 1
    assert all(estimate.value == 0 for estimate in best.differences.values())
    other = found.models[1]
    for name in ("accuracy", "macro_f1", "log_loss"):
        value = other.report.metrics[name].value - best.report.metrics[name].value
        assert other.differences[name].value == pytest.approx(value)


def test_what_a_model_learnt_is_said(model_path, network, songs):
    found = compare([model_path, network.path], songs.source, cost=False)
    assert sum("not comparable" in note for note in found.notes) == 2
    found = compare([model_path, network.path], songs.source, split="test", cost=False)
    assert not [note for note in found.notes if "not comparable" in note]
    assert {one.report.n_examples for one in found.models} == {
        load_model(model_path).bundle.manifest.metrics["n_examples"]
    }


def test_only_the_labels_that_all_know_compete(model_path, tmp_path):
    source = "synthetic:?genres=4&songs=6&seconds=4&seed=1"
    path = tmp_path / "more.genrekit"
    train(source, backend="gtzan", config=quick.GTZAN, output=path)
    found = compare([model_path, path], "synthetic:?genres=4&songs=3&seconds=4&seed=9", cost=False)
    assert set(found.labels) == set(load_model(model_path).labels)
    assert any("examples of them are left out" in note for note in found.notes)
    assert {one.report.n_examples for one in found.models} == {9}


def test_cost_is_measured_in_a_process_of_its_own(model_path, monkeypatch):
    costs = []

    def once(*task):  # both are the same model
        costs[:] = costs or [measure_cost(*task)]
        return costs[0]

    monkeypatch.setattr("genrekit.evaluation.leaderboard.measure_cost", once)
    found = compare([model_path, model_path], OTHERS)
    for one in found.models:
        assert one.cost.ms > 0
        assert one.cost.memory_mb is None or one.cost.memory_mb > 1
        assert one.size_mb == pytest.approx(model_path.stat().st_size / 1e6)


def test_recipes_share_their_folds(songs):
    found = compare_recipes(
        [("standard", "gtzan", quick.GTZAN), ("robust", "gtzan", {**quick.GTZAN, "window_s": 3})],
        songs.source,
        k=3,
        cost=False,
    )
    assert {one.name for one in found.models} == {"standard", "robust"}
    assert {one.report.n_examples for one in found.models} == {len(songs.examples)}
    assert "3-fold" in found.split
    assert found.models[0].size_mb is None


def test_several_labels_are_ranked_by_macro_f1(table):
    recipes = [("one", LinearBackend(), {"multilabel": True}), ("two", LinearBackend(), {"multilabel": True})]
    found = compare_recipes(recipes, table, k=3, cost=False)
    assert found.by == "macro_f1"
    assert [one.rank for one in found.models] == [1, 1]
    assert "Reliability" not in comparison_html(found)


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1", "log_loss"])
def test_ranks_by_each_metric(table, metric):
    recipes = [("one", LinearBackend(), None), ("two", LinearBackend(), None)]
    assert compare_recipes(recipes, table, k=3, by=metric, cost=False).by == metric


@pytest.mark.usefixtures("drawn_charts")
def test_the_page_has_pictures_and_escapes_names(table):
    recipes = [("<b>one</b>", LinearBackend(), None), ("two|2", LinearBackend(), None)]
    found = compare_recipes(recipes, table, k=3, cost=False)
    page = comparison_html(found)
    assert page.count("data:image/png;base64,") == 4
    assert "<b>one" not in page
    assert "<script" not in page
    assert "http" not in page
    rows = [line for line in comparison_markdown(found).splitlines() if "two" in line]
    assert "two\\|2" in rows[0]


def test_csv_has_a_row_per_model_with_the_same_columns(table):
    recipes = [("one", LinearBackend(), None), ("two", LinearBackend(), None)]
    lines = comparison_csv(compare_recipes(recipes, table, k=3, cost=False)).splitlines()
    assert len(lines) == 3
    assert len({line.count(",") for line in lines}) == 1


def test_wrong_comparisons_are_refused(model_path, tracks_model, table):
    with pytest.raises(UsageError, match="two models"):
        compare([model_path], OTHERS)
    with pytest.raises(UsageError, match=r"takes audio.*takes table"):
        compare([model_path, tracks_model], OTHERS)
    with pytest.raises(UsageError, match="cannot be compared"):
        compare(["encoder", "tags"], OTHERS)
    with pytest.raises(UsageError, match="beauty"):
        compare([model_path, model_path], OTHERS, by="beauty", cost=False)
    recipes = [("one", LinearBackend(), None), ("two", LinearBackend(), {"multilabel": True})]
    with pytest.raises(UsageError, match="one label and with several"):
        compare_recipes(recipes, table, k=3)


def test_models_without_common_labels_are_refused(model_path):
    model = load_model(model_path)
    manifest = model.bundle.manifest.model_copy(update={"labels": ("a", "b", "c")})
    other = replace(model, bundle=replace(model.bundle, manifest=manifest))
    with pytest.raises(DatasetError, match="in common"):
        compare([model, other], OTHERS)
