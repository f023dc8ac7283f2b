"""Tables as rows of text, their limits, and the files that their cells name."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.tables import save

from genrekit.errors import DatasetError
from genrekit.tables import decimal_comma, number, open_table


def test_rows_come_in_order_with_their_reasons(tmp_path: Path) -> None:
    table = open_table(save(tmp_path / "t.csv", "a,b\n1,2\n3\n\n4,5\n6,7,8\n"))
    for _ in range(2):
        assert list(table.rows()) == [
            (2, ["1", "2"], ""),
            (3, [], "has 1 cell; the header has 2"),
            (5, ["4", "5"], ""),
            (6, [], "has 3 cells; the header has 2"),
        ]
    cells = table.cells()
    assert cells.rows == ((2, ["1", "2"]), (5, ["4", "5"]))
    assert [row for row, _ in cells.broken] == ["row 3", "row 6"]


def test_columns_are_found_by_their_aliases(tmp_path: Path) -> None:
    table = open_table(save(tmp_path / "t.csv", ",File  Name,Artist,x\n"))
    assert (table.find(("path", "file_name")), table.find(("label",))) == (1, None)
    assert table.names == {"file_name": 1, "artist": 2, "x": 3}
    assert table.group_note == ("the column 'Artist' was read as the group",)
    assert open_table(save(tmp_path / "t.csv", "artist,Group\n")).group_note == ()


@pytest.mark.parametrize("suffix", ["csv", "parquet", "json"])
def test_a_table_that_is_read_whole_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    path = tmp_path / f"t.{suffix}"
    if suffix == "csv":
        save(path, "path,label\n" + "a.wav,jazz\n" * 20)
    elif suffix == "json":
        save(path, '{"path": "a.wav", "label": "jazz"}\n' * 20)
    else:
        pq.write_table(pa.table({"path": ["a.wav"] * 20, "label": ["jazz"] * 20}), path)
    assert len(open_table(path).cells().rows) == 20
    for limit, value in (("MAX_CELLS", 10), ("MAX_TABLE_BYTES", 100)):
        with monkeypatch.context() as patch:
            patch.setattr(f"genrekit.tables.table.{limit}", value)
            with pytest.raises(DatasetError, match=f"{value} {'cells' if value == 10 else 'bytes'}"):
                open_table(path).cells()
            assert len(list(open_table(path).rows())) == 20


def test_a_name_whose_bytes_are_not_utf8_finds_its_file(tmp_path: Path) -> None:
    raw = tmp_path / os.fsdecode(b"caf\xe9.wav")
    try:
        raw.touch()
    except OSError:
        pytest.skip("the file system takes only UTF-8")
    for content in (b"path\ncaf\xe9.wav\n", "path\ncafé.wav\n".encode()):
        table = open_table(save(tmp_path / "t.csv", content))
        (_, (name,), _) = next(table.rows())
        assert name == "café.wav"
        assert table.file(name) == raw
    assert table.file("東京.wav") == tmp_path / "東京.wav"
    (tmp_path / "café.wav").touch()
    assert table.file("café.wav") == tmp_path / "café.wav"


def test_every_byte_that_is_not_utf8_is_a_character_and_comes_back(tmp_path: Path) -> None:
    for byte in range(0x80, 0x100):
        name = b"a" + bytes([byte]) + b".wav"
        table = open_table(save(tmp_path / "t.csv", b"path\n" + name + b"\n"))
        (_, (text,), _) = next(table.rows())
        try:
            (tmp_path / os.fsdecode(name)).touch()
        except OSError:
            pytest.skip("the file system takes only UTF-8")
        assert os.fsencode(table.file(text).name) == name


def test_decimal_commas() -> None:
    assert decimal_comma(["name", "1", "0,5"])
    assert decimal_comma(["-1,5e-05", " ,5 "])
    assert not decimal_comma(["1,5", "0.5"])
    assert not decimal_comma(["1", "12,345,678", "a,5", ""])
    assert [number(cell, comma=True) for cell in ("0,5", "7", "-1,5E-05", " 2,0 ")] == [0.5, 7, -1.5e-05, 2]
    for cell in ("1.234,5", "1,2,3", "", "x"):
        assert number(cell, comma=True) != number(cell, comma=True)


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1),
    st.sampled_from(["r", ".3f", ".2e"]),
)
def test_numbers_with_commas_are_those_with_points(values: list[float], form: str) -> None:
    points = [repr(value) if form == "r" else format(value, form) for value in values]
    commas = [point.replace(".", ",") for point in points]
    comma = decimal_comma(commas)
    assert comma == any("," in cell for cell in commas)
    assert [number(cell, comma=comma) for cell in commas] == [float(point) for point in points]
