"""Which loader reads what, and what is said where none does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.dataset_files import write_song

from genrekit.datasets import open_dataset
from genrekit.datasets.genres import Genres
from genrekit.datasets.names import is_slice, track_of
from genrekit.errors import DatasetError
from genrekit.text import printable, quote_all
from genrekit.types import Modality


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("gtzn:data", "Did you mean gtzan:data?"),
        ("Synthetic:", "Did you mean synthetic:?"),
        ("synthetic", "Did you mean synthetic:?"),
        ("https://example.org/music.zip", "is an address; nothing is downloaded"),
        ("nowhere/at/all", "does not exist. Allowed are a folder of genre folders"),
        ("a\0b", "Allowed are"),
        ("x" * 5000, "Allowed are"),
        ("", "No data set is named. Allowed are"),
    ],
)
def test_unknown_sources_get_the_nearest_allowed_form(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DatasetError) as caught:
        open_dataset(source)
    assert message in str(caught.value)


def test_a_misspelt_path_names_its_neighbour(music: Path) -> None:
    with pytest.raises(DatasetError, match=r"Did you mean .*music\?"):
        open_dataset(music.with_name("musik"))


def test_one_song_is_no_data_set(tmp_path: Path) -> None:
    song = write_song(tmp_path / "a.wav")
    with pytest.raises(DatasetError, match=r"one audio file.*genrekit predict"):
        open_dataset(song)


def test_json_lines_are_a_manifest_like_any_table(tmp_path: Path) -> None:
    write_song(tmp_path / "a.wav")
    (tmp_path / "m.jsonl").write_text('{"path": "a.wav", "label": "Jazz", "year": 1959}\n')
    (example,) = open_dataset(tmp_path / "m.jsonl").examples
    assert (example.labels, example.extra) == (("jazz",), {"year": "1959"})
    (tmp_path / "a.json").write_text("[]")
    with pytest.raises(DatasetError, match="JSON"):
        open_dataset(tmp_path / "a.json")


def test_columns_decide_not_the_name(tmp_path: Path) -> None:
    write_song(tmp_path / "a.wav")
    (tmp_path / "features_30_sec.csv").write_text("path,label\na.wav,jazz\n")
    assert open_dataset(tmp_path / "features_30_sec.csv").layout == "manifest"
    (tmp_path / "labels.txt").write_text("path,label\na.wav,jazz\n")
    assert open_dataset(str(tmp_path / "labels.txt")).layout == "manifest"


def test_a_table_is_insisted_on(music: Path, gtzan: Path) -> None:
    with pytest.raises(DatasetError, match="holds audio files; a table of features is needed"):
        open_dataset(music, modality=Modality.TABLE)
    (gtzan / "features_30_sec.csv").unlink()
    with pytest.raises(DatasetError, match="holds audio files"):
        open_dataset(f"gtzan:{gtzan}", modality=Modality.TABLE)
    assert open_dataset(gtzan / "features_10_sec.csv", modality=Modality.TABLE).examples


def test_a_folder_without_labels(music: Path) -> None:
    write_song(music / "loose.wav", seed=9)
    dataset = open_dataset(music, require_labels=False)
    assert {e.id: e.labels for e in dataset.examples}["loose.wav"] == ()
    assert len(dataset.examples) == 7


def test_the_artist_replaces_the_group(tmp_path: Path) -> None:
    write_song(tmp_path / "a.wav")
    (tmp_path / "m.csv").write_text("path,label,Artist\na.wav,jazz,Monk\n")
    dataset = open_dataset(tmp_path / "m.csv")
    assert dataset.examples[0].group == "Monk"
    assert "the column 'Artist' was read as the group" in dataset.notes


@pytest.mark.parametrize(
    ("name", "track", "sliced"),
    [
        ("blues.00000.wav", "blues.00000", False),
        ("blues.00000.1.wav", "blues.00000", True),
        ("a/b\\blues.00000.12.flac", "blues.00000", True),
        ("song.1.wav", "song.1", False),
        ("song", "song", False),
        ("", "", False),
    ],
)
def test_tracks_of_names(name: str, track: str, sliced: bool) -> None:
    assert track_of(name) == track
    assert is_slice(name) is sliced


@given(st.binary(max_size=40))
def test_any_name_can_be_printed(name: bytes) -> None:
    text = printable(os.fsdecode(name))
    assert text.encode("utf-8").decode("utf-8") == text


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=40))
def test_labels_are_distinct_and_normalised(text: str) -> None:
    labels = Genres().read_name(text).labels
    assert len(set(labels)) == len(labels)
    assert Genres().read_name("|".join(labels)).labels == labels


def test_many_names_are_cut() -> None:
    assert quote_all(map(str, range(14))).endswith("'11' and 2 more")


def test_the_fingerprint_tells_other_content_under_the_same_names() -> None:
    one, other = (open_dataset(f"synthetic:?genres=2&songs=2&seconds=1&seed={seed}") for seed in (1, 2))
    assert [e.id for e in one.examples] == [e.id for e in other.examples]
    assert one.fingerprint != other.fingerprint
