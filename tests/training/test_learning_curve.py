"""Learning curves: nested parts of the groups, the same test split, and a sentence."""

import csv
from importlib import import_module
from itertools import pairwise

import numpy as np
import pytest
from support.linear_backend import LinearBackend

from genrekit.datasets import SplitOptions
from genrekit.errors import OutputExistsError, UsageError
from genrekit.metrics import Estimate
from genrekit.training import CurvePart, LearningCurve, learning_files, train


class Spy(LinearBackend):
    """Keep what every fit was given."""

    def __init__(self):
        self.fits = []

    def fit(self, train, valid, labels, config, progress):
        self.fits.append((set(train.ids), set(train.groups), labels))
        return super().fit(train, valid, labels, config, progress)


def write_rows(path, n=240, labels=("jazz", "pop", "rock"), rare=0):
    rng = np.random.default_rng(0)
    lines = ["x,y,label,artist"]
    for i in range(n):
        x, y = rng.normal([(0, 1), (1, 0), (-1, -1)][i % 3], 0.8)
        label = "rare" if i // 2 < rare else labels[i % 3]
        lines.append(f"{x:.3f},{y:.3f},{label},artist {i // 2}")
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("n_parts", [2, 5])
def test_parts_are_nested_and_keep_groups_whole(tmp_path, n_parts):
    backend = Spy()
    source = write_rows(tmp_path / "rows.csv")
    trained = train(source, backend=backend, output=tmp_path / "a.genrekit", curve_parts=n_parts)
    whole, *parts = backend.fits
    assert len(parts) == n_parts - 1
    parts.append(whole)
    for (ids, groups, labels), (more, of_more, _) in pairwise(parts):
        assert ids < more
        assert groups < of_more
        assert labels == whole[2]
    for ids, groups, _ in parts:
        assert len(ids) == 2 * len(groups)
    curve = trained.curve
    assert [one.share for one in curve.parts] == pytest.approx([k / n_parts for k in range(1, n_parts + 1)])
    last = curve.parts[-1].value
    measured = trained.measured.report.metrics["accuracy"]
    assert (last.value, last.low, last.high) == pytest.approx((measured.value, measured.low, measured.high))


@pytest.mark.usefixtures("drawn_charts")
def test_the_files_and_the_manifest_say_the_same(tmp_path):
    output = tmp_path / "a.genrekit"
    source = write_rows(tmp_path / "rows.csv")
    trained = train(source, backend=LinearBackend(), output=output, curve_parts=4)
    table, picture = learning_files(output)
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert [int(row["groups"]) for row in rows] == [one.groups for one in trained.curve.parts]
    assert picture.read_bytes().startswith(b"\x89PNG")
    kept = trained.bundle.manifest.history["learning_curve"]
    assert kept["words"] == trained.curve.words
    assert len(kept["parts"]) == 4
    output.unlink()
    with pytest.raises(OutputExistsError):
        train(source, backend=LinearBackend(), output=output, curve_parts=4)
    train(source, backend=LinearBackend(), output=output, curve_parts=4, overwrite=True)


def test_the_model_is_the_same_without_a_curve(tmp_path):
    source = write_rows(tmp_path / "rows.csv")
    one = train(source, backend=LinearBackend(), output=tmp_path / "a.genrekit", curve_parts=3)
    other = train(source, backend=LinearBackend(), output=tmp_path / "b.genrekit")
    assert one.bundle.onnx == other.bundle.onnx
    assert other.curve is None
    assert not learning_files(tmp_path / "b.genrekit")[0].exists()


def test_every_part_has_a_rare_label(tmp_path):
    backend = Spy()
    train(
        write_rows(tmp_path / "rows.csv", rare=4),
        backend=backend,
        output=tmp_path / "a.genrekit",
        curve_parts=8,
        options=SplitOptions(valid_size=0),
    )
    assert all("rare" in labels for _, _, labels in backend.fits)


def test_several_labels(tmp_path):
    trained = train(
        write_rows(tmp_path / "rows.csv"),
        backend=LinearBackend(),
        config={"multilabel": True},
        output=tmp_path / "a.genrekit",
        curve_parts=3,
    )
    assert trained.curve.metric == "macro_f1"
    last = trained.curve.parts[-1].value.value
    assert last == pytest.approx(trained.measured.report.metrics["macro_f1"].value)


def test_a_curve_needs_a_test_split(tmp_path):
    with pytest.raises(UsageError, match="test split"):
        train(
            write_rows(tmp_path / "rows.csv"),
            backend=LinearBackend(),
            output=tmp_path / "a.genrekit",
            curve_parts=3,
            options=SplitOptions(test_size=0),
        )


def test_several_processes_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(import_module("genrekit.training.train"), "world_size", lambda: 2)
    with pytest.raises(UsageError, match="torchrun"):
        train("synthetic:", backend=LinearBackend(), output=tmp_path / "a.genrekit", curve_parts=3)


@pytest.mark.parametrize(
    ("rise", "words"),
    [
        (Estimate(0.03, 0.01, 0.05), "would probably help"),
        (Estimate(0.01, -0.01, 0.03), "not told apart"),
        (Estimate(0.0, -0.004, 0.004), "would hardly help"),
        (Estimate(-0.03, -0.05, -0.01), "would hardly help"),
        (Estimate(0.03, None, None), "not known"),
    ],
)
def test_the_sentence(rise, words):
    part = CurvePart(1.0, 10, 20, Estimate(0.5, 0.4, 0.6))
    assert words in LearningCurve("accuracy", (part,), rise).words


def test_the_slope_has_an_interval(tmp_path):
    rng = np.random.default_rng(3)
    lines = ["x,y,label,artist"]
    for i in range(1200):
        x, y = rng.normal(0, 1, 2)
        lines.append(f"{x + (0.25 if i % 2 else -0.25):.3f},{y:.3f},{'pop' if i % 2 else 'rock'},artist {i}")
    source = tmp_path / "rows.csv"
    source.write_text("\n".join(lines) + "\n")
    curve = train(source, backend=LinearBackend(), output=tmp_path / "a.genrekit", curve_parts=5).curve
    assert curve.per_doubling.low <= curve.per_doubling.value <= curve.per_doubling.high
    assert [one.groups for one in curve.parts] == sorted(one.groups for one in curve.parts)
