"""A library by genre: what is made, what is left alone, and what names become."""

from __future__ import annotations

import errno
import os
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genrekit.hashing import content_of, hash_file
from genrekit.library.place import Copy, put
from genrekit.library.sort import Kind, safe_name, sort_songs
from genrekit.types import Content, Prediction

BY_PATH = {"a/song.mp3": "rock", "b/song.mp3": "rock", "a/quiet.flac": "jazz", "b/Odd.ogg": None}
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in "123456789¹²³")}
FOLDERS = pytest.mark.parametrize("kind", [Kind.LINK, Kind.COPY])
ALL = pytest.mark.parametrize("kind", list(Kind))


@pytest.fixture
def library(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in BY_PATH:
        path = Path("music", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode() * 100)
    return tmp_path


def answered(path: Path | str, label: str | None, score: float = 0.8) -> Prediction:
    return Prediction(str(path), "tiny", label, score, content=content_of(path))


def predicted() -> list[Prediction]:
    return [answered(Path("music", name), label) for name, label in BY_PATH.items()]


def made(predictions, kind=Kind.PLAYLIST, to="out", *, write=True, **options):
    return list(sort_songs(predictions, Path(to), kind, write=write, **options))


def below(folder: str) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if not path.is_dir()
    )


def test_playlists_are_in_the_order_of_the_inputs_and_lead_to_the_files(library):
    rows = made(predicted())
    assert below("out") == ["jazz.m3u8", "rock.m3u8", "unsure.m3u8"]
    text = Path("out/rock.m3u8").read_bytes().decode()
    assert text == "#EXTM3U\n../music/a/song.mp3\n../music/b/song.mp3\n"
    assert [row.genre for row in rows] == ["rock", "rock", "jazz", None]
    assert [Path(row.target).name for row in rows] == ["rock.m3u8", "rock.m3u8", "jazz.m3u8", "unsure.m3u8"]


def test_playlists_reached_through_a_link_lead_to_the_files(library):
    Path("deep/er").mkdir(parents=True)
    Path("out").symlink_to("deep/er")
    made(predicted())
    for line in Path("deep/er/rock.m3u8").read_text("utf-8").splitlines()[1:]:
        assert Path("deep/er", line).is_file()


@FOLDERS
def test_folders_have_every_file_under_a_name_of_its_own(library, kind):
    rows = made(predicted(), kind)
    assert below("out") == ["jazz/quiet.flac", "rock/song (2).mp3", "rock/song.mp3", "unsure/Odd.ogg"]
    for row in rows:
        assert hash_file(row.target) == hash_file(row.input)
        assert Path(row.target).is_symlink() == (kind is Kind.LINK)
    assert below("music") == sorted(BY_PATH)


@FOLDERS
def test_a_file_that_failed_keeps_its_name_for_the_next_run(library, kind):
    predictions = predicted()
    content = Path("music/a/song.mp3").read_bytes()
    Path("music/a/song.mp3").write_text("new")
    assert made(predictions, kind)[0].error
    Path("music/a/song.mp3").write_bytes(content)
    assert not any(row.error for row in made(predictions, kind))
    assert below("out/rock") == ["song (2).mp3", "song.mp3"]


def test_links_are_relative_so_that_all_can_be_moved(library):
    made(predicted(), Kind.LINK)
    assert not Path("out/rock/song.mp3").readlink().is_absolute()
    Path("moved").mkdir()
    Path("music").rename("moved/music")
    Path("out").rename("moved/out")
    assert Path("moved/out/rock/song (2).mp3").samefile("moved/music/b/song.mp3")


def test_copies_keep_their_time(library):
    os.utime("music/a/song.mp3", (1e9, 1e9))
    made(predicted(), Kind.COPY)
    assert Path("out/rock/song.mp3").stat().st_mtime == 1e9


@ALL
def test_a_dry_run_makes_nothing_and_says_the_same(library, kind):
    dry = made(predicted(), kind, write=False)
    assert not Path("out").exists()
    assert dry == made(predicted(), kind)


@ALL
def test_the_same_run_again_finds_its_work_done(library, kind):
    first = made(predicted(), kind)
    times = [os.lstat(row.target).st_mtime_ns for row in first]
    assert made(predicted(), kind) == first
    assert [os.lstat(row.target).st_mtime_ns for row in first] == times


@ALL
@pytest.mark.parametrize("write", [False, True])
def test_what_is_there_stays_unless_it_may_be_overwritten(library, kind, write):
    target = Path("out/jazz.m3u8" if kind is Kind.PLAYLIST else "out/jazz/quiet.flac")
    target.parent.mkdir(parents=True)
    target.write_text("mine")
    rows = made(predicted(), kind, write=write)
    assert [row.error is None for row in rows] == [True, True, False, True]
    assert "is there already" in rows[2].error
    assert rows[2].target is None
    assert target.read_text() == "mine"
    rows = made(predicted(), kind, overwrite=True)
    assert not any(row.error for row in rows)
    assert target.read_bytes() != b"mine"
    assert not list(Path("out").rglob(".genrekit*"))


@ALL
def test_a_folder_is_never_replaced(library, kind):
    target = Path("out/jazz.m3u8" if kind is Kind.PLAYLIST else "out/jazz/quiet.flac")
    target.mkdir(parents=True)
    assert made(predicted(), kind, overwrite=True)[2].error
    assert target.is_dir()


@FOLDERS
def test_file_systems_without_hard_links_do(library, kind, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    assert not any(row.error for row in made(predicted(), kind))
    assert len(below("out")) == 4


@ALL
def test_what_changed_since_is_an_error(library, kind):
    predictions = predicted()
    Path("music/a/song.mp3").write_text("new")
    rows = made(predictions, kind)
    assert rows[0].error == "The file was changed since it was predicted."
    assert rows[0].target is None
    assert not any(row.error for row in rows[1:])
    made_of_it = Path("out/rock.m3u8").read_text() if kind is Kind.PLAYLIST else str(below("out"))
    assert made_of_it.count("song") == 1


def test_a_copy_is_compared_even_where_nothing_else_is(library):
    predictions = predicted()
    Path("music/a/song.mp3").write_text("new")
    rows = made(predictions, Kind.COPY, check=False)
    assert [bool(row.error) for row in rows] == [True, False, False, False]
    assert below("out/rock") == ["song (2).mp3"]
    assert Path("out/rock/song (2).mp3").read_bytes() == Path("music/b/song.mp3").read_bytes()


@ALL
def test_a_place_that_cannot_be_written_is_rows_that_name_it(library, kind):
    Path("out").write_text("a file")
    rows = made(predicted(), kind, to="out/deeper")
    assert all("out" in row.error and row.target is None for row in rows)


@ALL
def test_what_cannot_be_sorted_is_a_row_and_nothing_more(library, kind):
    gone = Prediction("music/gone.mp3", label="rock", score=0.9, content=Content(1, "0" * 64))
    rows = made(
        [
            Prediction("bad.wav", error="It is text, not audio."),
            gone,
            Prediction("music/a/song.mp3", label="rock", score=0.9),
            Prediction("s3://bucket/song.mp3", label="rock", score=0.9),
            Prediction("nul\0.mp3", label="rock", score=0.9),
            Prediction("music", label="rock", score=0.9),
        ],
        kind,
    )
    assert len(rows) == 6
    assert all(row.error and row.target is None for row in rows)
    assert not Path("out").exists()


def test_answers_below_the_confidence_are_unsure(library):
    predictions = [
        answered("music/a/song.mp3", "rock", 0.5),
        answered("music/b/song.mp3", "rock", 0.49),
        answered("music/b/Odd.ogg", "rock", float("nan")),
    ]
    assert [row.genre for row in made(predictions, min_confidence=0.5)] == ["rock", None, None]


def test_a_genre_that_is_called_unsure_is_not_mixed_with_no_answer(library):
    rows = made([answered("music/a/song.mp3", None), answered("music/b/song.mp3", "Unsure")])
    assert [Path(row.target).name for row in rows] == ["unsure.m3u8", "Unsure (2).m3u8"]


def test_names_that_differ_in_case_or_in_unsafe_letters_alone_are_kept_apart(library):
    labels = ("r&b/soul", "R&B:Soul", "r&b_soul")
    rows = made([answered("music/a/song.mp3", label) for label in labels])
    assert [Path(row.target).name for row in rows] == [
        "r&b_soul.m3u8", "R&B_Soul (2).m3u8", "r&b_soul (3).m3u8",
    ]  # fmt: skip


def test_a_file_that_is_given_twice_is_there_once(library):
    twice = [answered("music/a/song.mp3", "rock"), answered("music/../music/a/song.mp3", "rock")]
    assert len({row.target for row in made(twice, Kind.COPY)}) == 1
    assert below("out") == ["rock/song.mp3"]
    made(twice, to="lists")
    assert Path("lists/rock.m3u8").read_text() == "#EXTM3U\n../music/a/song.mp3\n"


@FOLDERS
def test_what_was_sorted_is_not_sorted_again_and_no_file_replaces_itself(library, kind):
    made(predicted(), kind)
    again = [answered("out/rock/song.mp3", "rock"), answered("out/jazz/quiet.flac", "rock")]
    before = [Path(one.id).read_bytes() for one in again]
    rows = made(again, kind, overwrite=True)
    assert all("where sorted files go" in row.error for row in rows)
    assert [Path(one.id).read_bytes() for one in again] == before


@FOLDERS
def test_a_genre_folder_that_leads_into_the_library_is_not_written_to(library, kind):
    Path("out").mkdir()
    Path("out/rock").symlink_to("../music/a")
    before = Path("music/a/song.mp3").read_bytes()
    rows = made(predicted(), kind, overwrite=True)
    assert [bool(row.error) for row in rows] == [True, True, False, False]
    assert Path("music/a/song.mp3").read_bytes() == before


@pytest.mark.skipif(os.name == "nt", reason="such names cannot be there")
def test_names_that_a_playlist_cannot_hold_are_rows_and_odd_ones_lead_to_their_files(library):
    odd = ["#1.mp3", " space.mp3", "日本.mp3", "line\nbreak.mp3", os.fsdecode(b"caf\xe9.mp3")]
    for name in odd:
        try:
            Path(name).write_bytes(b"sound")
        except OSError:
            pytest.skip("the file system refuses such names")
    rows = made([answered(name, "rock") for name in odd], to=".")
    assert [bool(row.error) for row in rows] == [False, False, False, True, True]
    lines = Path("rock.m3u8").read_text("utf-8").splitlines()
    assert lines == ["#EXTM3U", "./#1.mp3", "./ space.mp3", "日本.mp3"]
    rows = made([answered(name, "rock") for name in odd[3:]], Kind.LINK)
    assert not any(row.error for row in rows)


@given(st.one_of(st.text(st.characters(), max_size=300), st.from_regex(r"(?i)(con|aux|lpt1|nul)[ .a]{0,4}")))
def test_safe_names_are_one_part_of_a_path_on_all_systems(text):
    name = safe_name(text)
    assert len(PurePosixPath(name).parts) == len(PureWindowsPath(name).parts) == 1
    assert not RESERVED & {name.partition(".")[0].rstrip().lower()}
    assert not set(name) & set('<>:"/\\|?*')
    assert name.isprintable()
    assert name not in (".", "..")
    assert not name.startswith(".")
    assert not name.endswith((".", " "))
    assert len(name.encode()) <= 124
    assert safe_name(name) == name


def test_a_full_disk_names_the_copy_and_not_the_song(tmp_path, monkeypatch):
    source, target = tmp_path / "song.wav", tmp_path / "by" / "rock" / "song.wav"
    source.write_bytes(b"sound")

    def full(src, dst):
        raise OSError(errno.ENOSPC, "No space left on device", str(src), None, str(dst))

    monkeypatch.setattr("shutil.copyfile", full)
    with pytest.raises(OSError, match="No space left") as caught:
        put(Copy(source, target, hash_file(source)), write=True, overwrite=False)
    assert caught.value.filename == str(target)
