"""``genrekit combine``."""

import json

import pytest


@pytest.fixture
def combine(genrekit):
    return lambda *words: genrekit("combine", *words)


def test_a_combination_predicts(combine, genrekit, model_path, network, songs, tmp_path):
    path = tmp_path / "both.genrekit"
    run = combine(model_path, network.path, "-o", path, "--weights", "3,1")
    assert run.status == 0, run.err
    assert "tiny 0.750" in run.err
    run = genrekit("predict", songs.examples[0].path, "--model", path, "-f", "json")
    assert run.status == 0, run.err
    assert json.loads(run.out)[0]["model"] == "both"
    assert combine(model_path, network.path, "-o", path).status == 2
    assert combine(model_path, network.path, "-o", path, "--overwrite").status == 0
    card = genrekit("models", path, "--card").out
    assert "tiny" in card
    assert "weighted mean" in card


def test_wrong_usage_is_explained(combine, model_path, network, tmp_path):
    path = tmp_path / "both.genrekit"
    for words, said in (
        ((model_path, "-o", path), "2 to 20"),
        ((model_path, network.path, "-o", path, "--weights", "1"), "2 numbers"),
        ((model_path, network.path, "-o", path, "--weights", "fitted"), "--data"),
        ((model_path, tmp_path / "none.genrekit", "-o", path), "no model"),
    ):
        run = combine(*words)
        assert (run.status, said in run.err) == (2, True), run.err
