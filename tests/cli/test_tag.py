import json
import shutil

import pytest
from mutagen.flac import FLAC

from genrekit.hashing import hash_file
from genrekit.library.tags.fields import Field
from genrekit.library.tags.formats import open_tags


@pytest.fixture
def library(songs, tmp_path, monkeypatch):
    """A folder of three songs and something broken, beside the current folder."""
    folder = tmp_path / "music"
    folder.mkdir()
    for number, example in enumerate(songs.examples[:3]):
        shutil.copy(example.path, folder / f"{number}.wav")
    (folder / "broken.wav").write_bytes(b"RIFF")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return folder


def rows(run):
    return [json.loads(line) for line in run.out.splitlines()]


def genres(path):
    return open_tags(path).values(Field.GENRE)


def hashes(folder):
    return {path.name: hash_file(path) for path in folder.iterdir()}


def test_a_library_from_start_to_undo(genrekit, model_path, library, tmp_path):
    before = hashes(library)
    run = genrekit("tag", library, "--model", model_path)
    assert run.status == 3
    assert [row["status"] for row in rows(run)] == ["would change"] * 3 + ["error"]
    assert "add --write to write" in run.err
    assert hashes(library) == before
    assert not list((tmp_path / "here").iterdir())

    run = genrekit("tag", library, "--model", model_path, "--write")
    assert run.status == 3
    changed = rows(run)[:3]
    assert [row["status"] for row in changed] == ["changed"] * 3
    for row in changed:
        assert genres(library / row["input"]) == tuple(row["genre"]["after"])
    (journal,) = (tmp_path / "here").glob("genrekit-tags-*.jsonl")
    assert f"--undo {journal.name} --write" in run.err

    # sound is what a prediction depends on, so the answer is the same
    run = genrekit("tag", library, "--model", model_path, "--write")
    assert [row["status"] for row in rows(run)] == ["same"] * 3 + ["error"]

    run = genrekit("tag", "--undo", journal)
    assert (run.status, {row["status"] for row in rows(run)}) == (0, {"would change"})
    run = genrekit("tag", "--undo", journal, "--write", "--journal", "undo.jsonl")
    assert (run.status, {row["status"] for row in rows(run)}) == (0, {"changed"})
    assert all(genres(library / f"{number}.wav") == () for number in range(3))
    assert len((tmp_path / "here" / "undo.jsonl").read_text().splitlines()) == 3


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_finished_results_are_taken_and_checked(genrekit, model_path, library, suffix):
    results = library.parent / f"out.{suffix}"
    genrekit("predict", library, "--model", model_path, "-o", results)
    (library / "1.wav").write_bytes((library / "0.wav").read_bytes())
    run = genrekit("tag", "--from", results, "--write")
    assert run.status == 3
    found = rows(run)
    assert [row["status"] for row in found] == ["changed", "error", "changed", "error"]
    assert "was changed since it was predicted" in found[1]["error"]
    assert found[0]["score"] > 0
    run = genrekit("tag", library / "2.wav", library / "none.wav", "--from", results)
    assert (rows(run)[0]["status"], "no result" in rows(run)[1]["error"]) == ("same", True)
    assert run.status == 3


def test_results_outlive_tags_titles_and_undoing(genrekit, model_path, library):
    (library / "broken.wav").unlink()
    results = library.parent / "out.csv"
    genrekit("predict", library, "--model", model_path, "-o", results)
    assert genrekit("tag", "--from", results, "--write", "--journal", "j").status == 0
    titled = FLAC(library / "0.wav")
    titled["title"] = "a new title"
    titled.save()
    for words in (("tag",), ("sort", "--link"), ("sort", "--copy", "--to", "c", "--write")):
        assert genrekit(*words, "--from", results).status == 0
    assert (
        "3 inputs finished before, 0 now"
        in genrekit("predict", library, "--model", model_path, "-o", results, "--resume").err
    )
    genrekit("tag", "--undo", "j", "--write", "--journal", "k")
    assert genrekit("tag", "--from", results).status == 0


def test_a_link_and_its_target_are_one_file(genrekit, model_path, library):
    (library / "a link.wav").symlink_to("0.wav")
    run = genrekit("tag", library / "a link.wav", library / "0.wav", "--model", model_path, "--write")
    assert run.status == 0
    assert [row["status"] for row in rows(run)] == ["changed", "same"]


def test_undoing_twice_and_after_a_move(genrekit, model_path, library):
    genrekit("tag", library, "--model", model_path, "--write", "--journal", "j")
    moved = library.rename(library.parent / "moved")
    run = genrekit("tag", "--undo", "j")
    assert run.status == 1
    assert "--root" in run.err
    undo = ("tag", "--undo", "j", "--root", moved, "--write", "--journal")
    assert {row["status"] for row in rows(genrekit(*undo, "k"))} == {"changed"}
    assert genres(moved / "0.wav") == ()
    again = genrekit(*undo, "l")
    assert (again.status, {row["status"] for row in rows(again)}) == (0, {"same"})
    assert genrekit("tag", moved, "--root", moved).status == 2


@pytest.mark.parametrize(
    ("words", "status"), [([], "kept"), (["--overwrite"], "changed"), (["--append"], "changed")]
)
def test_genres_that_are_there(genrekit, model_path, library, words, status):
    tags = open_tags(library / "0.wav")
    tags.put(Field.GENRE, ["Polka"])
    tags.save()
    run = genrekit("tag", library / "0.wav", "--model", model_path, "--write", *words)
    (row,) = rows(run)
    assert (row["status"], row["genre"]["before"]) == (status, ["Polka"])
    assert ("Polka" in row["genre"]["after"], len(row["genre"]["after"])) == (
        words != ["--overwrite"],
        1 + (words == ["--append"]),
    )
    assert genres(library / "0.wav") == tuple(row["genre"]["after"])


def test_an_unsure_answer_is_not_written(genrekit, model_path, library):
    run = genrekit("tag", library / "0.wav", "--model", model_path, "--write", "--min-confidence", 1)
    assert run.status == 0
    assert rows(run)[0]["status"] in ("unsure", "changed")
    assert (rows(run)[0]["status"] == "changed") == (rows(run)[0]["score"] == 1)


def test_a_table_for_people(genrekit, model_path, library, monkeypatch):
    monkeypatch.setenv("COLUMNS", "90")
    run = genrekit("tag", library, "--model", model_path, "--format", "table")
    lines = run.out.splitlines()
    assert [word in lines[0] for word in ("file", "genre now", "genre then", "score")] == [True] * 4
    assert sum("would change" in line for line in lines) == 3
    assert lines[1] == f"{library}/"
    assert lines[2].startswith("0.wav ")
    assert max(map(len, lines[2:5])) <= 90


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "nothing to tag"),
        (["x", "--overwrite", "--append"], "either --overwrite or --append"),
        (["x", "--undo", "j"], "--undo takes everything from its journal"),
        (["--from", "o.jsonl", "--model", "m"], "--from reads existing predictions"),
        (["--from", "o.txt"], "suffix of a file of results"),
        (["--from", "o.csv", "--write", "--journal", "there.jsonl"], "there.jsonl exists"),
    ],
)
def test_wrong_usage(genrekit, tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.jsonl").write_text("precious")
    run = genrekit("tag", *words)
    assert run.status == 2
    assert said in run.err
    assert (tmp_path / "there.jsonl").read_text() == "precious"


def test_no_journal_no_change(genrekit, library, tmp_path):
    (tmp_path / "j.jsonl").write_text("no journal\n")
    run = genrekit("tag", "--undo", tmp_path / "j.jsonl", "--write")
    assert run.status == 1
    assert "not a journal of 'genrekit tag'" in run.err
    (tmp_path / "empty.jsonl").write_text("")
    assert genrekit("tag", "--undo", tmp_path / "empty.jsonl").status == 1


def fields(path):
    tags = open_tags(path)
    return {field: list(tags.values(Field(field))) for field in ("genre", "bpm", "key")}


def test_tempo_and_key_from_start_to_undo(genrekit, model_path, library):
    before = hashes(library)
    run = genrekit("tag", library, "--model", model_path, "--with", "bpm,key")
    assert run.status == 3
    assert hashes(library) == before
    planned = rows(run)[:3]
    assert all(len(row["bpm"]["after"]) == 1 for row in planned)

    run = genrekit("tag", library, "--model", model_path, "--with", "bpm,key", "--write", "--journal", "j")
    for row, wanted in zip(rows(run), planned, strict=False):
        assert row["status"] == "changed"
        for name in ("genre", "bpm", "key"):
            assert fields(library / row["input"])[name] == row[name]["after"] == wanted[name]["after"]

    run = genrekit("tag", "--undo", "j", "--write")
    assert (run.status, {row["status"] for row in rows(run)}) == (0, {"changed"})
    empty = {"genre": [], "bpm": [], "key": []}
    assert [fields(library / row["input"]) for row in planned] == [empty] * 3


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_finished_results_bring_their_measures(genrekit, model_path, library, suffix):
    results = library.parent / f"out.{suffix}"
    genrekit("predict", library / "0.wav", "--model", model_path, "--with", "bpm,key", "-o", results)
    run = genrekit("tag", "--from", results, "--with", "bpm,key", "--write")
    (row,) = rows(run)
    assert (run.status, row["status"]) == (0, "changed")
    assert fields(library / "0.wav")["bpm"] == row["bpm"]["after"] != []
    genrekit(
        "predict", library / "1.wav", "--model", model_path, "--with", "key", "-o", results, "--overwrite"
    )
    run = genrekit("tag", "--from", results, "--with", "bpm,key", "--write")
    (row,) = rows(run)
    assert (run.status, row["status"]) == (1, "error")
    assert "has no bpm; 'genrekit predict --with bpm,key -o' measures it" in row["error"]
    assert genrekit("tag", "--from", results, "--with", "key").status == 0


def test_a_table_with_tempo_and_key(genrekit, model_path, library, monkeypatch):
    monkeypatch.setenv("COLUMNS", "110")
    tags = open_tags(library / "0.wav")
    tags.put(Field.BPM, ["61"])
    tags.save()
    words = ("tag", library, "--model", model_path, "--with", "key,bpm", "--format", "table", "--overwrite")
    lines = genrekit(*words).out.splitlines()
    assert lines[0].split() == "file genre now genre then score key bpm".split()
    assert "61 -> " in lines[2]
    assert "  -> " in lines[3]
    assert max(map(len, lines[2:5])) <= 110


def test_loudness_is_not_written(genrekit, library):
    run = genrekit("tag", library, "--with", "bpm,loudness")
    assert run.status == 2
    assert "ReplayGain" in run.err
    run = genrekit("tag", library, "--with", "tempo")
    assert run.status == 2
    assert "bpm, key" in run.err
    assert genrekit("tag", "--undo", "j", "--with", "bpm").status == 2
