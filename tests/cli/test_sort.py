"""``genrekit sort``, from words to files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from genrekit.hashing import content_of


@pytest.fixture
def library(tmp_path, monkeypatch, songs):
    monkeypatch.chdir(tmp_path)
    Path("music").mkdir()
    for number, example in enumerate(songs.examples[:9:4]):
        shutil.copy(example.path, f"music/{number}.wav")
    Path("music/bad.mp3").write_bytes(b"this is no sound\n" * 50)
    return tmp_path


@pytest.fixture
def results():
    """Results of a batch, as 'genrekit predict -o' writes them."""

    def write(answers: dict[str, tuple[str | None, float]]) -> Path:
        lines = []
        for name, (label, score) in answers.items():
            row = {"input": name, "label": label, "score": score, "model": "tiny", "error": None}
            content = content_of(name)
            lines.append(json.dumps(row | {"bytes": content.size, "sha256": content.sha256}) + "\n")
        path = Path("out.jsonl")
        path.write_text("".join(lines))
        return path

    return write


ANSWERS = {"music/0.wav": ("rock", 0.9), "music/1.wav": ("jazz", 0.4), "music/2.wav": ("rock", 0.8)}


def rows(run):
    return [json.loads(line) for line in run.out.splitlines()]


def test_a_library_becomes_playlists(genrekit, library, model_path, songs):
    run = genrekit("sort", "music", "--by", "genre", "--model", model_path, "--write", "-j", 1)
    assert run.status == 3
    assert [row["input"] for row in rows(run)] == [
        f"music/{name}" for name in ("0.wav", "1.wav", "2.wav", "bad.mp3")
    ]
    assert rows(run)[3]["error"]
    assert rows(run)[3]["target"] is None
    for row in rows(run)[:3]:
        assert row["genre"] in songs.labels
        assert f"../{row['input']}" in Path(row["target"]).read_text("utf-8").splitlines()
    assert "1 of 4 files" in run.err


def test_without_write_nothing_is_made(genrekit, library, results):
    run = genrekit("sort", "--from", results(ANSWERS))
    assert run.status == 0
    assert {row["target"] for row in rows(run)} == {
        str(Path("playlists", f"{g}.m3u8")) for g in ("Rock", "Jazz")
    }
    assert not Path("playlists").exists()
    assert "--write" in run.err


@pytest.mark.parametrize("how", ["--link", "--copy"])
def test_finished_results_become_folders(genrekit, library, results, how):
    run = genrekit("sort", "--from", results(ANSWERS), how, "--to", "by", "--write", "--min-confidence", 0.5)
    assert run.status == 0
    assert set(rows(run)[0]) == {"input", "genre", "name", "target", "error"}
    made = sorted(path.relative_to("by").as_posix() for path in Path("by").rglob("*.wav"))
    assert made == ["Rock/0.wav", "Rock/2.wav", "unsure/1.wav"]
    assert Path("by/Rock/0.wav").is_symlink() == (how == "--link")
    assert Path("by/Rock/0.wav").read_bytes() == Path("music/0.wav").read_bytes()


def test_paths_choose_among_the_results(genrekit, library, results):
    run = genrekit("sort", "music/2.wav", "music/bad.mp3", "--from", results(ANSWERS))
    assert run.status == 3
    assert [(row["input"], row["genre"]) for row in rows(run)] == [
        ("music/2.wav", "rock"),
        ("music/bad.mp3", None),
    ]


def test_a_file_that_changed_is_a_row_with_error(genrekit, library, results):
    path = results({"music/0.wav": ("rock", 0.9)})
    Path("music/0.wav").write_bytes(b"new")
    run = genrekit("sort", "--from", path, "--write")
    assert run.status == 1
    assert "changed since" in rows(run)[0]["error"]
    assert not Path("playlists").exists()


def test_the_table_has_a_line_a_genre_and_says_what_failed(genrekit, library, results, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    path = results({**ANSWERS, "music/bad.mp3": (None, 0.2)})
    Path("music/1.wav").unlink()
    run = genrekit("sort", "--from", path, "--format", "table")
    lines = [line.split() for line in run.out.splitlines()]
    assert ["Rock", "2", "0.wav,", "2.wav"] in lines
    assert ["unsure", "1", "bad.mp3"] in lines
    assert "music/1.wav: There is no such file" in run.out
    assert run.status == 3


def test_an_existing_playlist_is_replaced_only_where_asked(genrekit, library, results):
    path = results(ANSWERS)
    Path("playlists").mkdir()
    Path("playlists/Jazz.m3u8").write_text("mine")
    assert genrekit("sort", "--from", path, "--write").status == 3
    assert Path("playlists/Jazz.m3u8").read_text() == "mine"
    assert genrekit("sort", "--from", path, "--write", "--overwrite").status == 0
    assert Path("playlists/Jazz.m3u8").read_text().startswith("#EXTM3U")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "nothing to sort"),
        (["music", "--link", "--copy"], "not both"),
        (["music", "--from", "out.jsonl", "--model", "gtzan"], "--model cannot be used with it"),
        (["music", "--to", "music/bad.mp3"], "is not a folder"),
        (["--from", "out.txt"], "suffix of a file of results"),
    ],
)
def test_wrong_usage_says_what_is_wrong(genrekit, library, words, message):
    run = genrekit("sort", *words)
    assert run.status == 2
    assert message in run.err
    assert not run.out


def test_results_without_rows_are_nothing_to_sort(genrekit, library):
    Path("empty.jsonl").write_text("")
    run = genrekit("sort", "--from", "empty.jsonl")
    assert run.status == 1
    assert "nothing to sort" in run.err


@pytest.mark.parametrize("how", [[], ["--link"], ["--copy"]])
def test_covers_are_not_sorted(genrekit, library, results, how):
    Path("music/cover.jpg").write_bytes(b"a picture")
    Path("music/cover").write_bytes(b"\x89PNG\r\n\x1a\n")
    pictures = dict.fromkeys(("music/cover.jpg", "music/cover"), ("jazz", 0.9))
    run = genrekit("sort", "--by", "genre", "--from", results(ANSWERS | pictures), *how)
    assert run.status == 0
    assert [row["input"] for row in rows(run)] == list(ANSWERS)
    assert "pictures among the predictions, left out: 2" in run.err


def test_playlists_of_an_earlier_run_are_named(genrekit, library, results):
    sort = ("sort", "--from", results(ANSWERS), "--write")
    assert "not of this run" not in genrekit(*sort).err
    run = genrekit(*sort, "--min-confidence", 0.95)
    assert run.status == 0
    assert "in playlists and not of this run: Jazz.m3u8, Rock.m3u8" in run.err


def test_links_of_an_earlier_run_are_named(genrekit, library, results):
    sort = ("sort", "--from", results(ANSWERS), "--link", "--to", "by", "--write")
    assert "not of this run" not in genrekit(*sort).err
    assert "Rock/2.wav" in genrekit(*sort, "--min-confidence", 0.85).err


def test_results_are_relative_to_where_they_were_made(genrekit, library, model_path, monkeypatch):
    assert genrekit("predict", "music/0.wav", "--model", model_path, "-o", "out.csv").status == 0
    (library / "elsewhere").mkdir()
    monkeypatch.chdir(library / "elsewhere")
    run = genrekit("sort", "--from", "../out.csv")
    assert run.status == 0
    assert rows(run)[0]["input"] == str(library / "music/0.wav")
    assert genrekit("sort", "../music/0.wav", "--from", "../out.csv").status == 0
    (library / "music").rename(library / "moved")
    run = genrekit("sort", "--from", "../out.csv")
    assert run.status == 1
    assert f"start at {library}" in rows(run)[0]["error"]


def test_results_that_were_moved_without_their_journal_say_what_paths_start_at(
    genrekit, library, results, monkeypatch
):
    path = results(ANSWERS)
    (library / "elsewhere").mkdir()
    shutil.move(path, "elsewhere/out.jsonl")
    monkeypatch.chdir(library / "elsewhere")
    run = genrekit("sort", "--from", "out.jsonl")
    assert (run.status, run.err.count("its paths start at the folder where it was predicted")) == (1, 1)
    monkeypatch.chdir(library)
    run = genrekit("sort", "--from", "elsewhere/out.jsonl")
    assert (run.status, "its paths start at" in run.err) == (0, False)


@pytest.mark.parametrize("absolute", [False, True])
def test_results_of_a_moved_library_are_found_below_root(genrekit, library, results, absolute):
    start = f"{library}/" if absolute else ""
    path = results({f"{start}music/{number}.wav": ("rock", 0.9) for number in (0, 1)})
    Path("music").rename("moved")
    run = genrekit("sort", "--from", path)
    assert (run.status, run.err.count("--root FOLDER")) == (1, 1)
    run = genrekit("sort", "--from", path, "--root", "moved")
    assert (run.status, [row["input"] for row in rows(run)]) == (0, ["moved/0.wav", "moved/1.wav"])
    for wrong in (("--root", "nowhere", "--from", path), ("--root", "moved", "moved")):
        assert genrekit("sort", *wrong).status == 2


def test_results_are_found_through_a_link_to_their_folder(genrekit, library, results):
    Path("link").symlink_to("music", target_is_directory=True)
    run = genrekit("sort", "link/0.wav", "--from", results(ANSWERS))
    assert (run.status, rows(run)[0]["input"]) == (0, "link/0.wav")
