"""Genres as users write them: in tables, tags and playlists; formats for programs keep the labels."""

import csv
import json
import shutil
from pathlib import Path

import mutagen
import pytest

from genrekit.labels import display_name
from genrekit.models import load, shipped_models


@pytest.fixture
def hiphop(songs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("music").mkdir()
    found = [example.path for example in songs.examples if example.labels == ("hiphop",)]
    for number, path in enumerate(found[:2]):
        shutil.copy(path, f"music/{number}.flac")
    return tmp_path


def genre(path):
    return mutagen.File(path).get("genre")


def test_tables_have_names_and_csv_has_labels(genrekit, hiphop, model_path):
    words = ("predict", "music", "--model", model_path, "-j", 1)
    assert "Hip-Hop" in genrekit(*words, "-f", "table").out
    assert "hiphop" not in genrekit(*words, "-f", "table", "--windows").out
    assert {row["label"] for row in csv.DictReader(genrekit(*words, "-f", "csv").out.splitlines())} == {
        "hiphop"
    }
    assert json.loads(genrekit(*words).out.splitlines()[0])["label"] == "hiphop"


def test_a_map_names_genres_in_tables_and_says_where_it_does_not(genrekit, hiphop, model_path):
    Path("map.yaml").write_text("hip-hop: Rap\n")
    words = ("predict", "music", "--model", model_path, "-j", 1, "--map", "map.yaml")
    shown = genrekit(*words, "-f", "table")
    assert "Rap" in shown.out
    assert "keep the labels" not in shown.err
    written = genrekit(*words, "-o", "r.csv")
    assert "Rap 2" in written.err
    assert "keep the labels" in written.err
    assert {row["label"] for row in csv.DictReader(Path("r.csv").read_text().splitlines())} == {"hiphop"}


def test_tags_have_names_and_a_second_run_finds_them(genrekit, hiphop, model_path):
    words = ("tag", "music", "--model", model_path, "-j", 1)
    first = genrekit(*words, "--write")
    assert [json.loads(line)["genre"]["after"] for line in first.out.splitlines()] == [["Hip-Hop"]] * 2
    assert genre("music/0.flac") == ["Hip-Hop"]
    for more in ((), ("--overwrite",), ("--append",)):
        assert {json.loads(line)["status"] for line in genrekit(*words, *more).out.splitlines()} == {"same"}
    Path("map.yaml").write_text("hiphop: Rap\n")
    mapped = genrekit(*words, "--map", "map.yaml", "--overwrite", "--write")
    assert "2 changed" in mapped.err
    assert genre("music/1.flac") == ["Rap"]


def test_existing_results_and_names(genrekit, hiphop, model_path):
    genrekit("predict", "music", "--model", model_path, "-j", 1, "-o", "r.csv")
    genrekit("tag", "--from", "r.csv", "--write")
    assert genre("music/0.flac") == ["Hip-Hop"]
    assert {json.loads(line)["status"] for line in genrekit("tag", "--from", "r.csv").out.splitlines()} == {
        "same"
    }
    rows = [json.loads(line) for line in genrekit("sort", "--from", "r.csv", "--write").out.splitlines()]
    assert {(row["genre"], row["name"], row["target"]) for row in rows} == {
        ("hiphop", "Hip-Hop", str(Path("playlists", "Hip-Hop.m3u8")))
    }
    Path("map.yaml").write_text("HipHop: Rap\n")
    table = genrekit(
        "sort", "--from", "r.csv", "--map", "map.yaml", "--link", "--to", "by", "--write", "-f", "table"
    )
    assert table.out.splitlines()[1].split()[:2] == ["Rap", "2"]
    assert Path("by/Rap/0.flac").is_symlink()


def test_a_name_that_was_edited_in_the_results_is_kept(genrekit, hiphop, model_path):
    genrekit("predict", "music", "--model", model_path, "-j", 1, "-o", "r.csv")
    text = Path("r.csv").read_text().replace("hiphop", "Hip hop, old school".replace(",", ""))
    Path("r.csv").write_text(text)
    genrekit("tag", "--from", "r.csv", "--write")
    assert genre("music/0.flac") == ["Hip hop old school"]


@pytest.mark.parametrize("command", ["tag", "sort", "predict"])
def test_a_map_that_is_not_there_is_wrong_usage(genrekit, hiphop, command):
    run = genrekit(command, "music", "--map", "none.yaml")
    assert run.status == 2
    assert "none.yaml is not there" in run.err


def test_undo_takes_no_map(genrekit, hiphop):
    assert genrekit("tag", "--undo", "j.jsonl", "--map", "map.yaml").status == 2


def test_one_name_per_genre_over_all_shipped_models():
    names = {}
    for path in shipped_models().values():
        for label in load(path).manifest.labels:
            names.setdefault("".join(filter(str.isalnum, label)), set()).add(display_name(label))
    assert names["hiphop"] == {"Hip-Hop"}
    assert display_name("rnb") == display_name("r&b") == "R&B"
    assert all(len(found) == 1 for found in names.values()), names
