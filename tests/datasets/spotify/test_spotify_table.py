"""Tables of Spotify features as data sets: labels, tracks, groups, and what is left out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.dataset_files import write_rows

from genrekit.datasets.base import Dataset
from genrekit.datasets.spotify.loader import open_spotify
from genrekit.errors import DatasetError
from genrekit.features.schema import SPOTIFY_COLUMNS
from genrekit.tables import open_table
from genrekit.testing.backend import check_loader
from genrekit.types import Modality


def features(seed: int) -> list[str]:
    """The 13 features of a made-up track, as text."""
    share = f"0.{seed + 1:03d}"
    return [
        *[share] * 5,
        f"-{seed + 1}.5",
        share,
        share,
        str(200_000 + seed),
        f"{90 + seed}.125",
        "5",
        "4",
        "1",
    ]


def write(
    path: Path, header: Sequence[str], rows: Sequence[Sequence[object]], seeds: Sequence[int] = ()
) -> Path:
    """Write rows of other columns, with the features of a track each; its position, without ``seeds``."""
    tracks = seeds or range(len(rows))
    lines = [[*row, *features(k)] for row, k in zip(rows, tracks, strict=True)]
    return write_rows(path, [[*header, *SPOTIFY_COLUMNS], *lines])


def load(path: Path, **options: Any) -> Dataset:
    return open_spotify(str(path), open_table(path), **options)


def test_a_table_of_tracks(tmp_path: Path) -> None:
    header = ["track_id", "track_name", "Artist", "track_popularity", "Genre", "uri", ""]
    rows = [["x1", "Song", "Cher", 66, "Pop", "u1", 0], ["x2", "Other", "Abba", 10, "Hip  Hop", "u2", 1]]
    dataset = load(write(tmp_path / "t.csv", header, rows))
    assert (dataset.layout, dataset.modality, dataset.removed) == ("spotify", Modality.TABLE, {})
    first, second = dataset.examples
    assert first.row == dict(zip(SPOTIFY_COLUMNS, map(float, features(0)), strict=True))
    assert (first.id, first.labels, first.group, first.split) == ("x1", ("pop",), "cher", None)
    assert first.extra == {"track_name": "Song", "Artist": "Cher"}
    assert second.labels == ("hip hop",)
    assert any("'track_popularity', 'uri': not audio features" in note for note in dataset.notes)
    assert any("grouped by 'Artist'" in note for note in dataset.notes)


@pytest.mark.parametrize(
    ("header", "chosen"),
    [
        (["label", "genre"], 1),
        (["label", "playlist_genre"], 1),
        (["label", "class"], 0),
        (["playlist_genre", "playlist_subgenre"], 0),
        (["playlist_subgenre", "Playlist Genre"], 1),
        (["Class"], 0),
        (["music_genre"], 0),
        (["Top Genre"], 0),
        (["playlist_subgenre"], 0),
    ],
)
def test_label_columns_by_rank(tmp_path: Path, header: list[str], chosen: int) -> None:
    row = ["pop" if k == chosen else "other" for k in range(len(header))]
    dataset = load(write(tmp_path / "t.csv", header, [row]))
    assert dataset.labels == ("pop",)


def test_the_label_column_that_was_not_read_is_named(tmp_path: Path) -> None:
    dataset = load(write(tmp_path / "t.csv", ["label", "genre"], [["pop", "rock"]]))
    assert dataset.labels == ("rock",)
    assert "'genre' was read as the label, and 'label' was not" in dataset.notes


@pytest.mark.parametrize(
    ("cell", "labels"),
    [
        ("Pop|Rock", ("pop", "rock")),
        ('["R&B"]', ("r&b",)),
        ("3", ("3",)),
        ("007", ("007",)),
        ("Pop|Pop", ("pop",)),
        ("pop, Pop;", ("pop",)),
        ("Hip-Hop/Rap", ("hip-hop/rap",)),
        ("Folk, World, & Country", ("folk, world, & country",)),
    ],
)
def test_labels_of_a_cell(tmp_path: Path, cell: str, labels: tuple[str, ...]) -> None:
    assert load(write(tmp_path / "t.csv", ["genres"], [[cell]])).examples[0].labels == labels


@pytest.mark.parametrize("values", [[3, 10], [3.0, 10.0], ["3", "10"]])
def test_numbers_as_labels_stay_as_they_are(tmp_path: Path, values: list[object]) -> None:
    columns = {name: [float(features(k)[at]) for k in (0, 1)] for at, name in enumerate(SPOTIFY_COLUMNS)}
    pq.write_table(pa.table({**columns, "label": values}), tmp_path / "t.parquet")
    assert load(tmp_path / "t.parquet").counts == {"10": 1, "3": 1}


def test_rows_that_cannot_be_used_are_named_and_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", ["genre"], [["pop"], ["?"], ["rock"], ["jazz"], [""]])
    lines = path.read_text().splitlines()
    lines[3] = lines[3].replace("-3.5", "-300")
    lines[4] = "jazz" + ",?" * 13
    path.write_text("\n".join([*lines, "pop,1"]) + "\n")
    dataset = load(path)
    assert [e.id for e in dataset.examples] == ["row 2"]
    assert [name for name, _ in dataset.left_out] == [f"row {n}" for n in range(3, 8)]
    reasons = dict(dataset.left_out)
    assert reasons["row 3"] == reasons["row 6"] == "has no label"
    assert reasons["row 4"] == "column 'loudness': -300 is outside -80 to 10"
    assert reasons["row 5"] == "has no audio feature"
    assert dataset.removed == {"no_label": 2, "bad_value": 1, "no_feature": 1, "unreadable": 1}
    assert "2 rows were left out: no label" in dataset.notes
    assert "1 row was left out: not readable" in dataset.notes


def test_a_table_without_a_usable_row_says_why(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no usable row: row 2 has no label; row 3 has no label\."):
        load(write(tmp_path / "t.csv", ["genre"], [[""], [""]]))
    with pytest.raises(DatasetError, match="no usable row below its column names"):
        load(write(tmp_path / "u.csv", ["genre"], []))


def test_labels_may_be_absent_where_they_are_not_needed(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", ["track_id", "mood"], [["a", "sad"], ["b", ""]])
    with pytest.raises(
        DatasetError, match=r"no label column; it has the columns 'track_id', 'mood', 'acoust"
    ):
        load(path)
    assert [e.labels for e in load(path, require_labels=False).examples] == [(), ()]


def test_repeats_and_ambiguous_tracks(tmp_path: Path) -> None:
    rows = [["a", "pop"], ["b", "pop"], ["a", "pop"], ["c", "pop"], ["c", "rock"]]
    path = write(tmp_path / "t.csv", ["track_id", "genre"], rows)
    dataset = load(path)
    assert [e.id for e in dataset.examples] == ["a", "b"]
    assert dataset.removed == {"repeated": 1, "ambiguous": 2}
    assert dict(dataset.left_out)["row 4"] == "repeats the track of row 2"
    assert [(e.id, e.labels) for e in load(path, ambiguous="first").examples][2] == ("c", ("pop",))
    multi = load(path, ambiguous="multi")
    assert multi.examples[2].labels == ("pop", "rock")
    assert multi.removed == {"repeated": 1, "merged": 1}


def test_one_recording_under_two_ids_is_one_track(tmp_path: Path) -> None:
    rows = [["a", "pop"], ["b", "pop"], ["c", "pop"]]
    dataset = load(write(tmp_path / "t.csv", ["id", "genre"], rows, seeds=[1, 1, 2]))
    assert [e.id for e in dataset.examples] == ["a", "c"]


def test_without_an_id_artist_and_name_tell_the_track(tmp_path: Path) -> None:
    rows = [["Cher", "Believe"], ["cher ", "BELIEVE"], ["Abba", "Believe"], ["", "Believe"], ["", "Believe"]]
    dataset = load(write(tmp_path / "t.csv", ["artist", "title", "genre"], [[*row, "pop"] for row in rows]))
    assert [e.id for e in dataset.examples] == ["row 2", "row 4", "row 5", "row 6"]


def test_without_names_all_rows_stay_and_identical_ones_are_a_group(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", ["genre"], [["pop"], ["rock"], ["pop"], ["jazz"]], seeds=[1, 1, 1, 2])
    dataset = load(path)
    assert [e.group for e in dataset.examples] == ["features of row 2"] * 3 + ["features of row 5"]
    assert dataset.left_out == ()
    multi = load(path, ambiguous="multi")
    assert [e.labels for e in multi.examples] == [("pop", "rock"), ("jazz",)]
    assert multi.removed == {"merged": 1, "repeated": 1}


def test_rows_that_differ_in_what_is_missing_are_one_group(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", ["genre"], [["pop"], ["rock"], ["pop"]], seeds=[1, 1, 2])
    path.write_text(path.read_text().replace("91.125", "?", 1))
    dataset = load(path)
    assert math.isnan((dataset.examples[0].row or {})["tempo"])
    assert [e.group for e in dataset.examples] == ["features of row 2"] * 2 + ["features of row 4"]


@pytest.mark.parametrize(
    ("cell", "group"),
    [
        ("Ed Sheeran", "ed sheeran"),
        ("Ed  SHEERAN, Khalid", "ed sheeran"),
        ("Ed Sheeran;Khalid", "ed sheeran"),
        ("['Ed Sheeran', 'Khalid']", "ed sheeran"),
        ("Ed Sheeran feat. Khalid", "ed sheeran"),
        ("Ed Sheeran & Khalid", "ed sheeran"),
        ("AC/DC", "ac/dc"),
        ("10,000 Maniacs", "10,000 maniacs"),
        ("empty_field", "features of row 2"),
        ("[]", "features of row 2"),
    ],
)
def test_the_group_is_the_first_artist(tmp_path: Path, cell: str, group: str) -> None:
    dataset = load(write(tmp_path / "t.csv", ["artists", "genre"], [[cell, "pop"]]))
    assert dataset.examples[0].group == group


def test_group_and_split_columns(tmp_path: Path) -> None:
    header = ["group", "artist", "genre", "split"]
    rows = [["g1", "Cher", "pop", "train"], ["", "Abba", "pop", "dev"]]
    dataset = load(write(tmp_path / "t.csv", header, rows))
    assert [(e.group, e.split) for e in dataset.examples] == [("g1", "train"), ("abba", "valid")]
    with pytest.raises(DatasetError, match=r"row 2: 'maybe' in the split column is not a split"):
        load(write(tmp_path / "u.csv", ["genre", "split"], [["pop", "maybe"]]))


def test_ids_that_look_like_row_numbers_are_not_taken(tmp_path: Path) -> None:
    rows = [["row 3", "pop"], ["b", ""], ["c", "pop"]]
    dataset = load(write(tmp_path / "t.csv", ["id", "genre"], rows))
    assert [e.id for e in dataset.examples] == ["row 2", "c"]


def test_the_notes_of_the_features_are_kept(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", ["genre"], [["pop"]])
    path.write_text(path.read_text().replace("time_signature", "other"))
    dataset = load(path)
    assert any("no column for 'time_signature'" in note for note in dataset.notes)
    assert math.isnan((dataset.examples[0].row or {})["time_signature"])


def test_too_few_features(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="has 2 of Spotify's 13 audio features"):
        load(write_rows(tmp_path / "t.csv", [["tempo", "energy", "genre"], [100, 0.5, "pop"]]))


@pytest.mark.parametrize("ambiguous", ["drop", "first", "multi"])
def test_the_contract_of_loaders(tmp_path: Path, ambiguous: str) -> None:
    rows = [["a", "pop"], ["b", "pop|rock"], ["a", "jazz"], ["", "pop"], ["c", ""]]
    path = write(tmp_path / "t.csv", ["track_id", "genre"], rows)
    path.write_text(path.read_text().replace("91.125", "?"))
    check_loader(lambda: load(path, ambiguous=ambiguous))


def test_spotify_songs(shared_data: Path) -> None:
    dataset = load(shared_data / "spotify" / "spotify_songs.csv")
    assert len(dataset.examples) == 20_476
    assert len({e.group for e in dataset.examples}) == 8_293
    assert dataset.removed == {"ambiguous": 3_805, "repeated": 1_603}
    assert set(dataset.labels) == {"edm", "latin", "pop", "r&b", "rap", "rock"}


@pytest.mark.night
def test_music_genre(shared_data: Path) -> None:
    dataset = load(shared_data / "spotify" / "music_genre.csv")
    assert set(dataset.counts.values()) == {5000}
    assert len(dataset.counts) == 10
    assert len({e.group for e in dataset.examples}) == 45_761
    rows = [e.row or {} for e in dataset.examples]
    assert 0 < sum(math.isnan(row["tempo"]) for row in rows) < 10_000
    assert all(math.isnan(row["mode"]) for row in rows)


def test_playlists(shared_data: Path) -> None:
    dataset = load(shared_data / "spotify" / "playlists_902.csv")
    assert sum(dataset.removed.values()) + len(dataset.examples) == 902
    assert not [e.id for e in dataset.examples if any(map(math.isnan, (e.row or {}).values()))]
    assert list(dataset.examples[0].extra) == ["Name", "Artist"]
