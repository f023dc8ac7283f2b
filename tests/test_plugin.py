"""The example backend, installed as a stranger would install theirs, and used through the command line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.night  # an installation, and every step in a process of its own

PLUGIN = Path(__file__).parents[1] / "examples" / "plugin"


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    site = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--disable-pip-version-check", "--target", site, PLUGIN], check=True)
    return os.environ | {"PYTHONPATH": str(site)}


def test_it_trains_evaluates_and_predicts(environment, songs, tmp_path):
    def genrekit(*words):
        command = [sys.executable, "-W", "error", "-m", "genrekit", *map(str, words)]
        done = subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "bands\taudio\t" in genrekit("backends")
    assert "window_s = 10.0" in genrekit("backends", "bands")
    genrekit(
        "train",
        "--backend",
        "bands",
        "--data",
        songs.source,
        "-o",
        "b.genrekit",
        "--set",
        "window_s=2",
        "-j",
        1,
    )
    out = genrekit(
        "evaluate", "b.genrekit", "--data", songs.source, "--split", "test", "--format", "json", "-j", 1
    )
    report = json.loads(out)
    assert report["n_examples"] > 0
    assert report["labels"] == list(songs.labels)
    row = json.loads(genrekit("predict", "--model", "b.genrekit", songs.examples[0].path))
    assert row["label"] in songs.labels


def test_it_conforms(environment):
    code = (
        "from genrekit.testing.backend import check_backend; from genrekit_bands import BandsBackend; "
        "check_backend(BandsBackend(), settings={'window_s': 2})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
