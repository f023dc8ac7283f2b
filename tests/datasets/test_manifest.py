"""Manifests: every spelling of a good one, and every way to get one wrong."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.dataset_files import write_rows, write_song

from genrekit.datasets import open_dataset
from genrekit.errors import DatasetError


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    """A folder with three songs, a.wav to c.wav."""
    for k, name in enumerate("abc"):
        write_song(tmp_path / f"{name}.wav", seed=k)
    return tmp_path


def test_labels_groups_splits_and_other_columns(songs: Path) -> None:
    rows = [
        ["Path", " LABEL ", "group", "Split", "title"],
        ["a.wav", "Jazz | jazz|Soul", "Monk", "val", "Epistrophy"],
    ]
    rows += [["b.wav", "1", "", "", ""], [str(songs / "c.wav"), "02", "Monk", "TRAIN", ""]]
    dataset = open_dataset(write_rows(songs / "m.csv", rows))
    a, b, c = dataset.examples
    assert (a.id, a.labels, a.group, a.split) == ("a.wav", ("jazz", "soul"), "Monk", "valid")
    assert a.extra == {"title": "Epistrophy"}
    assert (b.labels, b.group, b.split) == (("1",), None, None)
    assert (c.id, c.labels, c.split) == (str(songs / "c.wav"), ("02",), "train")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("bom.csv", b"\xef\xbb\xbfpath,label\r\na.wav,jazz\r\n"),
        ("semicolon.csv", b"path;label\na.wav;jazz\n"),
        ("tab.tsv", b"path\tlabel\na.wav\tjazz\n"),
        ("wide.csv", "path,label\na.wav,jazz\n".encode("utf-16")),
        ("index.csv", b",path,label\n0,a.wav,jazz\n"),
        ("comma_at_end.csv", b"path,label,\na.wav,jazz,\n\n"),
        ("quoted.csv", b'"path","label"\n"a.wav","jazz"\n'),
        ("aliases.csv", b"filename,genre\na.wav,jazz\n"),
        ("blank_first_line.csv", b"\npath,label\na.wav,jazz\n"),
    ],
)
def test_spellings_of_a_table(songs: Path, name: str, text: bytes) -> None:
    (songs / name).write_bytes(text)
    dataset = open_dataset(songs / name)
    assert [(e.id, e.labels) for e in dataset.examples] == [("a.wav", ("jazz",))]
    assert not dataset.left_out


def test_parquet(songs: Path) -> None:
    table = pa.table({"path": ["a.wav", "b.wav", "c.wav"], "label": [1, 2, None], "group": ["x", None, "y"]})
    pq.write_table(table, songs / "m.parquet")
    dataset = open_dataset(songs / "m.parquet")
    assert [(e.labels, e.group) for e in dataset.examples] == [(("1",), "x"), (("2",), None)]
    assert dataset.left_out == (("c.wav", "row 4 has no label"),)


def test_slices_are_grouped_by_track(tmp_path: Path) -> None:
    rows = [["path", "label"]]
    for k in range(2):
        write_song(tmp_path / f"rock.00007.{k}.wav", seed=k)
        rows.append([f"rock.00007.{k}.wav", "rock"])
    assert [e.group for e in open_dataset(write_rows(tmp_path / "m.csv", rows)).examples] == [
        "rock.00007"
    ] * 2


def test_what_is_not_taken_has_a_reason(songs: Path) -> None:
    (songs / "x.wav").mkdir()
    (songs / "empty.wav").touch()
    rows = [["path", "label"], ["a.wav", "jazz"], ["a.wav", "Jazz"], ["b.wav", "jazz"], ["b.wav", "rock"]]
    rows += [["c.wav", " "], ["gone.wav", "jazz"], ["x.wav", "jazz"], ["empty.wav", "jazz"], ["", "jazz"]]
    rows += [["n" * 5000 + ".wav", "jazz"], ["nul\0.wav", "jazz"], ["one"], ["a", "b", "c"]]
    dataset = open_dataset(write_rows(songs / "m.csv", rows))
    assert [e.id for e in dataset.examples] == ["a.wav"]
    told = dict(dataset.left_out)
    assert told["a.wav (row 3)"] == "is in row 2 already"
    assert told["b.wav (row 5)"] == "is 'rock' here and 'jazz' in row 4; write jazz|rock if it is both"
    assert told["b.wav"] == "has other labels in another row"
    assert told["c.wav"] == "row 6 has no label"
    assert told["gone.wav"] == "no such file"
    assert "directory" in told["x.wav"]
    assert told["empty.wav"] == "is empty"
    assert told["row 10"] == "has no path"
    assert told[r"nul\x00.wav"] == "no such file"
    assert told["n" * 5000 + ".wav"]
    assert told["row 13"] == "has 1 cell; the header has 2"
    assert told["row 14"] == "has 3 cells; the header has 2"


def test_paths_that_are_no_utf8(songs: Path) -> None:
    try:
        (songs / "a.wav").rename(songs / os.fsdecode(b"\xe9.wav"))
    except OSError:
        pytest.skip("the file system takes only UTF-8")
    (songs / "m.csv").write_bytes(b"path,label\n\xe9.wav,jazz\n")
    dataset = open_dataset(songs / "m.csv")
    ((name, path),) = ((e.id, e.path) for e in dataset.examples)
    assert (name, path) == ("é.wav", songs / os.fsdecode(b"\xe9.wav"))


def test_labels_may_be_absent_where_they_are_not_needed(songs: Path) -> None:
    listing = write_rows(songs / "m.csv", [["path"], ["a.wav"]])
    with pytest.raises(DatasetError, match=r"none of 'label'"):
        open_dataset(listing)
    assert open_dataset(listing, require_labels=False).examples[0].labels == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "is empty"),
        (b"\n\n", "no line of column names"),
        (b"path,label\n", "has no rows"),
        (
            b"path,label\ngone.wav,jazz\nlost.wav,jazz\n",
            r"Not one of the 2 files .* exists; the first is gone\.wav",
        ),
        (b"path,label\na.wav,\n", "names no usable file"),
        (b"path,label,Label\na.wav,jazz,rock\n", "two columns with the same name: 'label', 'Label'"),
        (b"path,label,split\na.wav,jazz,train\nb.wav,jazz,fold3\n", "row 3: 'fold3' .* not a split"),
        (
            b"name,mood\na.wav,jazz\n",
            "not a manifest or a known table: it has the columns 'name', 'mood'",
        ),
        (b"path,mood\na.wav,jazz\n", "is not a manifest"),
        (b"RIFF\0\0\0\0WAVE", "is not text"),
        (b"PAR1 is not all that a file needs", "cannot be read as a table"),
        (b'path,label\n"' + b"x" * 200_000, "row 2 has a cell of more than 100,000 characters"),
        (b"path," + b",".join(b"c%d" % k for k in range(20_000)), "20,001 columns"),
        (b"\xff\xfeodd", "not a manifest or a known table"),
    ],
)
def test_bad_manifests_say_what_is_wrong(songs: Path, text: bytes, message: str) -> None:
    (songs / "bad.csv").write_bytes(text)
    with pytest.raises(DatasetError, match=message):
        open_dataset(songs / "bad.csv")


def test_tables_are_bounded(songs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listing = write_rows(songs / "m.csv", [["path", "label"], *[["a.wav", "jazz"]] * 20])
    pq.write_table(pa.table({"path": ["a.wav"] * 20, "label": ["jazz"] * 20}), songs / "m.parquet")
    monkeypatch.setattr("genrekit.tables.table.MAX_CELLS", 10)
    for path in (listing, songs / "m.parquet"):
        with pytest.raises(DatasetError, match="10 cells"):
            open_dataset(path)
    monkeypatch.setattr("genrekit.tables.table.MAX_TABLE_BYTES", 100)
    with pytest.raises(DatasetError, match="100 bytes"):
        open_dataset(listing)


cells = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=12)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from(["a.wav", "b.wav", "gone.wav", "", "x" * 300]), cells, cells), max_size=6
    )
)
def test_no_row_is_lost_and_nothing_but_a_dataset_error_comes_out(
    songs: Path, rows: list[tuple[str, str, str]]
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([("path", "label", "group"), *rows])
    (songs / "m.csv").write_bytes(text.getvalue().encode())
    written = [row for row in rows if any(cell.strip() for cell in row)]
    try:
        dataset = open_dataset(songs / "m.csv")
    except DatasetError:
        return
    assert len(dataset.examples) + len(dataset.left_out) == len(written)
    assert all(e.labels for e in dataset.examples)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_any_bytes_give_a_data_set_or_an_error_in_words(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "any.csv").write_bytes(data)
    with pytest.raises(DatasetError):
        open_dataset(tmp_path / "any.csv")
