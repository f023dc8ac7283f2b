"""GTZAN: what is known of it is applied, on a miniature here and on the real one where it is present."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.dataset_files import KAGGLE_HEADER, kaggle_row, write_rows, write_song

from genrekit.datasets import open_dataset
from genrekit.datasets.base import Dataset
from genrekit.datasets.gtzan.facts import REPEATS
from genrekit.datasets.gtzan.lists import shipped_artists, shipped_split
from genrekit.datasets.gtzan.loader import with_gtzan_facts
from genrekit.datasets.names import track_of
from genrekit.datasets.splits import make_split
from genrekit.errors import DatasetError
from genrekit.types import Modality


def test_the_table_with_artists_splits_and_repeats(gtzan: Path) -> None:
    dataset = open_dataset(f"gtzan:{gtzan}", prefer="table")
    assert dataset.modality is Modality.TABLE
    by_id = {e.id: e for e in dataset.examples}
    assert dataset.left_out == (("metal.00058.wav", "repeats rock.00016 (Sturm 2013)"),)
    assert {name: e.group for name, e in by_id.items()} == {
        "blues.00000.wav": "john lee hooker",
        "blues.00001.wav": "blues.00001",
        "metal.00059.wav": "dio",
        "rock.00016.wav": "queen",
        "rock.00017.wav": "rock.00017",
    }
    assert {name: e.split for name, e in by_id.items()} == {
        "blues.00000.wav": "train",
        "blues.00001.wav": "valid",
        "metal.00059.wav": "train",
        "rock.00016.wav": "test",
        "rock.00017.wav": None,
    }
    assert by_id["rock.00016.wav"].extra["artist"] == "Queen"
    assert any("2 train, 1 valid, 1 test tracks; on none" in note for note in dataset.notes)
    assert any(
        "table features_30_sec.csv was read; the audio in genres_original was not" in n for n in dataset.notes
    )


def test_the_audio(gtzan: Path) -> None:
    dataset = open_dataset(f"gtzan:{gtzan}", prefer="audio")
    assert dataset.modality is Modality.AUDIO
    # rock.00016 is not there to be repeated.
    assert [e.id for e in dataset.examples] == [
        "blues/blues.00000.wav",
        "blues/blues.00001.wav",
        "metal/metal.00058.wav",
        "metal/metal.00059.wav",
    ]
    assert any("the table features_30_sec.csv was not" in note for note in dataset.notes)
    assert any("no songs of classical, country" in note for note in dataset.notes)


def test_without_a_preference_the_more_complete_one_is_read(gtzan: Path) -> None:
    dataset = open_dataset(f"gtzan:{gtzan}")
    assert dataset.modality is Modality.TABLE
    assert any("it has more tracks than the audio" in note for note in dataset.notes)
    for k in range(5):
        write_song(gtzan / "genres_original" / "disco" / f"disco.{k:05d}.wav", seed=50 + k)
    dataset = open_dataset(f"gtzan:{gtzan}")
    assert dataset.modality is Modality.AUDIO
    assert any("it has more tracks than the table" in note for note in dataset.notes)


def test_a_table_of_slices(gtzan: Path) -> None:
    dataset = open_dataset(f"gtzan:{gtzan / 'features_10_sec.csv'}")
    assert {e.group for e in dataset.examples if e.id.startswith("blues.00000")} == {"john lee hooker"}
    assert {e.split for e in dataset.examples if e.id.startswith("rock.00016")} == {"test"}
    assert [name for name, _ in dataset.left_out] == ["metal.00058.0.wav", "metal.00058.1.wav"]


def test_the_folder_of_genres_itself(gtzan: Path) -> None:
    dataset = open_dataset(f"gtzan:{gtzan / 'genres_original'}")
    assert len(dataset.examples) == 4
    assert {e.id: (e.group, e.split) for e in dataset.examples} == {
        "blues/blues.00000.wav": ("john lee hooker", "valid"),
        "blues/blues.00001.wav": ("john lee hooker", "valid"),
        "metal/metal.00058.wav": ("queen", None),
        "metal/metal.00059.wav": ("queen", "train"),
    }
    assert any("Sturm's index" in note for note in dataset.notes)


def test_the_broken_file_is_left_out_only_while_it_is_broken(gtzan: Path) -> None:
    song = write_song(gtzan / "genres_original" / "jazz" / "jazz.00054.wav")
    (song.parent / ".hidden.wav").touch()
    assert "jazz/jazz.00054.wav" in {e.id for e in open_dataset(f"gtzan:{gtzan}", prefer="audio").examples}
    song.write_bytes(b"\0" * 100)
    told = dict(open_dataset(f"gtzan:{gtzan}", prefer="audio").left_out)
    assert told["jazz/jazz.00054.wav"] == "is known to be broken: it has no RIFF header"
    assert told["jazz/.hidden.wav"] == "is hidden"


def test_rows_with_the_same_numbers_are_kept_once(tmp_path: Path) -> None:
    rows = [kaggle_row("jazz.00053.0.wav", "jazz", 1), kaggle_row("jazz.00054.0.wav", "jazz", 1)]
    table = write_rows(tmp_path / "features_3_sec.csv", [KAGGLE_HEADER, *rows])
    dataset = open_dataset(f"gtzan:{table}")
    assert dataset.left_out == (("jazz.00054.0.wav", "has the same numbers as jazz.00053.0.wav"),)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("gtzan:", "names no folder"),
        ("gtzan:{}/nowhere", "does not exist"),
        ("gtzan:{}", "does not contain features_30_sec.csv or a folder of genres"),
        ("gtzan:{}/list.csv", "not a table of features"),
    ],
)
def test_what_is_no_gtzan(tmp_path: Path, source: str, message: str) -> None:
    write_rows(tmp_path / "list.csv", [["path", "label"], ["a.wav", "jazz"]])
    with pytest.raises(DatasetError, match=message):
        open_dataset(source.format(tmp_path))


def test_a_folder_with_only_slices_names_their_table(gtzan: Path) -> None:
    (gtzan / "features_30_sec.csv").unlink()
    (gtzan / "genres_original").rename(gtzan / "elsewhere")
    with pytest.raises(DatasetError, match=r"table of slices: gtzan:.*features_10_sec\.csv"):
        open_dataset(f"gtzan:{gtzan}")


def test_what_is_asked_for_must_be_there(gtzan: Path) -> None:
    (gtzan / "genres_original").rename(gtzan / "elsewhere")
    with pytest.raises(DatasetError, match="no audio"):
        open_dataset(f"gtzan:{gtzan}", prefer="audio")
    with pytest.raises(DatasetError, match="does not contain"):
        open_dataset(f"gtzan:{gtzan}", schemas={})


def test_no_repeat_is_kept_for_another(shared_data: Path) -> None:
    assert not set(REPEATS) & set(REPEATS.values())
    lists = shared_data / "gtzan" / "splits"
    listed = {Path(line).stem for path in lists.glob("*.txt") for line in path.read_text().splitlines()}
    assert len(listed) == 930
    assert not set(REPEATS) & listed, "where one of two is published, that one is kept"


def test_the_real_one(shared_data: Path) -> None:
    dataset = open_dataset(f"gtzan:{shared_data / 'gtzan'}", prefer="table")
    sides = [e.split for e in dataset.examples]
    assert [sides.count(side) for side in ("train", "valid", "test", None)] == [443, 197, 290, 20]
    assert len(dataset.left_out) == 50
    artists: dict[str | None, set[str | None]] = {}
    for example in dataset.examples:
        if example.split:
            artists.setdefault(example.group, set()).add(example.split)
    assert all(len(found) == 1 for found in artists.values()), "no artist is on two sides"
    slices = open_dataset(f"gtzan:{shared_data / 'gtzan' / 'features_10_sec.csv'}")
    rows = [tuple((e.row or {}).values()) for e in slices.examples]
    assert len(set(rows)) == len(rows)
    assert not any(e.id.startswith("jazz.00054") for e in slices.examples), "its rows are those of jazz.00053"
    audio = open_dataset(f"gtzan:{shared_data / 'gtzan'}", prefer="audio")
    assert len(audio.examples) == 60


def table_of(
    tmp_path: Path, tracks: list[str], *, columns: tuple[str, ...] = (), more: tuple[object, ...] = ()
) -> Path:
    rows = [[*kaggle_row(f"{track}.wav", track.split(".")[0], k), *more] for k, track in enumerate(tracks)]
    return write_rows(tmp_path / "features_30_sec.csv", [[*KAGGLE_HEADER, *columns], *rows])


ALL_PARTS = [
    "blues.00030",
    "blues.00000",
    "blues.00012",
    "metal.00058",
    "rock.00016",
    "rock.00017",
    "disco.00038",
]


@pytest.mark.parametrize("slices", [False, True])
def test_a_table_of_its_names_is_read_like_it(tmp_path: Path, slices: bool) -> None:
    tracks = [f"{track}.{k}" for track in ALL_PARTS for k in range(2)] if slices else ALL_PARTS
    path = table_of(tmp_path, tracks)
    plain, known = open_dataset(path), open_dataset(f"gtzan:{path}")
    assert plain.fingerprint == known.fingerprint
    assert (plain.layout, plain.left_out) == ("gtzan", known.left_out)
    facts = {track_of(e.id): (e.group, e.split) for e in plain.examples}
    assert facts == {
        "blues.00030": ("kelly joe phelps", "train"),
        "blues.00000": ("john lee hooker", "valid"),
        "blues.00012": ("robert johnson", "test"),
        "rock.00016": ("queen", "train"),
        "rock.00017": ("queen", "train"),
        "disco.00038": (facts["disco.00038"][0], None),
    }
    assert any("names are GTZAN's" in note for note in plain.notes)
    split = make_split(plain.examples, by="published")
    assert len(split.test) == (2 if slices else 1)


def test_groups_and_splits_of_the_table_stay(tmp_path: Path) -> None:
    path = table_of(tmp_path, ALL_PARTS, columns=("artist", "split"), more=("me", "train"))
    dataset = open_dataset(path)
    assert {(e.group, e.split) for e in dataset.examples} == {("me", "train")}


def test_a_part_of_it_and_a_mixture_have_artists_but_no_published_split(tmp_path: Path) -> None:
    for tracks in (["blues.00030", "blues.00031"], [*ALL_PARTS, "own song"]):
        dataset = open_dataset(table_of(tmp_path, tracks))
        assert {e.split for e in dataset.examples} == {None}
        assert "kelly joe phelps" in {e.group for e in dataset.examples}
        assert any("published split was not set" in note for note in dataset.notes)


def test_a_table_of_other_names_is_left_alone(tmp_path: Path) -> None:
    for tracks in (["mine.00000", "yours.00001"], ["blues.00000", "a", "b"], ["blues.00100", "blues.12345"]):
        dataset = open_dataset(table_of(tmp_path, tracks))
        assert (dataset.layout, {e.group for e in dataset.examples}) == ("table", {None})


def test_the_lists_of_the_package() -> None:
    artists, split = shipped_artists(), shipped_split()
    assert len(artists) == 919
    assert len(split) == 930
    assert not set(REPEATS) & set(split)
    sides: dict[str, set[str]] = {}
    for track, side in split.items():
        if track in artists:
            sides.setdefault(artists[track][0].casefold(), set()).add(side)
    assert max(map(len, sides.values())) == 1, "no artist is on two sides"


def test_the_lists_of_the_package_are_the_published_ones(shared_data: Path) -> None:
    path = shared_data / "gtzan" / "features_30_sec.csv"
    without_lists = open_gtzan_alone(path)
    beside = open_dataset(f"gtzan:{path}")
    assert without_lists.fingerprint == beside.fingerprint


def open_gtzan_alone(path: Path) -> Dataset:
    dataset = open_dataset(path)
    bare = [replace(e, group=None, split=None) for e in dataset.examples]
    return with_gtzan_facts(replace(dataset, examples=tuple(bare)), Path("nowhere"))
