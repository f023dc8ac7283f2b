"""Tables of features: recognised by their columns, whatever their order and spelling."""

from __future__ import annotations

import csv
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.dataset_files import KAGGLE_HEADER, kaggle_row, write_rows

from genrekit.datasets import open_dataset
from genrekit.errors import DatasetError
from genrekit.features.schema import GTZAN_COLUMNS
from genrekit.types import Modality

ROWS = [kaggle_row("a.wav", "Jazz", 0), kaggle_row("b.wav", "rock", 1), kaggle_row("c.wav", "rock", 2)]


def test_the_kaggle_table(tmp_path: Path) -> None:
    dataset = open_dataset(write_rows(tmp_path / "t.csv", [KAGGLE_HEADER, *ROWS]))
    assert (dataset.layout, dataset.modality) == ("table", Modality.TABLE)
    assert dataset.counts == {"jazz": 1, "rock": 2}
    first = dataset.examples[0]
    assert (first.id, first.path, first.group, first.extra) == ("a.wav", None, None, {"length": "661794"})
    assert first.row == dict(zip(GTZAN_COLUMNS, ROWS[0][2:-1], strict=True))


def test_order_case_and_white_space_of_columns_do_not_matter(tmp_path: Path) -> None:
    plain = open_dataset(write_rows(tmp_path / "t.csv", [KAGGLE_HEADER, *ROWS]))
    header = [name.upper().replace("_", " ") + " " for name in KAGGLE_HEADER]
    rows = [list(reversed(row)) for row in (list(header), *ROWS)]
    other = open_dataset(write_rows(tmp_path / "u.csv", rows))
    assert [(e.id, e.row, e.labels) for e in other.examples] == [
        (e.id, e.row, e.labels) for e in plain.examples
    ]
    assert list(other.examples[0].row or {}) == list(GTZAN_COLUMNS)


def test_slices_are_grouped_by_track(tmp_path: Path) -> None:
    names = ["song.00000.0.wav", "song.00000.1.wav", "song.00001.0.wav", "song.00001.wav"]
    rows = [kaggle_row(name, "blues", k) for k, name in enumerate(names)]
    dataset = open_dataset(write_rows(tmp_path / "t.csv", [KAGGLE_HEADER, *rows]))
    assert [e.group for e in dataset.examples] == ["song.00000"] * 2 + ["song.00001"] * 2


def test_group_and_split_columns(tmp_path: Path) -> None:
    rows = [[*row, group, side] for row, group, side in zip(ROWS, "xy", ("train", "dev"), strict=False)]
    dataset = open_dataset(write_rows(tmp_path / "t.csv", [[*KAGGLE_HEADER, "Group", "split"], *rows]))
    assert [(e.group, e.split) for e in dataset.examples] == [("x", "train"), ("y", "valid")]


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("?", "'?' means that there is no value"),
        ("", "the cell is empty"),
        ("nan", "'nan'"),
        ("-inf", "'-inf'"),
        ("1,5", "'1,5'"),
    ],
)
def test_rows_with_a_bad_number_are_left_out_with_row_and_column(
    tmp_path: Path, cell: str, words: str
) -> None:
    bad = list(ROWS[1])
    bad[KAGGLE_HEADER.index("tempo")] = cell
    dataset = open_dataset(write_rows(tmp_path / "t.csv", [KAGGLE_HEADER, ROWS[0], bad, ROWS[2]]))
    assert [e.id for e in dataset.examples] == ["a.wav", "c.wav"]
    ((name, reason),) = dataset.left_out
    assert name == "b.wav"
    assert reason.startswith("row 3, column 'tempo': ")
    assert words in reason


def test_rows_of_one_name_get_their_row_number(tmp_path: Path) -> None:
    rows = [kaggle_row("a.wav", "jazz", 0), kaggle_row("a.wav", "rock", 1), kaggle_row("", "rock", 2)]
    dataset = open_dataset(write_rows(tmp_path / "t.csv", [KAGGLE_HEADER, *rows]))
    assert [e.id for e in dataset.examples] == ["a.wav", "a.wav (row 3)", "(row 4)"]


def test_labels_may_be_absent_where_they_are_not_needed(tmp_path: Path) -> None:
    rows = [row[:-1] for row in (KAGGLE_HEADER, *ROWS)]
    table = write_rows(tmp_path / "t.csv", rows)
    with pytest.raises(DatasetError, match="no label column"):
        open_dataset(table)
    assert [e.labels for e in open_dataset(table, require_labels=False).examples] == [(), (), ()]
    blank = write_rows(tmp_path / "u.csv", [KAGGLE_HEADER, ROWS[0], [*ROWS[1][:-1], ""]])
    assert open_dataset(blank).left_out == (("b.wav", "has no label"),)
    assert len(open_dataset(blank, require_labels=False).examples) == 2


def test_missing_columns_are_named(tmp_path: Path) -> None:
    keep = [k for k, name in enumerate(KAGGLE_HEADER) if name not in {"tempo", "mfcc20_var"}]
    rows = [[row[k] for k in keep] for row in (KAGGLE_HEADER, *ROWS)]
    with pytest.raises(DatasetError, match=r"of 57 columns it does not have 'tempo', 'mfcc20_var'"):
        open_dataset(write_rows(tmp_path / "t.csv", rows))


def test_a_doubled_column_is_refused_by_name(tmp_path: Path) -> None:
    rows = [[*row, 1.0] for row in ROWS]
    with pytest.raises(DatasetError, match=r"two columns with the same name: 'tempo', 'Tempo'"):
        open_dataset(write_rows(tmp_path / "t.csv", [[*KAGGLE_HEADER, "Tempo"], *rows]))


def test_a_table_without_a_usable_row(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="has no usable row below"):
        open_dataset(write_rows(tmp_path / "t.csv", [KAGGLE_HEADER]))
    bad = [*ROWS[0]]
    bad[5] = "x"
    with pytest.raises(DatasetError, match=r"a\.wav row 2, column"):
        open_dataset(write_rows(tmp_path / "t.csv", [KAGGLE_HEADER, bad]))


def test_parquet_keeps_every_digit(tmp_path: Path) -> None:
    columns = {name: [row[k] for row in ROWS] for k, name in enumerate(KAGGLE_HEADER)}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    text = open_dataset(write_rows(tmp_path / "t.csv", [KAGGLE_HEADER, *ROWS]))
    assert open_dataset(tmp_path / "t.parquet").examples == text.examples


def test_other_schemas_are_recognised_too(tmp_path: Path) -> None:
    table = write_rows(tmp_path / "t.csv", [["id", "Tempo", "energy", "genre"], ["x", 1, 2, "pop"]])
    dataset = open_dataset(table, schemas={"small": ("tempo",), "large": ("energy", "tempo")})
    assert dataset.examples[0].row == {"energy": 2.0, "tempo": 1.0}
    assert any("large features" in note for note in dataset.notes)
    with pytest.raises(DatasetError, match="not a manifest or a known table"):
        open_dataset(table, schemas={})


def test_the_real_tables(shared_data: Path) -> None:
    whole = open_dataset(shared_data / "gtzan" / "features_30_sec.csv")
    assert whole.fingerprint == open_dataset(f"gtzan:{shared_data / 'gtzan'}", prefer="table").fingerprint
    slices = open_dataset(shared_data / "gtzan" / "features_10_sec.csv")
    assert len(slices.examples) == 2838
    assert {e.group for e in whole.examples} >= {e.group for e in slices.examples}


@pytest.mark.parametrize(("delimiter", "quoted"), [(";", False), ("\t", False), ("|", False), (",", True)])
def test_decimal_commas_are_read_as_points(tmp_path: Path, delimiter: str, quoted: bool) -> None:
    plain = open_dataset(write_rows(tmp_path / "t.csv", [KAGGLE_HEADER, *ROWS]))
    rows = [[str(cell).replace(".", ",") if k else cell for k, cell in enumerate(row)] for row in ROWS]
    with (tmp_path / "u.csv").open("w", encoding="utf-8", newline="") as file:
        file.write(f"sep={delimiter}\r\n")
        quoting = csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL
        csv.writer(file, delimiter=delimiter, quoting=quoting).writerows([KAGGLE_HEADER, *rows])
    dataset = open_dataset(tmp_path / "u.csv")
    assert [(e.id, e.row, e.labels) for e in dataset.examples] == [
        (e.id, e.row, e.labels) for e in plain.examples
    ]
    assert "numbers were read with a decimal comma" in dataset.notes
