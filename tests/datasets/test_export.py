"""What was written down is read back as it was."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.dataset_files import KAGGLE_HEADER, kaggle_row, write_rows, write_song

from genrekit.datasets import open_dataset
from genrekit.datasets.export import FeatureRow, Table, feature_table, manifest_table, to_csv, write_table
from genrekit.errors import DatasetError, OutputExistsError, UsageError
from genrekit.features.schema import GTZAN_COLUMNS
from genrekit.types import Example


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet"])
def test_a_manifest_comes_back(music: Path, suffix: str) -> None:
    examples = [
        replace(e, split=side, group=f"g{k}", labels=(*e.labels, "soul"), extra={"title": f"t, {k}"})
        for k, (e, side) in enumerate(
            zip(open_dataset(music).examples, ("train", "valid", "test") * 2, strict=True)
        )
    ]
    path = music / f"split{suffix}"
    write_table(manifest_table(examples, music), path)
    again = open_dataset(path)
    assert list(again.examples) == examples
    assert not list(music.glob(".writing*"))


def test_paths_outside_the_folder_of_the_manifest_are_absolute(music: Path, tmp_path: Path) -> None:
    dataset = open_dataset(music)
    (tmp_path / "lists").mkdir()
    write_table(manifest_table(dataset.examples, tmp_path / "lists"), tmp_path / "lists" / "m.csv")
    again = open_dataset(tmp_path / "lists" / "m.csv")
    assert [e.path for e in again.examples] == [e.path for e in dataset.examples]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_table_of_features_comes_back_with_its_split(tmp_path: Path, suffix: str) -> None:
    rows = [kaggle_row("a.wav", "jazz", 0), kaggle_row("b.wav", "rock", 1)]
    dataset = open_dataset(write_rows(tmp_path / "t.csv", [KAGGLE_HEADER, *rows]))
    examples = [replace(e, split="test", group="x") for e in dataset.examples]
    table = manifest_table(examples, tmp_path)
    assert table.columns == (*KAGGLE_HEADER, "group", "split")
    write_table(table, tmp_path / f"u{suffix}")
    assert list(open_dataset(tmp_path / f"u{suffix}").examples) == examples


def test_computed_features_have_the_columns_of_kaggle(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(2, 57))
    rows = [
        FeatureRow(Example(id="jazz/a.wav", labels=("jazz",)), values[0].tolist(), 661_794),
        FeatureRow(Example(id="rock/b.wav", labels=("rock",)), values[1].tolist(), 661_794),
    ]
    table = feature_table(rows)
    assert table.columns == ("filename", "length", *GTZAN_COLUMNS, "label")
    assert table.rows[0][:2] == ("a.wav", 661_794)
    write_table(table, tmp_path / "t.csv")
    again = open_dataset(tmp_path / "t.csv")
    assert [e.id for e in again.examples] == ["a.wav", "b.wav"]
    np.testing.assert_array_equal([list((e.row or {}).values()) for e in again.examples], values)


def test_windows_are_named_like_slices_and_stay_together(tmp_path: Path) -> None:
    song = Example(id="jazz/song.wav", labels=("jazz",), split="train")
    other = Example(id="rock/song.wav", labels=("rock",), group="Queen")
    rows = [FeatureRow(song, [0.5] * 57, 66_150, 0), FeatureRow(song, [1.5] * 57, 66_150, 1)]
    rows.append(FeatureRow(other, [2.5] * 57, 66_150, 0))
    write_table(feature_table(rows), tmp_path / "t.parquet")
    again = open_dataset(tmp_path / "t.parquet")
    assert [(e.id, e.group, e.split) for e in again.examples] == [
        ("jazz/song.0.wav", "jazz/song", "train"),
        ("jazz/song.1.wav", "jazz/song", "train"),
        ("rock/song.0.wav", "Queen", None),
    ]


def test_an_existing_file_is_kept_unless_overwriting_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("mine")
    with pytest.raises(OutputExistsError, match="exists"):
        write_table(Table(("a",), ((1,),)), path)
    assert path.read_text() == "mine"
    write_table(Table(("a",), ((1,),)), path, overwrite=True)
    assert path.read_text() == "a\n1\n"


def test_what_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.csv, \.tsv, \.parquet"):
        write_table(Table(("a",), ()), tmp_path / "t.xlsx")
    with pytest.raises(DatasetError, match="cannot be written"):
        write_table(Table(("a",), ()), tmp_path / "nowhere" / "t.csv")


def test_an_empty_table(tmp_path: Path) -> None:
    assert to_csv(Table(("a", "b"), ())) == b"a,b\n"
    write_table(Table(("a", "b"), ()), tmp_path / "t.parquet")
    assert (tmp_path / "t.parquet").stat().st_size


def test_paths_that_are_no_utf8(tmp_path: Path) -> None:
    song = write_song(tmp_path / "jazz" / "a.wav")
    try:
        song.rename(song.with_name(os.fsdecode(b"\xe9.wav")))
    except OSError:
        pytest.skip("the file system takes only UTF-8")
    dataset = open_dataset(tmp_path)
    write_table(manifest_table(dataset.examples, tmp_path), tmp_path / "m.csv")
    assert [e.path for e in open_dataset(tmp_path / "m.csv").examples] == [e.path for e in dataset.examples]
    with pytest.raises(DatasetError, match="Parquet cannot hold"):
        write_table(manifest_table(dataset.examples, tmp_path), tmp_path / "m.parquet")
    assert not (tmp_path / "m.parquet").exists()
