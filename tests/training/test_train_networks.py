"""Training of networks through `genrekit.training.train.train`: the run folder, and resuming after an interruption."""

from __future__ import annotations

import json
import resource
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from support import quick

from genrekit.datasets.base import Dataset
from genrekit.datasets.splits import SplitOptions
from genrekit.errors import BundleError, ConfigError, OutputExistsError, UsageError
from genrekit.evaluation import cross_validate, evaluate
from genrekit.models.bundle import load
from genrekit.training.train import Trained, train

pytestmark = pytest.mark.usefixtures("exported_once")


def fit(
    source: str | Path, output: Path, *, settings: dict[str, Any] | None = None, **options: Any
) -> Trained:
    config = {**quick.SPECTROGRAM, **(settings or {})}
    return train(source, backend="spectrogram", config=config, output=output, **options)


def test_the_files_beside_the_bundle(network, songs):
    folder = network.path.with_name("net.run")
    names = {path.name for path in folder.iterdir()}
    assert names == {"config.yaml", "history.json", "metrics.json", "curves.png"}
    manifest = load(network.path).manifest
    assert yaml.safe_load((folder / "config.yaml").read_text()) == manifest.config
    history = json.loads((folder / "history.json").read_text())
    assert history == manifest.history
    assert [point["epoch"] for point in history["train"][0]] == [1, 2]
    assert set(history["train"][0][0]) == {"epoch", "loss", "valid_loss", "valid_accuracy"}
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["metrics"] == manifest.metrics["metrics"]
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert manifest.versions.keys() >= {"torch", "lightning"}
    assert manifest.labels == songs.labels


def test_a_finished_run_is_not_overwritten_unless_asked(network, songs, tmp_path):
    before = network.path.read_bytes()
    with pytest.raises(OutputExistsError, match=r"net\.genrekit exists"):
        fit(songs.source, network.path)
    (tmp_path / "net.run").mkdir()
    (tmp_path / "net.run" / "history.json").write_text("{}")
    with pytest.raises(OutputExistsError, match=r"net\.run exists"):
        fit(songs.source, tmp_path / "net.genrekit")
    assert (tmp_path / "net.run" / "history.json").read_text() == "{}"
    again = fit(songs.source, tmp_path / "net.genrekit", overwrite=True)
    assert again.path.read_bytes() == before


@pytest.fixture(scope="module")
def refitted(songs: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Train the same recipe with a refit on all splits."""
    return fit(songs.source, tmp_path_factory.mktemp("refitted") / "net.genrekit", refit=True)


def test_refit_keeps_calibration_and_numbers(network, refitted):
    plain, refit = load(network.path).manifest, refitted.bundle.manifest
    assert refit.metrics == plain.metrics
    assert refit.history["temperature"] == plain.history["temperature"] != 1
    assert refit.history["train"] == plain.history["train"]
    assert len(refit.history["refit"][0]) == 2
    assert all("valid_loss" not in point for point in refit.history["refit"][0])
    assert refit.data["fitted_on"].startswith("all splits")


def test_refit_of_several_labels_keeps_thresholds_where_validation_stopped_training(songs, tmp_path):
    settings = {"multilabel": True, "patience": 1, "schedule": "plateau", "join_valid": True, "epochs": 1}
    refit = fit(songs.source, tmp_path / "r.genrekit", settings=settings, refit=True).bundle.manifest
    assert set(refit.thresholds) == set(songs.labels)
    assert set(refit.thresholds.values()) != {0.5}


def interrupted(source: str, output: Path, line: str, **options: Any) -> None:
    def say(text: str) -> None:
        if text.startswith(line):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(source, output, say=say, **options)


@pytest.mark.usefixtures("every_epoch")
def test_an_interrupted_training_goes_on_to_the_same_bundle(network, songs, tmp_path):
    output = tmp_path / "net.genrekit"
    interrupted(songs.source, output, "epoch 2 of 2")
    assert not output.exists()
    assert (tmp_path / "net.run" / "run.json").exists()
    with pytest.raises(OutputExistsError) as exists:
        fit(songs.source, output)
    assert "--resume" in exists.value.hint
    for other in ({"settings": {"width": 8}}, {"options": SplitOptions(test_size=0.4)}):
        with pytest.raises(UsageError, match="belongs to another training"):
            fit(songs.source, output, resume=True, **other)
    said: list[str] = []
    resumed = fit(songs.source, output, resume=True, say=said.append)
    assert "resuming after epoch 1" in said
    assert resumed.path.read_bytes() == network.path.read_bytes()
    assert not (tmp_path / "net.run" / "run.json").exists()


@pytest.mark.usefixtures("every_epoch")
def test_a_refit_that_was_interrupted_goes_on(refitted, songs, tmp_path):
    output, said = tmp_path / "net.genrekit", []

    def say(text: str) -> None:
        said.append(text)
        if any(line.startswith("fitting the same") for line in said) and text.startswith("epoch 2"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(songs.source, output, refit=True, say=say)
    again = fit(songs.source, output, refit=True, resume=True, say=said.append)
    assert said.count("resuming after epoch 1") == 1
    assert again.path.read_bytes() == refitted.path.read_bytes()


def test_with_nothing_to_resume_training_starts(network, songs, tmp_path):
    said: list[str] = []
    fresh = fit(songs.source, tmp_path / "net.genrekit", resume=True, say=said.append)
    assert any("nothing to resume" in text for text in said)
    assert fresh.path.read_bytes() == network.path.read_bytes()


def test_backends_that_train_in_one_go_cannot_resume(songs, tmp_path):
    with pytest.raises(UsageError, match="'gtzan' trains in one go") as refused:
        train(songs.source, backend="gtzan", output=tmp_path / "g.genrekit", resume=True)
    assert "--resume" in refused.value.hint


def test_a_device_that_is_not_there_leaves_nothing_in_the_way(songs, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    output = tmp_path / "net.genrekit"
    with pytest.raises(ConfigError, match="finds 0 GPUs"):
        fit(songs.source, output, settings={"device": "cuda"})
    assert fit(songs.source, output).path == output


def test_a_full_disk_leaves_no_half_bundle_and_what_was_trained(network, songs, tmp_path, monkeypatch):
    output = tmp_path / "net.genrekit"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    training = import_module("genrekit.training.train")  # its package names the function so
    save = training.save

    def on_a_full_disk(*arguments: Any, **options: Any) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
        try:
            save(*arguments, **options)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    monkeypatch.setattr(training, "save", on_a_full_disk)
    with pytest.raises(BundleError, match="cannot be saved"):
        fit(songs.source, output)
    assert [path.name for path in tmp_path.iterdir()] == ["net.run"]
    monkeypatch.setattr(training, "save", save)
    said: list[str] = []
    assert (
        fit(songs.source, output, resume=True, say=said.append).path.read_bytes() == network.path.read_bytes()
    )
    assert not any(text.startswith("epoch") for text in said)


def test_cross_validation(songs):
    measured = cross_validate(
        songs.source, backend="spectrogram", config={**quick.SPECTROGRAM, "epochs": 1}, k=2, valid_size=0
    )
    assert measured.report.n_examples == len(songs.examples)


def test_a_label_that_training_never_saw_is_counted_at_evaluation(network, tmp_path):
    more = "synthetic:?genres=4&songs=1&seconds=4&seed=2"
    measured = evaluate(network.path, more)
    assert measured.report.unknown_labels


def test_the_bundle_measures_its_own_test_split_again(network, songs):
    again = evaluate(network.path, songs.source, split="test")
    assert again.report.to_dict()["metrics"] == load(network.path).manifest.metrics["metrics"]
