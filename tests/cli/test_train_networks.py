"""Networks on the command line, most of it in processes of their own: killed ones, and several at once."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile
import torch
from support import quick

from genrekit.models.bundle import load

SOURCE = "synthetic:?genres=3&songs=6&seconds=4&seed=1"  # as the fixture `songs`
WORDS = ["train", "--backend", "spectrogram", "--data", SOURCE, "--jobs", "1", "-o", "net.genrekit"]
WORDS += quick.as_words(quick.SPECTROGRAM)


def test_a_report_on_stdout_and_progress_on_stderr(network):
    report = json.loads(network.out)
    assert report["metrics"] == load(network.path).manifest.metrics["metrics"]
    assert "parameters, on cpu in 32-true" in network.err
    assert "epoch 2 of 2: loss" in network.err
    assert "temperature" in network.err
    assert not [word for word in ("Lightning", "Warning") if word in network.err]
    assert {path.name for path in network.path.with_name("net.run").iterdir()} == {
        "config.yaml",
        "history.json",
        "metrics.json",
        "curves.png",
    }


@pytest.mark.night  # by day, an interrupted training of `tests/training` goes on to the same bytes
def test_a_killed_training_goes_on_to_the_same_bundle(network, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "genrekit", *WORDS],
        cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    checkpoints = tmp_path / "net.run" / "checkpoints"
    while process.poll() is None and not list(checkpoints.rglob("last.ckpt")):
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    _, err = process.communicate()
    assert process.returncode == -signal.SIGKILL, err
    assert not (tmp_path / "net.genrekit").exists()
    done = subprocess.run(
        [sys.executable, "-m", "genrekit", *WORDS, "--resume"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert not [word for word in ("nothing to resume", "Lightning", "Warning") if word in done.stderr]
    assert (tmp_path / "net.genrekit").read_bytes() == network.path.read_bytes()


@pytest.mark.night
@pytest.mark.skipif(sys.platform != "linux", reason="gloo on a loopback device, as Linux has it")
def test_two_processes_train_one_network_and_say_it_once(tmp_path):
    words = ["--standalone", "--nproc-per-node", "2", "--no-python"]
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", *words, sys.executable, "-m", "genrekit", *WORDS],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("saved net.genrekit") == 1
    assert done.stderr.count("epoch 2 of 2") == 1
    assert len(re.findall(r"(?m)^ *macro-F1 +\d", done.stdout)) == 1
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


def test_the_bundle_is_measured_and_answers_over_time(network, genrekit, songs, tmp_path):
    run = genrekit("evaluate", network.path, "--data", SOURCE, "--split", "test", "--format", "json")
    assert run.status == 0, run.err
    assert json.loads(run.out)["metrics"] == json.loads(network.out)["metrics"]
    short, silent = tmp_path / "short.wav", tmp_path / "silent.wav"
    soundfile.write(short, np.random.default_rng(0).normal(0, 0.1, 4000), 8000)
    soundfile.write(silent, np.zeros(8000), 8000)
    paths = [songs.examples[0].path, short, silent]
    run = genrekit("predict", *paths, "--model", network.path, "--windows", "--format", "json")
    assert run.status == 3
    long, brief, nothing = json.loads(run.out)
    assert len(long["windows"]) == 2
    assert [(w["start_s"], w["end_s"]) for w in brief["windows"]] == [(0, 0.5)]
    assert brief["label"] in songs.labels
    assert "silent" in nothing["error"]
