"""What is published: notices, facts for citations, the public workflow, and a build that gives the same bytes twice."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
OF_THE_PROJECT = {"gtzan", "spectrogram", "spotify"}  # models that hold nothing of others


def test_the_notice_names_texts_that_are_there():
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    for path in re.findall(r"(?:genrekit|licenses)/[\w./-]*\w", notice):
        assert (ROOT / path).exists(), path
    for name in ("musicnn", "torchvision", "Swagger UI"):
        assert name in notice
    for text in (ROOT / "genrekit").rglob("*LICENSE*"):
        assert text.relative_to(ROOT).as_posix() in notice


def test_every_shipped_model_that_holds_weights_of_others_is_in_the_notice():
    from genrekit.models import shipped_models

    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    for name in set(shipped_models()) - OF_THE_PROJECT:
        assert re.search(rf"\b{name}\b", notice), name


def test_the_citation_is_of_its_form():
    facts = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert facts["cff-version"] == "1.2.0"
    assert {"message", "title", "authors", "license"} <= facts.keys()


def test_the_workflow_runs_on_three_systems_and_says_that_it_has_not_run():
    text = (ROOT / ".github/workflows/tests.yml").read_text(encoding="utf-8")
    assert "has not run yet" in text
    jobs = yaml.safe_load(text)["jobs"]
    matrix = jobs["tests"]["strategy"]["matrix"]
    assert {name.partition("-")[0] for name in matrix["os"]} == {"ubuntu", "macos", "windows"}
    assert any("arm" in name for name in matrix["os"])
    assert matrix["python"] == ["3.11", "3.12", "3.13", "3.14"]
    assert all(job["timeout-minutes"] for job in jobs.values())


@pytest.mark.night
def test_two_builds_are_the_same_bytes_and_pass_the_checks(tmp_path):
    if not (ROOT / ".git").exists():
        pytest.skip("needs the checkout")
    hashes = []
    for number in range(2):
        source = tmp_path / f"source{number}"
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
        for name in filter(None, listed.decode().split("\0")):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / name)
        out = tmp_path / f"dist{number}"
        environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000", "PYTHONHASHSEED": str(number)}
        command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", out, source]
        subprocess.run(command, check=True, capture_output=True, env=environment)
        hashes.append({path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in out.iterdir()})
    assert hashes[0] == hashes[1]
    files = sorted(out.iterdir())
    subprocess.run([sys.executable, "-m", "twine", "check", "--strict", *files], check=True)
    (wheel,) = out.glob("*.whl")
    subprocess.run([sys.executable, "-m", "check_wheel_contents", wheel], check=True)
    with zipfile.ZipFile(wheel) as content:
        names = content.namelist()
    assert [name for name in names if name.endswith("licenses/NOTICE")]
    with tarfile.open(next(out.glob("*.tar.gz"))) as content:
        inside = {name.partition("/")[2] for name in content.getnames()}
    assert {"NOTICE", "SECURITY.md", "CITATION.cff", "CONTRIBUTING.md", "deploy/Dockerfile"} <= inside
