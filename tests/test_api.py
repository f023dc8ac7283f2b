"""The names of the package: what a script or a service uses."""

import pytest
from support import quick

import genrekit
from genrekit.errors import ConfigError, UsageError


def test_from_training_to_an_answer_with_names_and_plain_values(songs, tmp_path):
    path = tmp_path / "m.genrekit"
    trained = genrekit.train(songs.source, backend="gtzan", config=quick.GTZAN, output=path)
    assert trained.measured.report.n_examples == len(trained.measured.rows) > 0
    measured = genrekit.evaluate(path, songs.source, split="test")
    assert measured.report.metrics == trained.measured.report.metrics
    (prediction,) = genrekit.predict(songs.examples[0].path, model=path)
    assert prediction.label in songs.labels
    assert genrekit.load_model(path).labels == songs.labels


def test_cross_validation_with_plain_values(songs):
    measured = genrekit.cross_validate(songs.source, config=quick.GTZAN, k=3)
    assert measured.report.n_examples == len(songs.examples)


def test_wrong_values_are_refused(songs, tmp_path):
    with pytest.raises(ConfigError, match="did you mean 'folds'"):
        genrekit.train(songs.source, config={"fold": 2}, output=tmp_path / "m.genrekit")
    with pytest.raises(UsageError, match="no model"):
        genrekit.predict("song.wav", model=[])


def test_names_are_listed_and_unknown_ones_are_not_there():
    assert {"train", "evaluate", "predict", "cross_validate", "load_model"} <= set(dir(genrekit))
    with pytest.raises(AttributeError, match="nothing"):
        genrekit.nothing  # noqa: B018
