"""``genrekit index``, ``genrekit similar`` and ``genrekit evaluate --similarity``."""

import csv
import io
import json
import shutil

import pytest
from mutagen.flac import FLAC


@pytest.fixture
def library(songs, tmp_path):
    """Return a folder of six songs with artists and genres in their tags."""
    folder = tmp_path / "music"
    folder.mkdir()
    for number, example in enumerate(songs.examples[::3]):
        path = folder / f"song {number}.flac"
        shutil.copy(example.path, path)
        sound = FLAC(path)
        sound["artist"], sound["title"], sound["genre"] = (
            f"Artist {number // 2}",
            f"Title {number}",
            example.labels[0],
        )
        sound.save()
    return folder


@pytest.fixture
def made(genrekit, library, network, tmp_path):
    run = genrekit("index", library, "-o", tmp_path / "music.index", "--model", network.path, "--jobs", 1)
    assert (run.status, run.out) == (0, "")
    assert "6 in the index (6 new)" in run.err
    return tmp_path / "music.index"


@pytest.fixture
def similar(genrekit, made):
    return lambda *words: genrekit("similar", *words, "--index", made)


def test_every_form_says_the_same(similar, library, tmp_path):
    song = library / "song 0.flac"
    run = similar(song, "-k", 3)
    assert run.status == 0
    assert "left out of its own results" in run.err
    rows = [json.loads(line) for line in run.out.splitlines()]
    assert [row["rank"] for row in rows] == [1, 2, 3]
    assert str(song) not in {row["input"] for row in rows}
    assert rows[0].keys() == {
        "rank",
        "input",
        "score",
        "label",
        "label_score",
        "artist",
        "title",
        "length_s",
        "exists",
    }
    cells = list(csv.DictReader(io.StringIO(similar(song, "-k", 3, "-f", "csv").out)))
    assert [cell["input"] for cell in cells] == [row["input"] for row in rows]
    assert [float(cell["score"]) for cell in cells] == [row["score"] for row in rows]
    lines = similar(song, "-k", 3, "-f", "table").out.splitlines()
    assert [line.split("\t")[-1] for line in lines] == [row["input"] for row in rows]
    lines = similar(song, "-k", 3, "-f", "m3u8").out.splitlines()
    assert lines[0] == "#EXTM3U"
    assert lines[2::2] == [row["input"] for row in rows]
    assert lines[1] == f"#EXTINF:4,{rows[0]['artist']} - {rows[0]['title']}"
    target = tmp_path / "lists" / "list.m3u8"
    target.parent.mkdir()
    assert similar(song, "-k", 3, "-o", target).status == 0
    songs = [line for line in target.read_text().splitlines() if not line.startswith("#")]
    assert [str((target.parent / line).resolve()) for line in songs] == [row["input"] for row in rows]
    assert similar(song, "-o", target).status == 2
    assert similar(song, "-o", target, "--overwrite").status == 0


def test_filters(similar, library):
    song = library / "song 0.flac"
    rows = [json.loads(line) for line in similar(song, "--other-artists").out.splitlines()]
    assert {row["artist"] for row in rows} == {"Artist 1", "Artist 2"}
    run = similar(song, "--genre", "polka")
    assert (run.status, "its genres are" in run.err) == (2, True)
    genre = FLAC(library / "song 4.flac")["genre"][0]
    assert {
        row["title"] for row in map(json.loads, similar(song, "--genre", genre.upper()).out.splitlines())
    } >= {"Title 4"}
    plain = [json.loads(line)["input"] for line in similar(song).out.splitlines()]
    away = [json.loads(line)["input"] for line in similar(song, "--unlike", plain[0]).out.splitlines()]
    assert plain[0] not in away
    part = similar(song, "--offset", 1, "--duration", 2)
    assert (part.status, len(part.out.splitlines())) == (0, 5)


def test_duplicates(genrekit, similar, made, library, network, tmp_path):
    shutil.copy(library / "song 1.flac", library / "song 1 (copy).flac")
    assert "(1 new, 6 unchanged)" in genrekit("index", library, "-o", made, "--model", network.path).err
    run = similar("--duplicates")
    pairs = [json.loads(line) for line in run.out.splitlines()]
    (pair,) = (pair for pair in pairs if pair["identical"])
    assert {pair["input"], pair["other"]} == {
        str(library / "song 1.flac"),
        str(library / "song 1 (copy).flac"),
    }
    assert "1 pair of near-identical songs among 7" in run.err
    assert "identical" in similar("--duplicates", "-f", "table").out
    assert similar("--duplicates", "-o", tmp_path / "pairs.csv").status == 0
    assert len((tmp_path / "pairs.csv").read_text().splitlines()) == 1 + len(pairs)
    assert similar("--duplicates", "-f", "m3u8").status == 2
    assert similar(library / "song 1.flac", "--duplicates").status == 2


def test_files_that_are_gone(genrekit, similar, made, library, network):
    (library / "song 3.flac").unlink()
    run = similar(library / "song 0.flac")
    gone = [row for row in map(json.loads, run.out.splitlines()) if not row["exists"]]
    assert [row["input"] for row in gone] == [str(library / "song 3.flac")]
    assert "--prune" in run.err
    assert "song 3" not in similar(library / "song 0.flac", "-f", "m3u8").out
    words = ("index", library, "-o", made, "--model", network.path)
    assert "--prune" in genrekit(*words).err
    assert "1 removed" in genrekit(*words, "--prune").err
    assert len(similar(library / "song 0.flac").out.splitlines()) == 4


def test_what_is_wrong_is_explained(genrekit, similar, made, library, network, model_path, tmp_path):
    assert (similar().status, "no song" in similar().err) == (2, True)
    run = similar(library / "nowhere.flac")
    assert (run.status, "no such file" in run.err.lower()) == (1, True)
    (tmp_path / "text.flac").write_text("not a song")
    assert similar(tmp_path / "text.flac").status == 1
    run = similar(library)
    assert (run.status, "a query is one song" in run.err) == (2, True)
    run = similar(library / "song 0.flac", "--model", model_path)
    assert (run.status, "cannot be compared" in run.err) == (2, True)
    run = genrekit("similar", library / "song 0.flac", "--index", library)
    assert (run.status, "no index.json" in run.err) == (2, True)
    run = genrekit("index", "-o", made)
    assert (run.status, "nothing to index" in run.err) == (2, True)
    run = genrekit("index", library, "-o", made, "--model", model_path)
    assert (run.status, "--overwrite" in run.err) == (2, True)
    run = genrekit("index", library, "-o", library)
    assert (run.status, "other things" in run.err) == (2, True)
    run = genrekit("index", tmp_path / "text.flac", "-o", tmp_path / "new.index", "--model", network.path)
    assert (run.status, "Nothing could be indexed" in run.err) == (1, True)
    run = genrekit("index", library, tmp_path / "text.flac", "-o", made, "--model", network.path)
    assert (run.status, "1 input could not be read" in run.err) == (3, True)


def test_a_list_on_stdin(genrekit, library, network, tmp_path):
    names = "\n".join(str(path) for path in sorted(library.iterdir())[:3])
    run = genrekit("index", "-", "-o", tmp_path / "i", "--model", network.path, stdin=names)
    assert (run.status, "3 in the index" in run.err) == (0, True)


def test_evaluation(genrekit, made, library):
    words = ("evaluate", "--similarity", "--index", made)
    run = genrekit(*words)
    assert run.status == 0, run.err
    assert "6 songs of 3 genres and 3 artists" in run.out
    found = json.loads(genrekit(*words, "-f", "json").out)
    assert (found["n"], found["n_artists"]) == (6, 3)
    assert found["precision"]["precision_at_1"]["value"] <= 1
    assert genrekit("evaluate", "--similarity").status == 2
    assert genrekit("evaluate", "--index", made).status == 2
    assert genrekit(*words, "--cv", 3, "--backend", "gtzan").status == 2
    run = genrekit(*words, "synthetic:?genres=2&songs=2&seconds=2")
    assert (run.status, "0 songs of the data" in run.err) == (1, True)
