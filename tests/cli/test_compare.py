"""``genrekit compare``."""

import csv
import io
import json

import pytest
from support import quick

OTHERS = "synthetic:?genres=3&songs=3&seconds=4&seed=9"


@pytest.fixture
def compare(genrekit):
    return lambda *words: genrekit("compare", "--jobs", 1, *words)


def test_every_form_says_the_same(compare, model_path, network, tmp_path):
    page = tmp_path / "page.html"
    words = (model_path, network.path, "--data", OTHERS, "--no-cost")
    run = compare(*words, "--html", page)
    assert run.status == 0, run.err
    first = run.out.splitlines()
    assert first[0].split()[:2] == ["rank", "model"]
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert compare(*words, "--html", page).status == 2  # it exists
    found = json.loads(compare(*words, "-f", "json").out)
    rows = list(csv.DictReader(io.StringIO(compare(*words, "-f", "csv").out)))
    table = compare(*words, "-f", "md").out.splitlines()
    names = [one["name"] for one in found["models"]]
    assert names == [row["model"] for row in rows] == [line.split(" | ")[1] for line in table[2:4]]
    for one, row in zip(found["models"], rows, strict=True):
        assert float(row["accuracy"]) == pytest.approx(
            one["report"]["metrics"]["accuracy"]["value"], abs=1e-5
        )


@pytest.mark.usefixtures("exported_once")
def test_backends_are_cross_validated_with_settings_of_their_own(compare, songs):
    words = [word for key, value in quick.GTZAN.items() for word in ("--set", f"gtzan.{key}={value}")]
    words += [
        word for key, value in quick.SPECTROGRAM.items() for word in ("--set", f"spectrogram.{key}={value}")
    ]
    run = compare(
        "--backend", "gtzan,spectrogram", "--cv", 2, "--data", songs.source, "-f", "json", "--no-cost", *words
    )
    assert run.status == 0, run.err
    found = json.loads(run.out)
    assert {one["name"] for one in found["models"]} == {"gtzan", "spectrogram"}


def test_wrong_usage_is_explained(compare, model_path, songs):
    assert "--cv" in compare("--backend", "gtzan,spectrogram", "--data", songs.source).err
    assert "no data set" in compare(model_path, model_path).err
    run = compare(model_path, model_path, "--data", songs.source, "--set", "window_s=3")
    assert (run.status, "belong to --backend" in run.err) == (2, True)
    run = compare(model_path, "--backend", "gtzan,gtzan", "--cv", 3, "--data", songs.source)
    assert (run.status, "neither a MODEL" in run.err) == (2, True)
    run = compare(model_path, "--data", songs.source)
    assert (run.status, "two models" in run.err) == (2, True)
    run = compare("--backend", "gtzan,spektrogram", "--cv", 3, "--data", songs.source)
    assert (run.status, "spectrogram" in run.err) == (2, True)
