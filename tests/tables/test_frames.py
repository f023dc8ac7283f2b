"""Large tables in pieces: the cells and numbers of every row, whatever the file does."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genrekit.errors import DatasetError
from genrekit.tables.cells import read_cells
from genrekit.tables.frames import Frame, Frames, open_frames
from genrekit.tables.parquet_footer import declared_values

Rows = dict[int, list[Any]]
ROWS = "".join(f"{i},song {i}\n" for i in range(60_000))
ROOMY = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def save(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def rows_of(frames: Sequence[Frame]) -> Rows:
    """Every readable row by its number."""
    rows: Rows = {}
    for frame in frames:
        assert frame.numbers.dtype == np.int64
        assert len(frame.numbers) == frame.table.num_rows
        frame.table.validate(full=True)
        cells = [column.to_pylist() for column in frame.table.columns]
        rows.update(zip(frame.numbers.tolist(), map(list, zip(*cells, strict=True)), strict=True))
    assert list(rows) == sorted(rows)
    return rows


def broken_of(frames: Sequence[Frame]) -> dict[int, str]:
    return {number: reason for frame in frames for number, reason in frame.broken}


def read(path: Path) -> tuple[Frames, Rows, dict[int, str]]:
    frames = open_frames(path)
    pieces = list(frames)
    return frames, rows_of(pieces), broken_of(pieces)


def read_until_error(path: Path) -> tuple[list[Frame], DatasetError]:
    pieces: list[Frame] = []
    frames = open_frames(path)
    with pytest.raises(DatasetError) as caught:
        pieces.extend(frames)
    return pieces, caught.value


# Delimited text


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_text_is_read_whatever_wrote_it(tmp_path: Path, delimiter: str, encoding: str, end: str) -> None:
    lines = ["name,tempo", "Ødegård 東京 🎵,99.5", '"a ""b""",1', "", "last,2"]
    text = end.join(lines).replace(",", delimiter)
    frames, rows, broken = read(save(tmp_path / "t.csv", text.encode(encoding)))
    assert (frames.kind, frames.columns) == ("csv", ("name", "tempo"))
    assert rows == {2: ["Ødegård 東京 🎵", "99.5"], 3: ['a "b"', "1"], 5: ["last", "2"]}
    assert not broken


def test_excel_writes_semicolons_and_decimal_commas(tmp_path: Path) -> None:
    path = save(tmp_path / "t.csv", "id;tempo;key\r\nx;99,5;3\r\n;;\r\n")
    assert read(path)[1] == {2: ["x", "99,5", "3"]}


def test_blank_lines_above_the_header_are_not_counted(tmp_path: Path) -> None:
    path = save(tmp_path / "t.csv", "\n  \r\na,b\n1,2\n3\n5,6\n")
    _, rows, broken = read(path)
    assert rows == {2: ["1", "2"], 4: ["5", "6"]}
    assert broken == {3: "has 1 cells; the header has 2"}


def test_a_saved_index_has_a_column_without_a_name(tmp_path: Path) -> None:
    frames, rows, _ = read(save(tmp_path / "t.csv", ",a,\n0,1,2\n"))
    assert frames.columns == ("", "a", "")
    assert rows == {2: ["0", "1", "2"]}
    assert next(iter(frames)).table.column_names == ["", "a", ""]


def test_rows_of_another_width(tmp_path: Path) -> None:
    lines = ["a,b,c", "1,2,3,,", "1,2", "1,2,3,4,,", '1,"x, y\nz",3', ",", " , ,,,", "1,2,3,,5", "7,8,9, "]
    path = save(tmp_path / "t.csv", "\n".join(lines))
    _, rows, broken = read(path)
    assert rows == {2: ["1", "2", "3"], 5: ["1", "x, y\nz", "3"], 9: ["7", "8", "9"]}
    assert broken == {
        3: "has 2 cells; the header has 3",
        4: "has 4 cells; the header has 3",
        8: "has 5 cells; the header has 3",
    }


def test_broken_rows_keep_their_numbers_over_many_blocks(tmp_path: Path) -> None:
    n_rows = 150_000
    lines = [f"{i},{i % 7}.25,some name {i}" for i in range(n_rows)]
    bad = {0, 1, 5, 99_999, 100_000, 123_456, 140_001, n_rows - 2, n_rows - 1}
    blank = {7, 40_000, n_rows - 3}
    mended = {11, 100_001}
    for i in bad:
        lines[i] = f"{i},"
    for i in blank:
        lines[i] = "" if i % 2 else ",,"
    for i in mended:
        lines[i] += ",,"
    frames = open_frames(save(tmp_path / "t.csv", "\n".join(["i,x,name", *lines])))
    pieces = list(frames)
    assert len(pieces) > 3
    assert max(len(frame.numbers) for frame in pieces) <= 40_000
    rows = rows_of(pieces)
    assert set(rows) == {i + 2 for i in range(n_rows)} - {i + 2 for i in bad | blank}
    assert all(int(row[0]) == number - 2 for number, row in rows.items())
    assert set(broken_of(pieces)) == {i + 2 for i in bad}
    for before, frame in itertools.pairwise(pieces):
        assert all(number > before.numbers[-1] for number, _ in frame.broken)
    positions = [frame.position_bytes for frame in pieces]
    assert positions == sorted(positions)
    assert positions[-1] == frames.total_bytes


def test_a_table_of_nothing_but_broken_rows(tmp_path: Path) -> None:
    _, rows, broken = read(save(tmp_path / "t.csv", "a,b\n" + "1\n" * 100_000))
    assert not rows
    assert list(broken) == list(range(2, 100_002))


def test_broken_rows_without_end_are_not_collected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genrekit.tables.text.MAX_BROKEN_AHEAD", 1000)
    pieces, error = read_until_error(save(tmp_path / "t.csv", "a,b\n" + "1\n" * 5000))
    assert set(broken_of(pieces)) == set(range(2, 1003))
    assert "cannot be read beyond row 1,002" in error.message


def test_bytes_that_are_no_utf8_harm_their_own_cell(tmp_path: Path) -> None:
    names = ["Beyoncé".encode("cp1252"), "Björk".encode(), b"nul\0nul", "東京".encode()]
    lines = [b"%d,%s" % (i, names[i % (4 if i > 1000 else 2)]) for i in range(130_000)]
    _, rows, broken = read(
        save(tmp_path / "t.csv", b"i,name\n" + b"\n".join([b"1", *lines, b"x," + names[0]]))
    )
    assert broken == {2: "has 1 cells; the header has 2"}
    assert len(rows) == 130_001
    assert {row[1] for row in rows.values()} == {r"Beyonc\xe9", "Björk", r"nul\x00nul", "東京"}
    assert [row[0] for row in rows.values()] == [*map(str, range(130_000)), "x"]


def test_characters_cut_by_the_end_of_a_block(tmp_path: Path) -> None:
    names = ["é" * (i % 9) + "東" * (i % 5) + "🎵" * (i % 3) for i in range(80_000)]
    path = save(tmp_path / "t.csv", "i,name\n" + "".join(f"{i},{name}\n" for i, name in enumerate(names)))
    assert [row[1] for row in read(path)[1].values()] == names


def test_a_cell_that_is_too_long_breaks_its_row(tmp_path: Path) -> None:
    long, fits = "x" * 100_001, "é" * 100_000
    path = save(tmp_path / "t.csv", f"a,b\n1,2\n{long},2\n3,{fits}\n{long},2,3\n{'y' * 140_000}\n5,6\n")
    _, rows, broken = read(path)
    assert set(rows) == {2, 4, 7}
    assert broken == dict.fromkeys([3], "has a cell of more than 100,000 characters") | {
        5: "has 3 cells; the header has 2",
        6: "has a cell of more than 100,000 characters",
    }


@pytest.mark.parametrize("hole", ["x" * 6_000_000 + ",y\n", '"never closed,1\n'])
def test_a_row_without_an_end_stops_the_reading_with_a_sentence(tmp_path: Path, hole: str) -> None:
    pieces, error = read_until_error(save(tmp_path / "t.csv", "i,name\n" + ROWS + hole + ROWS * 4))
    n_read = len(rows_of(pieces))
    assert 40_000 < n_read <= 60_000
    assert f"beyond row {n_read + 1:,}: what follows is longer than a row may be" in error.message
    assert "quotation mark" in error.hint


def test_an_unclosed_quote_near_the_end_breaks_one_row(tmp_path: Path) -> None:
    _, rows, broken = read(save(tmp_path / "t.csv", 'a,b\n1,2\n"3,4\n5,6\n'))
    assert rows == {2: ["1", "2"]}
    assert broken == {3: "has 1 cells; the header has 2"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n \n\n", "no line of column names"),
        (b",,\n1,2,3\n", "no line of column names"),
        (b"a,A \n1,2\n", "two columns of one name: 'a', 'A '"),
        (b"a,b\0\n1,2\n", "is not text"),
        (b"x" * 3_000_000, "more than 262,144 characters"),
        (b",".join(b"c%d" % i for i in range(10_001)) + b"\n", "10,001 columns; 10,000 are allowed"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(DatasetError, match=words):
        open_frames(save(tmp_path / "t.csv", content))


def test_a_folder_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.csv"):
        with pytest.raises(DatasetError, match="cannot be read as a table"):
            open_frames(path)


@pytest.mark.parametrize("text", ["a,b", "a,b\n", "a,b\n\n\n", "a,b\n,\n"])
def test_a_header_alone_gives_no_frame(tmp_path: Path, text: str) -> None:
    frames = open_frames(save(tmp_path / "t.csv", text))
    assert frames.columns == ("a", "b")
    assert list(frames) == []


def test_frames_can_be_read_again_and_left_early(tmp_path: Path) -> None:
    frames = open_frames(save(tmp_path / "t.csv", "i,name\n" + ROWS))
    first = next(iter(frames))
    assert first.numbers[0] == 2
    assert len(rows_of(list(frames))) == len(rows_of(list(frames))) == 60_000


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12) | st.sampled_from(
    ['"', '""', "\n", "\r\n", ",", ";", " ", "", "\ufeff", "'", "\\", "a\rb"]
)


@ROOMY
@given(st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(CELLS, min_size=n, max_size=n))), st.data())
def test_what_csv_writes_is_read_back(tmp_path: Path, rows: list[list[str]], data: st.DataObject) -> None:
    width = len(rows[0]) if rows else 2
    delimiter = data.draw(st.sampled_from(",;\t"))
    text = io.StringIO()
    # Python 3.11 leaves a carriage return without quotation marks.
    quote_all = data.draw(st.booleans()) or any("\r" in cell for row in rows for cell in row)
    writer = csv.writer(
        text,
        delimiter=delimiter,
        lineterminator=data.draw(st.sampled_from(["\n", "\r\n"])),
        quoting=csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL,
    )
    writer.writerows([[f"c{i}" for i in range(width)], *rows])
    # The header of one column says nothing about the delimiter.
    path = tmp_path / ("t.tsv" if delimiter == "\t" else "t.csv")
    save(path, text.getvalue())
    if width == 1 and delimiter == ";":
        return
    _, found, broken = read(path)
    assert not broken
    assert {number: row for number, row in found.items() if any(cell.strip() for cell in row)} == {
        number: row for number, row in enumerate(rows, start=2) if any(cell.strip() for cell in row)
    }


@ROOMY
@given(st.lists(st.text('ab1 ,"\n\r;', max_size=12), max_size=12))
def test_any_text_is_read_as_the_small_reader_does(tmp_path: Path, lines: list[str]) -> None:
    path = save(tmp_path / "t.csv", "\n".join(["a,b", *lines]))
    small = read_cells(path)
    _, rows, broken = read(path)
    assert rows == dict(small.rows)
    assert tuple((f"row {number}", reason) for number, reason in broken.items()) == small.broken


# Parquet


def test_parquet_keeps_numbers_and_makes_the_rest_text(tmp_path: Path) -> None:
    table = pa.table(
        {
            "tempo": pa.array([99.5, None, 1.0]),
            "key": pa.array([1, 2, None], pa.int8()),
            "explicit": pa.array([True, None, False]),
            "name": ["Björk", None, ""],
            "genre": pa.array(["pop", "rock", "pop"]).dictionary_encode(),
            "large": pa.array(["a", "b", "c"], pa.large_string()),
            "artists": [["x", "é"], None, []],
            "album": [{"id": 1}, {"id": None}, None],
            "added": pa.array([datetime(2020, 1, 2)] * 3, pa.timestamp("ms", "Europe/Paris")),
            "price": pa.array([Decimal("1.50")] * 3),
            "raw": [b"a\xe9", b"b", None],
        }
    )
    pq.write_table(table, tmp_path / "t.data")
    frames, rows, _ = read(tmp_path / "t.data")
    assert (frames.kind, frames.columns) == ("parquet", tuple(table.column_names))
    assert rows[2][:7] == [99.5, 1, True, "Björk", "pop", "a", '["x", "é"]']
    assert rows[2][7:] == ['{"id": 1}', "2020-01-02 00:00:00.000", "1.50", r"a\xe9"]
    assert rows[3] == [None, 2, None, None, "rock", "b", None, '{"id": null}', *rows[2][8:10], "b"]
    types = [field.type for field in next(iter(frames)).table.schema]
    assert types[:3] == [pa.float64(), pa.int8(), pa.bool_()]
    assert set(types[3:]) == {pa.string()}


def test_parquet_comes_in_pieces(tmp_path: Path) -> None:
    n_rows = 100_000
    names = [f"song {i}" for i in range(n_rows)]
    names[5], names[70_000] = "", "x" * 100_001
    numbers = pa.array([None if i == 5 else i for i in range(n_rows)])
    pq.write_table(pa.table({"i": numbers, "name": names}), tmp_path / "t.parquet", row_group_size=30_000)
    frames = open_frames(tmp_path / "t.parquet")
    pieces = list(frames)
    assert len(pieces) > 2
    rows = rows_of(pieces)
    assert set(rows) == set(range(2, n_rows + 2)) - {7, 70_002}
    assert all(row[0] == number - 2 for number, row in rows.items())
    assert broken_of(pieces) == {70_002: "has a cell of more than 100,000 characters"}
    assert pieces[-1].position_bytes == frames.total_bytes


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
    with pytest.raises(DatasetError, match=r"a row group of \d,\d{3} bytes and 1,000 values"):
        open_frames(tmp_path / "t.parquet")


def test_doubled_columns_of_parquet_are_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"tempo": [1], "Tempo": [2]}), tmp_path / "t.parquet")
    with pytest.raises(DatasetError, match="two columns of one name"):
        open_frames(tmp_path / "t.parquet")


@pytest.mark.parametrize("keep", [4, 8, 400, -1, -9, -300])
def test_truncated_parquet_is_refused(tmp_path: Path, keep: int) -> None:
    pq.write_table(pa.table({"x": range(5000), "name": ["abc"] * 5000}), tmp_path / "t.parquet")
    content = (tmp_path / "t.parquet").read_bytes()
    with pytest.raises(DatasetError, match="cannot be read as a table"):
        list(open_frames(save(tmp_path / "u.parquet", content[:keep])))


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
            rows_of(list(open_frames(save(tmp_path / "u.parquet", bytes(damaged)))))
        except DatasetError:
            refused += 1
    assert refused > 10


# JSON


def test_an_array_of_objects(tmp_path: Path) -> None:
    items = [
        {"id": "x", "tempo": 99, "mode": True, "tags": ["é"]},
        None,
        {"tempo": 1.5, "key": 3, "id": 7, "mode": None},
        [1],
        {},
    ]
    frames, rows, broken = read(save(tmp_path / "t.txt", json.dumps(items, indent=1)))
    assert (frames.kind, frames.columns) == ("json", ("id", "tempo", "mode", "tags", "key"))
    assert rows == {
        1: ["x", 99.0, True, '["é"]', None],
        3: ["7", 1.5, None, None, 3.0],
        5: [None] * 5,
    }
    assert broken == {
        2: "is null: the service knows no such track",
        4: "is not an object with names and values",
    }
    kinds = [field.type for field in next(iter(frames)).table.schema]
    assert kinds == [pa.string(), pa.float64(), pa.bool_(), pa.string(), pa.float64()]


@pytest.mark.parametrize("indent", [None, 2])
def test_an_answer_of_the_web_api(tmp_path: Path, indent: int | None) -> None:
    answer = {"audio_features": [{"tempo": 99.5, "id": "a"}, None, {"tempo": 100, "id": "b"}]}
    text = json.dumps(answer, indent=indent)
    frames, rows, broken = read(save(tmp_path / "t.json", text))
    assert frames.columns == ("tempo", "id")
    assert rows == {1: [99.5, "a"], 3: [100.0, "b"]}
    assert broken == {2: "is null: the service knows no such track"}
    assert set(read(save(tmp_path / "u.json", text + "\n" + text))[1]) == {1, 3, 4, 6}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_one_object(tmp_path: Path, encoding: str) -> None:
    text = json.dumps({"tempo": 99.5, "name": "東京"}, indent=2, ensure_ascii=False)
    assert read(save(tmp_path / "t.json", text.encode(encoding)))[1] == {1: [99.5, "東京"]}


def test_json_lines_keep_their_numbers(tmp_path: Path) -> None:
    lines = [json.dumps({"i": i, "s": "a\u2028b"}, ensure_ascii=False) for i in range(25_000)]
    lines[3] = '{"i": 3,'
    lines[5] = ""
    lines[20_000] = "[" * 50_000
    lines[20_001] = "x" * 3_000_000
    lines[20_002] = "5"
    frames = open_frames(save(tmp_path / "t.jsonl", "\r\n".join(lines)))
    pieces = list(frames)
    assert len(pieces) > 2
    broken = broken_of(pieces)
    assert set(broken) == {4, 20_001, 20_002, 20_003}
    assert broken[4].startswith("is no JSON")
    assert broken[20_002] == "is longer than 1,000,000 characters"
    assert broken[20_003] == "is not an object with names and values"
    rows = rows_of(pieces)
    assert set(rows) == set(range(1, 25_001)) - {*broken, 6}
    assert all(row == [number - 1, "a\u2028b"] for number, row in rows.items())


def test_numbers_that_json_does_not_have_are_missing(tmp_path: Path) -> None:
    path = save(tmp_path / "t.json", '[{"a": NaN, "b": 1, "c": {"d": Infinity}}, {"a": 2, "b": -Infinity}]')
    assert read(path)[1] == {1: [None, 1.0, '{"d": null}'], 2: [2.0, None, None]}


def test_odd_values_become_text_or_stay_what_they_are(tmp_path: Path) -> None:
    path = save(
        tmp_path / "t.json", r'[{"a": "\ud800", "b": 1, "b": true, "c": 1%s, "\udfff": 0}]' % ("0" * 400)
    )
    frames, rows, _ = read(path)
    assert frames.columns == ("a", "b", "c", r"\udfff")
    assert rows == {1: [r"\ud800", True, "1" + "0" * 400, 0.0]}


def test_a_key_that_appears_later_is_not_read(tmp_path: Path) -> None:
    items = [{"a": i} for i in range(10_000)] + [{"a": 1, "later": 2}]
    frames, rows, _ = read(save(tmp_path / "t.json", json.dumps(items)))
    assert frames.columns == ("a",)
    assert rows[10_001] == [1.0]


@pytest.mark.parametrize(
    ("end", "words"),
    [
        ("", "beyond item 12,000: neither a comma nor the end"),
        (', {"i": ', "beyond item 12,000: "),
        (', {"i": tru}]', "beyond item 12,000: Expecting value"),
        (' {"i": 1}]', "neither a comma nor the end"),
        ("1} trailing", "neither a comma nor the end"),
        ('{"i": 1}] {"i": 2}', "neither a comma nor the end"),
        (',{"i": 1}] {"i": 2}', "item 12,001: something follows the end of its array"),
        (", " + "[" * 200_000, "recursion"),
        (', {"i": "' + "x" * 1_000_001 + '"}]', "more than 1,000,000 characters"),
    ],
)
def test_a_damaged_array_gives_the_items_before(tmp_path: Path, end: str, words: str) -> None:
    start = json.dumps([{"i": i} for i in range(12_000)])[:-1]
    pieces, error = read_until_error(save(tmp_path / "t.json", start + end))
    assert [row[0] for row in rows_of(pieces).values()][:12_000] == list(range(12_000))
    assert words in error.message


def test_an_answer_with_more_than_its_array_ends_with_a_sentence(tmp_path: Path) -> None:
    path = save(tmp_path / "t.json", '{"audio_features": [{"tempo": 1}], "more": 1}')
    pieces, error = read_until_error(path)
    assert rows_of(pieces) == {1: [1.0]}
    assert "beyond item 1: what follows its array is not read" in error.message


def test_frames_of_large_objects_have_fewer_of_them(tmp_path: Path) -> None:
    items = [{"i": i, "s": "x" * 90_000} for i in range(200)]
    pieces = list(open_frames(save(tmp_path / "t.json", json.dumps(items))))
    assert len(pieces) > 1
    assert list(rows_of(pieces)) == list(range(1, 201))


def test_a_value_without_an_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="beyond item 0"):
        open_frames(save(tmp_path / "t.json", '["' + "x" * 20_000_000))


@pytest.mark.parametrize("text", ["[]", "[1, 2]", "5", "{", '{"audio_features": [null]}', "garbage\nmore"])
def test_json_without_an_object_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(DatasetError, match="holds no JSON object"):
        open_frames(save(tmp_path / "t.json", text))


def test_keys_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="two columns of one name"):
        open_frames(save(tmp_path / "t.json", '[{"tempo": 1, "Tempo": 2}]'))


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=8)
)
OBJECTS = st.dictionaries(
    st.sampled_from(["a", "b", "ü", 'q"', "e"]), SCALARS | st.lists(SCALARS, max_size=2)
)


@ROOMY
@given(
    st.lists(OBJECTS | st.none() | st.integers(), max_size=8), st.sampled_from(["array", "lines", "answer"])
)
def test_json_is_read_back(tmp_path: Path, items: list[Any], form: str) -> None:
    texts = {
        "array": json.dumps(items),
        "lines": "\n".join(json.dumps(item, ensure_ascii=False) for item in items),
        "answer": json.dumps({"audio_features": items}, indent=1),
    }
    path = save(tmp_path / "t.json", texts[form] + "\n")
    columns = list(dict.fromkeys(key for item in items if isinstance(item, dict) for key in item))
    if not columns:
        with pytest.raises(DatasetError):
            open_frames(path)
        return
    frames, rows, broken = read(path)
    assert list(frames.columns) == columns
    assert set(broken) == {n for n, item in enumerate(items, start=1) if not isinstance(item, dict)}
    assert list(rows) == [n for n, item in enumerate(items, start=1) if isinstance(item, dict)]
    for number, row in rows.items():
        for column, cell in zip(columns, row, strict=True):
            value = items[number - 1].get(column)
            # Where a column is not of one kind its numbers, booleans and lists are written as JSON.
            as_text = isinstance(cell, str) and not isinstance(value, str)
            assert (json.loads(cell) if as_text else cell) == value


def test_a_footer_that_contradicts_itself_is_refused(tmp_path: Path) -> None:
    """Arrow 26 ended the process when asked how many values such a column has."""
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"artist": ["a", None]}), path)
    optional, required = b"\x25\x02\x18\x06artist", b"\x25\x00\x18\x06artist"
    assert path.read_bytes().count(optional) == 1
    path.write_bytes(path.read_bytes().replace(optional, required))
    _, error = read_until_error(path)
    assert "cannot be read as a table" in error.message


def test_values_of_lists_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.parquet"
    table = pa.table({"x": range(40), "lists": [[k] * 5 for k in range(40)]})
    pq.write_table(table, path, row_group_size=16)
    assert declared_values(path) == [80, 80, 40]
    monkeypatch.setattr("genrekit.tables.parquet.MAX_CELLS", 79)
    with pytest.raises(DatasetError, match="80 values a column"):
        open_frames(path)


@pytest.mark.parametrize("value", [0, 1, 0x19, 0x1C, 0x7F, 0xFF])
def test_a_damaged_footer_is_a_value_error_or_other_counts(tmp_path: Path, value: int) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"lists": [[1, 2], [3]]}), path)
    data = path.read_bytes()
    start = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    refused = 0
    for at in range(start, len(data) - 4):
        path.write_bytes(data[:at] + bytes([value]) + data[at + 1 :])
        try:
            assert all(isinstance(count, int) for count in declared_values(path))
        except ValueError:
            refused += 1
    assert refused
