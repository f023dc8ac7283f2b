"""Explanations of models: importances, dependences, regions, trees, heat maps, mistakes, and the folder."""

import json
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from support import quick
from support.linear_backend import LinearBackend

from genrekit.datasets import SplitOptions
from genrekit.errors import DatasetError, OutputExistsError
from genrekit.evaluation import explain, render_explanation, write_explanation
from genrekit.evaluation.importance import FeatureTable
from genrekit.evaluation.shapley import sampled_shap
from genrekit.prediction import Model, load_model
from genrekit.training import train


def write_rows(path, n, *, label=lambda k: ("jazz", "pop", "rock")[k], seed=0, used=("x",)):
    rng = np.random.default_rng(seed)
    lines = ["x,y,label,artist"]
    for i in range(n):
        x = rng.normal((0, 1.2, -1.2)[i % 3] if "x" in used else 0, 0.4)
        y = rng.normal((1.2, 0, -1.2)[i % 3] if "y" in used else 0, 0.4)
        lines.append(f"{x:.3f},{y:.3f},{label(i % 3)},artist {i // 3}")
    path.write_text("\n".join(lines) + "\n")
    return path


def linear(path, source, **config):
    bundle = train(source, backend=LinearBackend(), config=config, output=path).bundle
    backend = LinearBackend()
    return Model(bundle, backend, backend.Config(**config))


@pytest.fixture(scope="module")
def trees(tracks_csv, tmp_path_factory):
    path = tmp_path_factory.mktemp("trees") / "trees.genrekit"
    train(tracks_csv, backend="spotify", config=quick.SPOTIFY, output=path)
    return path


def test_what_the_labels_depend_on_matters_and_noise_does_not(tmp_path):
    source = write_rows(tmp_path / "rows.csv", 300)
    model = linear(tmp_path / "a.genrekit", source)
    found = explain(model, source)
    assert [one.feature for one in found.importances] == ["x", "y"]
    strong, noise = (one.losses["accuracy"] for one in found.importances)
    assert strong.low > 0.2
    assert noise.low <= 0.02
    assert strong.low <= strong.value <= strong.high
    assert found.importances[0].losses["log_loss"].low > 0
    assert found.report.n_examples == model.bundle.manifest.metrics["n_examples"]
    assert not any("learned" in note for note in found.notes)


@pytest.mark.parametrize("used", [("y",), ("x", "y")])
def test_the_strongest_feature_follows_the_data(tmp_path, used):
    source = write_rows(tmp_path / "rows.csv", 240, used=used)
    found = explain(linear(tmp_path / "a.genrekit", source), source)
    needed = {one.feature for one in found.importances if one.losses["log_loss"].low > 0.01}
    assert needed == set(used)


@pytest.mark.usefixtures("drawn_charts")
def test_a_constant_feature_has_no_importance_and_no_picture(tmp_path):
    source = tmp_path / "rows.csv"
    write_rows(source, 120)
    lines = source.read_text().splitlines()
    source.write_text(
        "\n".join([lines[0], *(f"{a},1.0,{b}" for a, _, b in (x.split(",", 2) for x in lines[1:]))])
    )
    found = explain(linear(tmp_path / "a.genrekit", source), source)
    assert found.importances[-1].feature == "y"
    assert found.importances[-1].losses["accuracy"].value == 0
    assert [one.feature for one in found.dependences] == ["x"]
    write_explanation(found, tmp_path / "out")


def test_the_same_seed_gives_the_same_numbers(tmp_path):
    source = write_rows(tmp_path / "rows.csv", 120)
    model = linear(tmp_path / "a.genrekit", source)
    one, same, other = (explain(model, source, seed=seed).importances for seed in (1, 1, 2))
    assert one == same
    assert one != other


def test_dependence_rises_where_the_score_does(tmp_path):
    source = write_rows(tmp_path / "rows.csv", 200, used=("x", "y"))
    found = explain(linear(tmp_path / "a.genrekit", source), source)
    first = next(one for one in found.dependences if one.feature == "x")
    labels = list(found.report.labels)
    assert np.all(np.diff(first.scores[:, labels.index("rock")]) < 1e-6)
    assert np.all(np.diff(first.scores[:, labels.index("pop")]) > -1e-6)
    np.testing.assert_allclose(first.scores.sum(axis=1), 1, atol=1e-5)
    for regions in found.regions:
        best = regions.scores.argmax(axis=-1)
        assert set(np.unique(best)) == {0, 1, 2}


def test_two_labels_have_no_discriminant_plane(tmp_path):
    source = write_rows(tmp_path / "rows.csv", 120, label=lambda k: "pop" if k else "rock")
    found = explain(linear(tmp_path / "a.genrekit", source), source)
    assert len(found.regions) == 1
    assert any("discriminant" in note for note in found.notes)


def test_several_labels(tmp_path):
    source = write_rows(tmp_path / "rows.csv", 150)
    model = linear(tmp_path / "a.genrekit", source, multilabel=True)
    found = explain(model, source)
    assert found.metrics[0] == "macro_f1"
    assert found.importances[0].losses["macro_f1"].low > 0
    assert not found.regions
    write_explanation(found, tmp_path / "out")


@pytest.mark.usefixtures("drawn_charts")
def test_trees_have_gains_and_shap_values(trees, tracks_csv, tmp_path):
    found = explain(trees, tracks_csv)
    assert sum(found.gains.values()) == pytest.approx(1)
    assert {"loudness", "energy"} == set(sorted(found.gains, key=found.gains.get)[-2:])
    assert {one.feature for one in found.importances[:2]} == {"loudness", "energy"}
    assert len(found.importances) == 13
    assert found.shap.strength.shape == (3, 15)
    page = write_explanation(found, tmp_path / "out")
    text = page.read_text()
    assert "http" not in text
    assert "<script" not in text
    pictures = sorted(tmp_path.glob("out/*.png"))
    assert len(pictures) == text.count("data:image/png;base64,") >= 7
    for picture in pictures:
        assert Image.open(BytesIO(picture.read_bytes())).width > 300
    numbers = json.loads((tmp_path / "out" / "explanation.json").read_text())
    assert numbers["importances"][0]["losses"]["accuracy"]["low"] > 0


def test_an_l1_penalty_hides_the_gains(tracks_csv, tmp_path):
    path = tmp_path / "l1.genrekit"
    train(tracks_csv, backend="spotify", config={**quick.SPOTIFY, "reg_alpha": 0.5}, output=path)
    found = explain(path, tracks_csv)
    assert not found.gains
    assert found.shap is not None
    assert any("reg_alpha" in note for note in found.notes)


@pytest.mark.usefixtures("drawn_charts")
def test_a_network_has_average_heat_maps_and_a_contact_sheet(network, tmp_path):
    others = "synthetic:?genres=3&songs=4&seconds=4&seed=9"
    found = explain(network.path, others)
    assert not found.importances
    assert any("no named features" in note for note in found.notes)
    for one in found.heat_maps:
        assert one.heat.min() >= 0
        assert one.heat.max() <= 1
    write_explanation(found, tmp_path / "out")
    assert (tmp_path / "out" / "heat_maps.png").exists() == bool(found.heat_maps)
    assert (tmp_path / "out" / "mistakes.png").exists() == bool(found.mistakes)
    assert found.heat_maps or found.mistakes


def test_a_combination_has_the_average_heat_maps_of_its_members(network, model_path, tmp_path):
    from genrekit.tuning import combine

    combine([network.path, model_path], output=tmp_path / "both.genrekit", weights="0.7,0.3")
    found = explain(tmp_path / "both.genrekit", "synthetic:?genres=3&songs=4&seconds=4&seed=9")
    assert found.heat_maps
    assert {one.member for one in found.heat_maps} == {load_model(network.path).name}
    assert not any("combination" in note for note in found.notes)
    write_explanation(found, tmp_path / "out")
    assert (tmp_path / "out" / "heat_maps.png").exists()


def test_shap_values_without_readable_trees_are_estimated(model_path):
    found = explain(model_path, "synthetic:?genres=3&songs=2&seconds=4&seed=9")
    assert not found.gains
    assert found.shap.strength.shape == (3, 57)
    assert found.shap.contributions.shape == found.shap.values.shape == (6, 57)
    assert any("estimates" in note and "no gains" in note for note in found.notes)


def test_estimates_are_those_of_a_linear_model():
    """Where log odds are linear, a SHAP value is the weight times the distance from the mean (Lundberg & Lee, 2017, corollary 1)."""
    rng = np.random.default_rng(0)
    weights = np.array([1.0, -2.0, 0.0])

    def score(rows):
        p = 1 / (1 + np.exp(-rows @ weights))
        return np.stack([1 - p, p], axis=1)

    rows = rng.normal(size=(50, 3)).astype(np.float32)
    table = FeatureTable(("a", "b", "none"), rows, np.ones(50, dtype=int), score)
    found, orders = sampled_shap(table, 0)
    assert orders == 64
    exact = weights * (rows - rows.mean(axis=0))
    best = score(rows)[:, 1] > 0.5
    np.testing.assert_allclose(found.contributions * np.where(best, 1, -1)[:, None], exact, atol=1.2)
    assert np.corrcoef(found.contributions[best][:, 1], exact[best][:, 1])[0, 1] > 0.9
    assert np.abs(found.contributions[:, 2]).max() < 1e-5
    again, _ = sampled_shap(table, 0)
    np.testing.assert_array_equal(again.contributions, found.contributions)


def test_mistakes_are_the_most_confident_ones_first(tmp_path):
    source = write_rows(tmp_path / "rows.csv", 200)
    model = linear(tmp_path / "a.genrekit", source)
    wrong = write_rows(tmp_path / "wrong.csv", 90, label=lambda k: ("pop", "rock", "jazz")[k], seed=3)
    found = explain(model, wrong)
    scores = [float(one.row.scores.max()) for one in found.mistakes]
    assert len(scores) == 12
    assert scores == sorted(scores, reverse=True)
    assert all(one.row.label != one.row.predicted for one in found.mistakes)


def test_a_missing_split_is_refused_when_it_was_asked_for(tmp_path):
    source = write_rows(tmp_path / "rows.csv", 90)
    model = linear(tmp_path / "a.genrekit", source)
    other = write_rows(tmp_path / "other.csv", 90, seed=4)
    with pytest.raises(DatasetError):
        explain(model, other, split="test")
    said = []
    assert explain(model, other, say=said.append).report.n_examples == 90
    assert any("no test split" in line for line in said)


def test_the_learned_part_is_said(tmp_path):
    source = write_rows(tmp_path / "rows.csv", 90)
    found = explain(linear(tmp_path / "a.genrekit", source), source, split="train")
    assert any("learned from these" in note for note in found.notes)


@pytest.mark.usefixtures("drawn_charts")
def test_names_from_outside_are_text(tmp_path):
    names = ("<b>$x^", "$pop$", "rock & roll")
    source = write_rows(tmp_path / "rows.csv", 150, label=lambda k: names[k])
    found = explain(linear(tmp_path / "a.genrekit", source), source)
    text = write_explanation(found, tmp_path / "out").read_text()
    assert "<b>" not in text
    with pytest.raises(OutputExistsError):
        write_explanation(found, tmp_path / "out")
    write_explanation(found, tmp_path / "out", overwrite=True)
    assert render_explanation(found)


def test_a_bundle_without_its_test_split_uses_everything(tmp_path):
    source = write_rows(tmp_path / "rows.csv", 90)
    path = tmp_path / "a.genrekit"
    bundle = train(source, backend=LinearBackend(), output=path, options=SplitOptions(test_size=0)).bundle
    backend = LinearBackend()
    found = explain(Model(bundle, backend, backend.Config()), source)
    assert found.report.n_examples == 90
    assert any("learned from these" in note for note in found.notes)
