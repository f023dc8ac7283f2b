"""Networks on the command line, most of it in processes of their own: killed ones, and several at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from genrekit.models.bundle import load

SETTINGS = {
    "window_s": 2, "arch": "plain", "width": 4, "epochs": 3, "n_mels": 32, "precision": "32",
    "device": "cpu",
}  # fmt: skip
SOURCE = "synthetic:?genres=3&songs=6&seconds=4&seed=1"  # as the fixture `songs`
WORDS = ["train", "--backend", "spectrogram", "--data", SOURCE, "--jobs", "1", "-o", "net.genrekit"]
for key, value in SETTINGS.items():
    WORDS += ["--set", f"{key}={value}"]

EVERY_LINE = """
import sys
import genrekit.backends.neural.watching as watching
from genrekit.cli import run
watching._QUIET_S = 0
sys.argv[0] = "genrekit"
run()
"""


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONFAULTHANDLER": "1"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of a training that nobody interrupted: ``net.genrekit``, in a process of its own."""
    folder = tmp_path_factory.mktemp("networks")
    done = subprocess.run(
        [sys.executable, "-m", "genrekit", *WORDS, "--format", "json"],
        cwd=folder, env=environment(), capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (folder / "report.json").write_text(done.stdout)
    (folder / "said.txt").write_text(done.stderr)
    return folder


def test_a_report_on_stdout_and_progress_on_stderr(folder):
    report = json.loads((folder / "report.json").read_text())
    assert report["metrics"] == load(folder / "net.genrekit").manifest.metrics["metrics"]
    said = (folder / "said.txt").read_text()
    assert "parameters, on cpu in 32-true" in said
    assert "epoch 3 of 3: loss" in said
    assert "temperature" in said
    assert "Lightning" not in said
    assert "Warning" not in said
    assert {path.name for path in (folder / "net.run").iterdir()} == {
        "config.yaml",
        "history.json",
        "metrics.json",
        "curves.png",
    }


def test_a_killed_training_goes_on_to_the_same_bundle(folder, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", EVERY_LINE, *WORDS],
        cwd=tmp_path, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    first = tmp_path / "net.run" / "checkpoints"
    until_s = time.monotonic() + 120
    while not list(first.rglob("last.ckpt")) and time.monotonic() < until_s:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "net.genrekit").exists()
    done = subprocess.run(
        [sys.executable, "-m", "genrekit", *WORDS, "--resume"],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "nothing to resume" not in done.stderr
    assert (tmp_path / "net.genrekit").read_bytes() == (folder / "net.genrekit").read_bytes()


@pytest.mark.skipif(sys.platform != "linux", reason="gloo on a loopback device, as Linux has it")
def test_two_processes_train_one_network_and_say_it_once(tmp_path):
    words = ["--standalone", "--nproc-per-node", "2", "--no-python"]
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", *words, sys.executable, "-m", "genrekit", *WORDS],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("saved net.genrekit") == 1
    assert done.stderr.count("epoch 3 of 3") == 1
    assert done.stdout.count("macro-F1") == 1
    assert load(tmp_path / "net.genrekit").manifest.history["parameters"] > 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net.genrekit", "net.run"]
    assert not (tmp_path / "net.run" / "checkpoints").exists()


def test_a_gpu_that_is_not_there_is_an_error_in_words(genrekit, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    run = genrekit(*WORDS, "--device", "cuda")
    assert run.status == 2
    assert "finds 0 GPUs" in run.err
    assert "--device auto" in run.err
    assert not run.out


def test_the_bundle_is_measured_and_answers_over_time(folder, genrekit, songs, tmp_path):
    run = genrekit(
        "evaluate", folder / "net.genrekit", "--data", SOURCE, "--split", "test", "--format", "json"
    )
    assert run.status == 0, run.err
    assert json.loads(run.out)["metrics"] == json.loads((folder / "report.json").read_text())["metrics"]
    short, silent = tmp_path / "short.wav", tmp_path / "silent.wav"
    soundfile.write(short, np.random.default_rng(0).normal(0, 0.1, 4000), 8000)
    soundfile.write(silent, np.zeros(8000), 8000)
    paths = [songs.examples[0].path, short, silent]
    run = genrekit("predict", *paths, "--model", folder / "net.genrekit", "--windows", "--format", "json")
    assert run.status == 3
    long, brief, nothing = json.loads(run.out)
    assert len(long["windows"]) == 2
    assert [(w["start_s"], w["end_s"]) for w in brief["windows"]] == [(0, 0.5)]
    assert brief["label"] in songs.labels
    assert "silent" in nothing["error"]
