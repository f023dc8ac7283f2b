"""``genrekit retrain`` and ``genrekit feedback``."""

import json
import os

import pytest
from support.corrected import champion, good

from genrekit.feedback import Store
from genrekit.hashing import hash_file


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a champion, its data and a store of corrections."""
    folder = tmp_path_factory.mktemp("corrected")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)
        champion(folder)
        good(Store(folder / "store"), 120, folder)
    return folder


@pytest.fixture(autouse=True)
def here(place, monkeypatch):
    monkeypatch.chdir(place)
    monkeypatch.setenv("GENREKIT_STORE", "store")
    monkeypatch.setattr(os, "fsync", lambda handle: None)


def test_a_champion_is_retrained_and_rolled_back(genrekit, place):
    words = ("retrain", "--data", "original.csv", "--model", "mine.genrekit")
    before = hash_file("mine.genrekit")
    dry = genrekit(*words, "--dry-run")
    assert dry.status == 0
    assert "120 new corrections" in dry.out
    few = genrekit(*words, "--min-new", "121", "--promote")
    assert (few.status, few.out.splitlines()[0]) == (0, "too few new corrections; nothing was trained")
    found = json.loads(genrekit(*words, "--promote", "--json").out)
    assert found["outcome"] == "promoted"
    assert hash_file("mine.genrekit") == found["challenger"] != before
    back = genrekit("retrain", "--rollback", "-m", "mine.genrekit")
    assert (back.status, back.out) == (0, "")
    assert hash_file("mine.genrekit") == before


def test_a_watch_goes_on_until_it_is_interrupted(genrekit, monkeypatch):
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        if len(slept) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", sleep)
    words = ("--data", "original.csv", "-m", "mine.genrekit", "--promote", "--watch", "--min-new", "1000")
    found = genrekit("retrain", *words)
    assert (found.status, found.out, len(slept)) == (130, "", 2)
    assert found.err.count("too few new corrections") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "--data"),
        (["--rollback", "--promote"], "no other action"),
        (["--data", "original.csv", "--watch"], "--promote"),
        (["--data", "original.csv", "--dry-run", "--promote"], "one of"),
        (["--data", "original.csv"], "--model"),
        (["--data", "original.csv", "--model", "gtzan"], "shipped"),
        (["--data", "original.csv", "--store", "https://host/x"], "s3://bucket"),
    ],
)
def test_wrong_usage(genrekit, words, said):
    found = genrekit("retrain", *words)
    assert found.status == 2
    assert said in found.err


def test_a_store_is_checked_exported_and_imported(genrekit, place):
    assert genrekit("feedback", "check").status == 0
    table = genrekit("feedback", "export").out.splitlines()
    assert len(table) == 121
    written = genrekit("feedback", "export", "--format", "label-studio", "-o", "tasks.json")
    assert written.status == 0
    assert len(json.loads((place / "tasks.json").read_text())) == 120
    assert genrekit("feedback", "export", "-o", "tasks.json").status == 2
    (place / "some.csv").write_text(f"sha256,label\n{table[1].split(',')[0]},jazz\n{'0' * 64},jazz\n")
    found = genrekit("feedback", "import", "some.csv", "--store", "store")
    assert found.status == 3
    assert "r_" in found.out
    assert "left out row 3" in found.err
    store = Store("store")
    damaged = next(name for name, _ in store.objects.names("objects/"))
    store.objects.write(damaged, b"{}")
    checked = genrekit("feedback", "check")
    assert checked.status == 3
    assert damaged in checked.out
