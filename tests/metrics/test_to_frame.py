"""Reports as data frames."""

import pytest

import genrekit
from genrekit.errors import UsageError


@pytest.fixture(scope="module")
def report(songs, model_path):
    return genrekit.evaluate(model_path, songs.source).report


def test_the_metrics_have_their_intervals(report):
    frame = report.to_frame()
    assert frame.index.name == "metric"
    assert frame.columns.tolist() == ["value", "low", "high"]
    assert frame.loc["accuracy", "value"] == report.metrics["accuracy"].value
    assert (frame.dtypes == "float64").all()


def test_labels_and_confusions_are_in_the_order_of_the_model(report):
    labels, confusion = report.to_frame("labels"), report.to_frame("confusion")
    assert tuple(labels.index) == tuple(confusion.index) == tuple(confusion.columns) == report.labels
    assert labels.columns.tolist() == ["precision", "recall", "f1", "support"]
    assert confusion.to_numpy().sum() == labels.support.sum() == report.n_examples
    assert labels.support.dtype == confusion.iloc[:, 0].dtype == "int64"


def test_calibration_has_every_example_once(report):
    assert report.to_frame("calibration").examples.sum() == report.n_examples


def test_an_unknown_part_is_refused_with_those_that_exist(report):
    with pytest.raises(UsageError, match="confusion"):
        report.to_frame("curves")
