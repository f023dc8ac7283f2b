"""A folder of genre folders, and what people put into folders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.dataset_files import write_song

from genrekit.datasets import open_dataset
from genrekit.errors import DatasetError
from genrekit.types import Modality

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


def reasons(dataset: object) -> dict[str, str]:
    return dict(dataset.left_out)  # type: ignore[attr-defined]


def test_a_folder_name_is_the_label_of_all_below_it(music: Path) -> None:
    write_song(music / "Blues" / "Muddy Waters" / "deep" / "song.flac", seed=9)
    dataset = open_dataset(music)
    assert (dataset.layout, dataset.modality) == ("folder", Modality.AUDIO)
    assert dataset.counts == {"blues": 4, "hip hop": 3}
    assert [e.id for e in dataset.examples][:2] == ["Blues/Muddy Waters/deep/song.flac", "Blues/song0.wav"]


def test_what_is_not_taken_has_a_reason(music: Path) -> None:
    (music / "Blues" / ".DS_Store").write_bytes(b"x")
    (music / "Blues" / "notes.txt").write_text("hello")
    (music / "Blues" / "empty.wav").touch()
    (music / "Blues" / "list.csv").write_text("a,b\n")
    (music / "Blues" / "cover.png").write_bytes(PNG)
    (music / "Blues" / "gone.wav").symlink_to(music / "nowhere.wav")
    (music / "Blues" / "folder.wav").mkdir()
    (music / ".git").mkdir()
    write_song(music / "loose.wav")
    dataset = open_dataset(music)
    assert len(dataset.examples) == 6
    told = reasons(dataset)
    assert told["Blues/.DS_Store"] == "is hidden"
    assert told[".git"] == "is hidden"
    assert told["Blues/notes.txt"] == "is not audio or an image"
    assert told["Blues/empty.wav"] == "is empty"
    assert told["Blues/list.csv"] == "is a table, not a media file"
    assert told["Blues/cover.png"] == "is an image; the data set is read as audio files"
    assert "no such file" in told["Blues/gone.wav"]
    assert told["loose.wav"] == "is not in a genre folder"


def test_a_directory_that_is_named_like_a_song_is_a_folder(music: Path) -> None:
    write_song(music / "Blues" / "x.wav" / "inner.wav", seed=7)
    assert "Blues/x.wav/inner.wav" in {e.id for e in open_dataset(music).examples}


def test_the_majority_decides_the_kind_unless_told(music: Path) -> None:
    for k in range(8):
        (music / "Blues" / f"cover{k}.png").write_bytes(PNG + bytes([k]))
    dataset = open_dataset(music)
    assert dataset.modality is Modality.IMAGE
    assert dataset.counts == {"blues": 8}
    assert any(
        "8 images and 6 audio files are mixed" in note and "by majority" in note for note in dataset.notes
    )
    heard = open_dataset(music, modality=Modality.AUDIO)
    assert heard.modality is Modality.AUDIO
    assert heard.counts == {"blues": 3, "hip hop": 3}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_not_opened(music: Path) -> None:
    os.mkfifo(music / "Blues" / "pipe.wav")
    assert "regular file" in reasons(open_dataset(music))["Blues/pipe.wav"]


def test_links_are_followed_once_and_loops_end(music: Path) -> None:
    write_song(music.parent / "elsewhere" / "far.wav", seed=5)
    (music / "Aaa").symlink_to(music / "Blues", target_is_directory=True)
    (music / "Blues" / "up").symlink_to(music, target_is_directory=True)
    (music / "Blues" / "far").symlink_to(music.parent / "elsewhere", target_is_directory=True)
    dataset = open_dataset(music)
    assert {e.id for e in dataset.examples if e.labels == ("blues",)} == {
        "Blues/far/far.wav",
        *(f"Blues/song{k}.wav" for k in range(3)),
    }
    assert reasons(dataset)["Blues/up"] == "is a link to a folder that was read already"
    assert reasons(dataset)["Aaa"] == "is a link to a folder that was read already"


def test_names_that_are_no_utf8(music: Path) -> None:
    try:
        song = write_song(music / "cafe" / "a.wav", seed=8)
        song.rename(song.with_name(os.fsdecode(b"\xff.wav")))
        song.parent.rename(music / os.fsdecode(b"caf\xe9"))
    except OSError:
        pytest.skip("the file system takes only UTF-8")
    example = next(e for e in open_dataset(music).examples if e.id.startswith("caf"))
    assert (example.id, example.labels) == ("caf\\xe9/\\xff.wav", ("caf\\xe9",))
    assert example.path is not None
    assert example.path.is_file()


def test_subfolders_are_groups_where_every_label_has_several(tmp_path: Path) -> None:
    for k, place in enumerate(("jazz/Monk/1", "jazz/Monk/2", "jazz/Evans/1", "rock/Queen/1", "rock/Who/1")):
        write_song(tmp_path / f"{place}.wav", seed=k)
    dataset = open_dataset(tmp_path)
    assert [e.group for e in dataset.examples] == ["Evans", "Monk", "Monk", "Queen", "Who"]
    assert any("one group" in note for note in dataset.notes)
    write_song(tmp_path / "metal" / "wav" / "1.wav", seed=7)
    write_song(tmp_path / "metal" / "wav" / "2.wav", seed=8)
    dataset = open_dataset(tmp_path)
    assert {e.group for e in dataset.examples} == {None}
    assert any("'metal' would have a single one" in note for note in dataset.notes)


def test_slices_of_a_track_are_one_group(tmp_path: Path) -> None:
    for k in range(3):
        write_song(tmp_path / "blues" / f"blues.00000.{k}.wav", seed=k)
        write_song(tmp_path / "rock" / f"song {k}.wav", seed=k)
    dataset = open_dataset(tmp_path)
    assert {e.labels[0]: e.group for e in dataset.examples} == {"blues": "blues.00000", "rock": None}


def test_sides_above_the_genres(tmp_path: Path) -> None:
    for side in ("train", "Val", "test"):
        write_song(tmp_path / side / "jazz" / "a.wav")
        write_song(tmp_path / side / "rock" / "b.wav", seed=1)
    dataset = open_dataset(tmp_path)
    assert dataset.counts == {"jazz": 3, "rock": 3}
    assert {e.id.split("/")[0]: e.split for e in dataset.examples} == {
        "train": "train",
        "Val": "valid",
        "test": "test",
    }
    assert any("were read as the split" in note for note in dataset.notes)


def test_one_single_label_is_said(tmp_path: Path) -> None:
    write_song(tmp_path / "wrapper" / "jazz" / "a.wav")
    write_song(tmp_path / "wrapper" / "rock" / "a.wav", seed=1)
    dataset = open_dataset(tmp_path)
    assert dataset.counts == {"wrapper": 2}
    assert any("only one label" in note and "one level deeper" in note for note in dataset.notes)


def test_a_label_with_one_file_is_said(music: Path) -> None:
    write_song(music / "jazz" / "only.wav")
    dataset = open_dataset(music)
    assert dataset.counts["jazz"] == 1
    assert any(note.startswith("'jazz': a single example") for note in dataset.notes)


def test_a_manifest_that_lies_there_is_mentioned(music: Path) -> None:
    (music / "labels.csv").write_text("path,label\n")
    assert any(note.startswith("labels.csv was not read") for note in open_dataset(music).notes)


def test_names_of_gtzan_are_recognised(tmp_path: Path) -> None:
    write_song(tmp_path / "blues" / "blues.00000.wav")
    write_song(tmp_path / "rock" / "rock.00000.wav", seed=1)
    assert any("gtzan:FOLDER" in note for note in open_dataset(tmp_path).notes)


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no genre folder.*It is empty.*one folder per genre"):
        open_dataset(tmp_path)


def test_a_folder_without_genre_folders_names_its_manifest(tmp_path: Path) -> None:
    write_song(tmp_path / "loose.wav")
    (tmp_path / "labels.csv").write_text("path,label\nloose.wav,jazz\n")
    with pytest.raises(DatasetError, match=r"labels\.csv is the manifest"):
        open_dataset(tmp_path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_unreadable_files_and_folders(music: Path) -> None:
    (music / "Blues" / "song0.wav").chmod(0)
    (music / "Hip  Hop").chmod(0)
    try:
        told = reasons(open_dataset(music))
        assert "permission" in told["Blues/song0.wav"]
        assert "cannot be listed" in told["Hip  Hop"]
        music.chmod(0)
        with pytest.raises(DatasetError, match="cannot be"):
            open_dataset(music)
    finally:
        music.chmod(0o755)
        (music / "Hip  Hop").chmod(0o755)


def test_spellings_of_one_genre_stay_apart_unless_merged(music: Path) -> None:
    write_song(music / "rap" / "a.wav", seed=3)
    write_song(music / "rap" / "b.wav", seed=4)
    dataset = open_dataset(music)
    assert dataset.labels == ("blues", "hip hop", "rap")
    assert any("'hip hop', 'rap' are spellings of one genre" in note for note in dataset.notes)
    merged = open_dataset(music, merge_labels=True)
    assert merged.counts == {"blues": 3, "hip-hop": 5}
    assert any("were merged into 'hip-hop'" in note for note in merged.notes)
