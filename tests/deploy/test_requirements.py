"""What an image installs is what serving and the command line of prediction import."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from genrekit.installation import OF_TRAINING

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
EXERCISE = Path(__file__).parents[1] / "support" / "serving_imports.py"
OTHER_NAMES = {"sklearn": "scikit-learn", "xgboost-cpu": "xgboost"}


def wanted():
    """Requirements of the image by name."""
    lines = (DEPLOY / "requirements-serve.in").read_text(encoding="utf-8").splitlines()
    found = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {OTHER_NAMES.get(one.name, canonicalize_name(one.name)): one for one in found}


def locked():
    """Names and hashes of the locked requirements."""
    text = (DEPLOY / "requirements-serve.txt").read_text(encoding="utf-8").replace("\\\n", " ")
    found = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name = canonicalize_name(re.match(r"[\w.-]+", line)[0])
            found.setdefault(name, []).append(line)
    return found


def closure():
    """Return what is wanted, and what the installed releases of it require in turn."""
    found, waiting = set(), list(wanted())
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name not in found:
            found.add(name)
            required = [Requirement(line) for line in metadata.requires(name) or ()]
            waiting += [
                one.name for one in required if one.marker is None or one.marker.evaluate({"extra": ""})
            ]
    return found


def test_the_image_has_the_requirements_of_the_package_but_for_training():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    of_training = {OTHER_NAMES.get(name, name) for name in OF_TRAINING}
    package = {canonicalize_name(one.name): one for one in map(Requirement, project["dependencies"])}
    assert of_training <= set(package)
    assert set(wanted()) == set(package) - of_training
    assert {name: one.specifier for name, one in wanted().items()} == {
        name: one.specifier for name, one in package.items() if name not in of_training
    }


def test_every_locked_line_has_hashes_and_fits_what_is_wanted():
    for name, lines in locked().items():
        for line in lines:
            assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", line), name
            assert re.match(r"[\w.-]+==[\w.]+", line), name
    for name, one in wanted().items():
        for line in locked()[canonicalize_name(one.name)]:
            assert one.specifier.contains(re.search(r"==([\w.]+)", line)[1]), name
    assert not {"torch", "scikit-learn", "lightning", "onnx", "pip"} & set(locked())


QUICK = """
import sys
sys.path.insert(0, "tests")
import support.serving_imports  # refuses what is not named
from genrekit.cli import main
from genrekit.server import Settings, create_app
import genrekit.server.run
create_app(Settings(models=("gtzan", "image", "spotify")))
main(["predict", "--no-cache", "examples/tracks.csv", "examples/media/night_drive.jpg"])
"""


@pytest.mark.night
def test_the_server_and_predictions_need_nothing_else():
    run = subprocess.run(
        [sys.executable, "-c", QUICK, *sorted(closure())], capture_output=True, text=True, cwd=ROOT
    )
    assert run.returncode == 0, run.stderr[-3000:]
    assert len(run.stdout.splitlines()) == 7


@pytest.mark.night
@pytest.mark.skipif(sys.platform == "win32", reason="uvloop and httptools are for other systems")
def test_serving_imports_all_of_it_and_nothing_else(tmp_path):
    run = subprocess.run(
        [sys.executable, str(EXERCISE), *sorted(closure())],
        capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-3000:]
    told = json.loads(run.stdout.splitlines()[-1])
    assert not told["failed"]
    by_module = metadata.packages_distributions()
    used = {canonicalize_name(name) for module in told["modules"] for name in by_module.get(module, ())}
    assert set(wanted()) - used == set()
