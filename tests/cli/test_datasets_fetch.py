"""``datasets list``, ``fetch``, ``verify`` and ``ingest`` as a user types them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from support.fma_host import fma_archives, fma_rows, source_of
from support.loopback import Host, serving

from genrekit.datasets import registry

GOLDEN = Path(__file__).parents[1] / "datasets" / "ingest" / "golden"


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    return fma_archives(tmp_path_factory.mktemp("fma"), fma_rows(6))


@pytest.fixture
def host(archives, monkeypatch):
    with serving(Host(dict(archives))) as one:
        real, changed = registry.get, source_of(archives, one.base)
        monkeypatch.setattr(registry, "get", lambda name: changed if name == "fma" else real(name))
        yield one


def test_the_list_says_what_can_be_had_and_what_cannot(genrekit):
    run = genrekit("datasets", "list")
    assert run.status == 0
    for words in ("fma:large", "93 GiB", "no public host", "never held any", "2024-11-27", "CC BY 4.0"):
        assert words in run.out
    facts = {one["name"]: one for one in json.loads(genrekit("datasets", "list", "-f", "json").out)}
    assert set(facts) >= {"fma", "gtzan", "jamendo", "msd", "spotify", "synthetic"}
    assert not facts["msd"]["readable"]
    assert "@inproceedings" in genrekit("datasets", "list", "fma").out
    assert genrekit("datasets", "list", "fmaa").status == 2


def test_fetch_show_and_verify(genrekit, host, tmp_path):
    run = genrekit("datasets", "fetch", "fma:small", "--to", tmp_path / "fma", "--yes")
    assert run.status == 0
    assert run.out == f"fma:{tmp_path / 'fma'}\n"
    assert "Creative Commons" in run.err
    assert "from 127.0.0.1" in run.err
    assert "examples: 6" in genrekit("datasets", "show", run.out.strip()).out
    assert genrekit("datasets", "verify", tmp_path / "fma").out.endswith("0 missing, 0 changed, 0 extra\n")
    song = next((tmp_path / "fma" / "fma_small").rglob("*.mp3"))
    song.unlink()
    run = genrekit("datasets", "verify", tmp_path / "fma", "-f", "json")
    assert run.status == 3
    assert json.loads(run.out)["missing"] == [song.relative_to(tmp_path / "fma").as_posix()]


def test_nothing_is_fetched_without_a_yes(genrekit, host, tmp_path):
    run = genrekit("datasets", "fetch", "fma:small", "--to", tmp_path)
    assert (run.status, run.out) == (2, "")
    assert "--yes" in run.err
    assert not host.seen


def test_songs_in_a_zip_are_checked_and_learnt_from(genrekit, host, tmp_path):
    assert genrekit("datasets", "fetch", "fma:small", "--to", tmp_path, "--yes", "--no-unpack").status == 0
    assert "6 examples" in genrekit("datasets", "check", f"fma:{tmp_path}", "--min-duration", 0, "-j", 1).out
    run = genrekit(
        "datasets", "features", f"fma:{tmp_path}", "-o", tmp_path / "f.csv", "--window-s", 0.5, "-j", 1
    )
    assert run.status in (0, 1)  # clips of 0.1 s may be too short for features; they are opened, and named
    assert "000002.mp3" in run.err or run.status == 0
    run = genrekit("datasets", "split", f"fma:{tmp_path}", "-o", tmp_path / "m.csv")
    assert run.status == 1
    assert "archive" in run.err


def test_a_host_that_fails_is_said(genrekit, host, tmp_path):
    host.files.clear()
    run = genrekit("datasets", "fetch", "fma:metadata", "--to", tmp_path, "-y")
    assert run.status == 1
    assert "no such file on the server" in run.err


@pytest.mark.parametrize("words", [("fma",), ("nothing:x",), ("msd",), ("gtzan",)])
def test_what_cannot_be_fetched(genrekit, tmp_path, words):
    assert genrekit("datasets", "fetch", *words, "--to", tmp_path, "-y").status == 2


def test_msd_cannot_be_read(genrekit):
    run = genrekit("datasets", "show", "msd:folder")
    assert run.status == 1
    assert "jamendo:genre" in run.err


def test_ingest(genrekit, tmp_path):
    output = tmp_path / "tracks.csv"
    words = (GOLDEN / "hip_hop_essentials.csv", GOLDEN / "exportify_fork.csv", GOLDEN / "empty.m3u8")
    run = genrekit("ingest", *words, "-o", output)
    assert run.status == 3
    assert "3 rows of 4 entries" in run.out
    assert "holds no track" in run.err
    assert "'exportify fork'" in run.err
    assert "train --backend spotify" in run.err
    assert genrekit("ingest", *words, "-o", output).status == 2
    facts = json.loads(genrekit("ingest", words[0], "-o", output, "--overwrite", "-f", "json").out)
    assert facts["labels"] == {"hip-hop": 2}
    with output.open(newline="", encoding="utf-8") as file:
        assert [row["label"] for row in csv.DictReader(file)] == ["hip-hop", "hip-hop"]


def test_ingest_by_rules(genrekit, tmp_path):
    (tmp_path / "map.yaml").write_text('~: podcast\nrap: "hip.hop"\n')
    run = genrekit(
        "ingest",
        GOLDEN / "hip_hop_essentials.csv",
        GOLDEN / "blues.xspf",
        "-o",
        tmp_path / "t.csv",
        "--labels-map",
        tmp_path / "map.yaml",
    )
    assert run.status == 0
    assert "rap\t2" in run.out
    assert "2 left out: no label" in run.err


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("none.m3u", "-o", "t.csv"), 1),
        (("x.m3u", "-o", "t.txt"), 2),
        (("spotify:track:x", "-o", "t.csv"), 1),
        (("x.m3u", "-o", "t.csv", "--match", "nowhere"), 2),
    ],
)
def test_ingest_says_what_is_wrong(genrekit, tmp_path, monkeypatch, words, status):
    monkeypatch.chdir(tmp_path)
    run = genrekit("ingest", *words)
    assert run.status == status
    assert run.err
    assert not (tmp_path / "t.csv").exists()
