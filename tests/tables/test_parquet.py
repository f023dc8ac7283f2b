"""Parquet: typed columns in pieces, and files that lie."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, settings
from support.tables import broken_of, read, read_until_error, rows_of, save

from genrekit.errors import DatasetError
from genrekit.tables import open_table

ROOMY = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def test_parquet_keeps_numbers_and_makes_the_rest_text(tmp_path: Path) -> None:
    table = pa.table(
        {
            "tempo": pa.array([99.5, None, 1.0]),
            "key": pa.array([1, 2, None], pa.int8()),
            "explicit": pa.array([True, None, False]),
            "name": ["Björk", None, ""],
            "genre": pa.array(["pop", "rock", "pop"]).dictionary_encode(),
            "large": pa.array(["a", "b", "c"], pa.large_string()),
            "added": pa.array([datetime(2020, 1, 2)] * 3, pa.timestamp("ms", "Europe/Paris")),
            "price": pa.array([Decimal("1.50")] * 3),
            "raw": [b"a\xe9", b"b", None],
        }
    )
    pq.write_table(table, tmp_path / "t.data")
    opened, rows, _ = read(tmp_path / "t.data")
    assert (opened.kind, opened.columns) == ("parquet", tuple(table.column_names))
    assert rows[2] == [99.5, 1, True, "Björk", "pop", "a", "2020-01-02 00:00:00.000", "1.50", r"a\xe9"]
    assert rows[3] == [None, 2, None, None, "rock", "b", *rows[2][6:8], "b"]
    assert opened.cells().rows[2] == (4, ["1.0", "", "False", "", "pop", "c", *rows[2][6:8], ""])
    types = [field.type for field in next(opened.frames()).table.schema]
    assert types[:3] == [pa.float64(), pa.int8(), pa.bool_()]
    assert set(types[3:]) == {pa.string()}


def test_parquet_comes_in_pieces(tmp_path: Path) -> None:
    n_rows = 100_000
    names = [f"song {i}" for i in range(n_rows)]
    names[5], names[70_000] = "", "x" * 100_001
    numbers = pa.array([None if i == 5 else i for i in range(n_rows)])
    pq.write_table(pa.table({"i": numbers, "name": names}), tmp_path / "t.parquet", row_group_size=30_000)
    table = open_table(tmp_path / "t.parquet")
    pieces = list(table.frames())
    assert len(pieces) > 2
    rows = rows_of(pieces)
    assert set(rows) == set(range(2, n_rows + 2)) - {7, 70_002}
    assert all(row[0] == number - 2 for number, row in rows.items())
    assert broken_of(pieces) == {70_002: "has a cell of more than 100,000 characters"}
    assert pieces[-1].position_bytes == table.total_bytes


def test_parquet_text_that_is_no_utf8(tmp_path: Path) -> None:
    raw = pa.array([b"caf\xe9", b"ok"])
    claimed = pa.StringArray.from_buffers(2, raw.buffers()[1], raw.buffers()[2])
    pq.write_table(pa.table({"name": claimed}), tmp_path / "t.parquet", store_schema=False)
    assert read(tmp_path / "t.parquet")[1] == {2: [r"caf\xe9"], 3: ["ok"]}


@pytest.mark.parametrize("kind", [None, pa.large_string()])
def test_a_small_parquet_file_cannot_fill_the_memory(tmp_path: Path, kind: pa.DataType | None) -> None:
    text = pa.DictionaryArray.from_arrays(pa.array([0] * 30_000, pa.int32()), ["x" * 9_500])
    column = text if kind is None else text.dictionary_decode().cast(kind)
    pq.write_table(pa.table({"lyrics": column}), tmp_path / "t.parquet")
    assert (tmp_path / "t.parquet").stat().st_size < 100_000
    pieces, error = read_until_error(tmp_path / "t.parquet")
    assert not pieces
    assert "column 'lyrics'" in error.message


def test_a_row_group_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pq.write_table(pa.table({"x": np.random.default_rng(0).random(1000)}), tmp_path / "t.parquet")
    monkeypatch.setattr("genrekit.tables.parquet.MAX_ROW_GROUP_BYTES", 1000)
    with pytest.raises(DatasetError, match=r"a row group of \d,\d{3} bytes and 1,000 rows"):
        open_table(tmp_path / "t.parquet")


def test_doubled_columns_of_parquet_are_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"tempo": [1], "Tempo": [2]}), tmp_path / "t.parquet")
    with pytest.raises(DatasetError, match="two columns with the same name"):
        open_table(tmp_path / "t.parquet")


@pytest.mark.parametrize("keep", [4, 8, 400, -1, -9, -300])
def test_truncated_parquet_is_refused(tmp_path: Path, keep: int) -> None:
    pq.write_table(pa.table({"x": range(5000), "name": ["abc"] * 5000}), tmp_path / "t.parquet")
    content = (tmp_path / "t.parquet").read_bytes()
    with pytest.raises(DatasetError, match="cannot be read as a table"):
        list(open_table(save(tmp_path / "u.parquet", content[:keep])).frames())


def test_damaged_parquet_gives_rows_or_a_sentence(tmp_path: Path) -> None:
    table = pa.table({"x": np.arange(3000) * 1.5, "name": [f"n{i}" for i in range(3000)]})
    pq.write_table(table, tmp_path / "t.parquet", write_page_checksum=False)
    content = (tmp_path / "t.parquet").read_bytes()
    rng = np.random.default_rng(3)
    refused = 0
    for _ in range(60):
        damaged = bytearray(content)
        for at in rng.integers(4, len(content) - 8, size=20):
            damaged[at] = rng.integers(256)
        try:
            rows_of(list(open_table(save(tmp_path / "u.parquet", bytes(damaged))).frames()))
        except DatasetError:
            refused += 1
    assert refused > 10


def test_a_footer_that_contradicts_itself_is_refused(tmp_path: Path) -> None:
    """Arrow 26 ended the process when asked how many values such a column has."""
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"artist": ["a", None]}), path)
    optional, required = b"\x25\x02\x18\x06artist", b"\x25\x00\x18\x06artist"
    assert path.read_bytes().count(optional) == 1
    path.write_bytes(path.read_bytes().replace(optional, required))
    _, error = read_until_error(path)
    assert "cannot be read as a table" in error.message


def test_nested_columns_are_not_read(tmp_path: Path) -> None:
    table = pa.table(
        {
            "artists": [["x", "é"], None, []],
            "a": [1, 2, 3],
            "album": [{"id": 1}, {"id": None}, None],
            "a.b": ["x", "y", "z"],
            "facts": pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int64())),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    opened, rows, broken = read(tmp_path / "t.parquet")
    assert opened.columns == ("a", "a.b")
    assert opened.notes == ("'artists', 'album', 'facts': nested, and not read",)
    assert rows == {2: [1, "x"], 3: [2, "y"], 4: [3, "z"]}
    assert not broken
    assert rows_of(list(opened.frames(["a"]))) == {2: [1], 3: [2], 4: [3]}
    pq.write_table(table.select(["artists"]), tmp_path / "t.parquet")
    with pytest.raises(DatasetError, match="nested columns only"):
        open_table(tmp_path / "t.parquet")


def test_columns_without_a_name(tmp_path: Path) -> None:
    pq.write_table(
        pa.Table.from_arrays([pa.array([1]), pa.array([2]), pa.array([3])], ["", "x", " "]),
        tmp_path / "t.parquet",
    )
    assert read(tmp_path / "t.parquet")[1] == {2: [1, 2, 3]}


@pytest.mark.parametrize("value", [0, 0x19, 0xFF])
def test_a_damaged_footer_of_lists_is_rows_or_a_sentence(tmp_path: Path, value: int) -> None:
    pq.write_table(pa.table({"lists": [[1, 2], [3]], "x": [1, 2]}), tmp_path / "t.parquet")
    data = (tmp_path / "t.parquet").read_bytes()
    start = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    refused = 0
    for at in range(start, len(data) - 4, 2):
        path = save(tmp_path / "u.parquet", data[:at] + bytes([value]) + data[at + 1 :])
        try:
            rows_of(list(open_table(path).frames()))
        except DatasetError:
            refused += 1
    assert refused
