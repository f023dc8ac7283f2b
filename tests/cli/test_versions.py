"""Versions of a model: parents are found by their hash, and equal data are known as such."""

import json
import shutil

import pytest
from support import quick

from genrekit.errors import UsageError
from genrekit.models import load, versions_of
from genrekit.training import train


@pytest.fixture(scope="module")
def two_versions(tracks_csv, tmp_path_factory):
    folder = tmp_path_factory.mktemp("versions")
    settings = {**quick.SPOTIFY, "n_estimators": 3}
    first = train(tracks_csv, backend="spotify", config=settings, output=folder / "one.genrekit").bundle
    settings["max_depth"] = 2
    train(tracks_csv, backend="spotify", config=settings, output=folder / "two.genrekit", parent=first.sha256)
    return folder


@pytest.mark.parametrize("place", [".", "versions", "models"])
def test_a_parent_is_found_under_any_name(two_versions, tmp_path, place):
    (tmp_path / place).mkdir(exist_ok=True)
    shutil.copy(two_versions / "two.genrekit", tmp_path)
    shutil.copy(two_versions / "one.genrekit", tmp_path / place / "old.genrekit")
    newest, oldest = versions_of(load(tmp_path / "two.genrekit"))
    assert newest.bundle.manifest.parent == oldest.sha256 == oldest.bundle.sha256
    assert newest.bundle.manifest.data_fingerprint == oldest.bundle.manifest.data_fingerprint


def test_the_command_shows_what_is_there_and_what_is_not(genrekit, two_versions, tmp_path):
    lines = [
        line.split("\t")
        for line in genrekit("models", "--history", two_versions / "two.genrekit").out.splitlines()
    ]
    assert [line[1] for line in lines] == [str(two_versions / f"{name}.genrekit") for name in ("two", "one")]
    assert lines[0][4] == lines[1][4] != ""
    shutil.copy(two_versions / "two.genrekit", tmp_path)
    alone = genrekit("models", tmp_path / "two.genrekit", "--history", "--json")
    assert [(one["sha256"], one["file"] is None) for one in json.loads(alone.out)] == [
        (load(two_versions / "two.genrekit").sha256, False),
        (load(two_versions / "one.genrekit").sha256, True),
    ]
    assert "the next one of the model" in genrekit("models", tmp_path / "two.genrekit").out
    assert "--history needs a model" in genrekit("models", "--history").err


def test_train_takes_a_parent(genrekit, two_versions, tracks_csv, tmp_path):
    words = [
        "train",
        tracks_csv,
        "--backend",
        "spotify",
        "--set",
        "n_estimators=2",
        "-o",
        tmp_path / "three.genrekit",
    ]
    assert genrekit(*words, "--parent", two_versions / "two.genrekit").status == 0
    chain = versions_of(load(tmp_path / "three.genrekit"))
    assert [one.bundle is None for one in chain] == [False, True]
    refused = genrekit(*words, "--parent", "nosuch", "--overwrite")
    assert refused.status == 2
    assert "There is no model 'nosuch'" in refused.err


def test_a_parent_is_a_hash(tracks_csv, tmp_path):
    with pytest.raises(UsageError, match="64 hexadecimal digits"):
        train(tracks_csv, backend="spotify", output=tmp_path / "a.genrekit", parent="two.genrekit")
