"""JSON Lines and JSON: objects as rows."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.tables import broken_of, read, read_until_error, rows_of, save

from genrekit.errors import DatasetError
from genrekit.tables import open_table, read_values

ROOMY = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def test_an_array_of_objects(tmp_path: Path) -> None:
    items = [
        {"id": "x", "tempo": 99, "mode": True, "tags": ["é"]},
        None,
        {"tempo": 1.5, "key": 3, "id": 7, "mode": None},
        [1],
        {},
    ]
    table, rows, broken = read(save(tmp_path / "t.txt", json.dumps(items, indent=1)))
    assert (table.kind, table.columns) == ("json", ("id", "tempo", "mode", "tags", "key"))
    assert rows == {
        1: ["x", 99.0, True, '["é"]', None],
        3: ["7", 1.5, None, None, 3.0],
        5: [None] * 5,
    }
    assert broken == {
        2: "is null: the service knows no such track",
        4: "is not an object with names and values",
    }
    kinds = [field.type for field in next(table.frames()).table.schema]
    assert kinds == [pa.string(), pa.float64(), pa.bool_(), pa.string(), pa.int64()]


@pytest.mark.parametrize("indent", [None, 2])
def test_an_answer_of_the_web_api(tmp_path: Path, indent: int | None) -> None:
    answer = {"audio_features": [{"tempo": 99.5, "id": "a"}, None, {"tempo": 100, "id": "b"}]}
    text = json.dumps(answer, indent=indent)
    table, rows, broken = read(save(tmp_path / "t.json", text))
    assert table.columns == ("tempo", "id")
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
    table = open_table(save(tmp_path / "t.jsonl", "\r\n".join(lines)))
    pieces = list(table.frames())
    assert len(pieces) > 2
    broken = broken_of(pieces)
    assert set(broken) == {4, 20_001, 20_002, 20_003}
    assert broken[4].startswith("is not JSON")
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
    table, rows, _ = read(path)
    assert table.columns == ("a", "b", "c", r"\udfff")
    assert rows == {1: [r"\ud800", True, "1" + "0" * 400, 0.0]}


def test_a_key_that_appears_later_is_not_read(tmp_path: Path) -> None:
    items = [{"a": i} for i in range(10_000)] + [{"a": 1, "later": 2}]
    table, rows, _ = read(save(tmp_path / "t.json", json.dumps(items)))
    assert table.columns == ("a",)
    assert rows[10_001] == [1.0]


@pytest.mark.parametrize(
    ("end", "words"),
    [
        ("", "beyond item 12,000: it ends within an array"),
        (', {"i": ', "beyond item 12,000: Expecting value"),
        (', {"i": tru}]', "beyond item 12,000: Expecting value"),
        (": 1]", "beyond item 12,000: Expecting value"),
        (", " + "[" * 200_000, "it ends within an array"),
        (', {"i": ' + "[" * 200_000, "recursion"),
    ],
)
def test_a_damaged_array_gives_the_items_before(tmp_path: Path, end: str, words: str) -> None:
    start = json.dumps([{"i": i} for i in range(12_000)])[:-1]
    pieces, error = read_until_error(save(tmp_path / "t.json", start + end))
    assert [row[0] for row in rows_of(pieces).values()] == list(range(12_000))
    assert words in error.message


def test_what_follows_an_array_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = save(tmp_path / "t.json", '[{"i": 1}, {"i": 2}]\n{"i": 3},\n{"i": 4}\nand more')
    pieces, error = read_until_error(path)
    assert rows_of(pieces) == {1: [1], 2: [2], 3: [3], 4: [4]}
    assert "cannot be read beyond item 4: Expecting value" in error.message


def test_an_answer_with_more_than_its_array_ends_with_a_sentence(tmp_path: Path) -> None:
    path = save(tmp_path / "t.json", '{"audio_features": [{"tempo": 1}], "more": 1}')
    pieces, error = read_until_error(path)
    assert rows_of(pieces) == {1: [1]}
    assert "cannot be read beyond item 2" in error.message


def test_json_that_is_not_lines_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genrekit.tables.json.MAX_JSON_CHARACTERS", 1000)
    items = [{"i": i} for i in range(200)]
    with pytest.raises(DatasetError, match="more than 1,000 characters of JSON"):
        open_table(save(tmp_path / "t.json", json.dumps(items)))
    lines = "\n".join(map(json.dumps, items))
    assert len(read(save(tmp_path / "t.json", lines))[1]) == 200


def test_a_first_line_that_is_broken_does_not_hide_the_others(tmp_path: Path) -> None:
    path = save(tmp_path / "t.json", '{"i": \n\n{"i": 2}\n')
    _, rows, broken = read(path)
    assert rows == {3: [2]}
    assert list(broken) == [1]


@pytest.mark.parametrize("suffix", ["json", "jsonl", "txt"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("packed", [False, True])
def test_encodings_of_lines(tmp_path: Path, suffix: str, encoding: str, packed: bool) -> None:
    text = '{"name": "Beyoncé", "i": 1}\r\n{"name": "x", "i": 2}'.encode(encoding)
    path = save(tmp_path / f"t.{suffix}{'.gz' if packed else ''}", gzip.compress(text) if packed else text)
    assert read(path)[1] == {1: ["Beyoncé", 1], 2: ["x", 2]}


def test_objects_as_text(tmp_path: Path) -> None:
    path = save(tmp_path / "t.json", '[{"label": 1, "x": 0.5, "more": null}, {"label": 12}, 3]')
    cells = open_table(path).cells()
    assert cells.rows == ((1, ["1", "0.5", ""]), (2, ["12", "", ""]))
    assert cells.broken == (("row 3", "is not an object with names and values"),)


def test_values_keep_what_cells_do_not(tmp_path: Path) -> None:
    path = save(tmp_path / "t.jsonl", '{"input": "a\\udce9.wav", "scores": [{"label": "x"}]}\n[1]\nno\n')
    first, second, third = read_values(path)
    assert (first.number, first.content["input"]) == (1, "a\udce9.wav")
    assert (second.number, second.content, second.problem) == (2, [1], "")
    assert (third.number, third.content) == (3, None)
    assert third.problem.startswith("is not JSON")
    long = list(read_values(path, max_line_characters=10))
    assert [value.problem for value in long] == ["is longer than 10 characters", "", third.problem]


def test_frames_of_large_objects_have_fewer_of_them(tmp_path: Path) -> None:
    items = [{"i": i, "s": "x" * 90_000} for i in range(200)]
    pieces = list(open_table(save(tmp_path / "t.json", json.dumps(items))).frames())
    assert len(pieces) > 1
    assert list(rows_of(pieces)) == list(range(1, 201))


def test_a_value_without_an_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="beyond item 0"):
        open_table(save(tmp_path / "t.json", '["' + "x" * 20_000_000))


@pytest.mark.parametrize("text", ["[]", "[1, 2]", "5", "{", '{"audio_features": [null]}', "garbage\nmore"])
def test_json_without_an_object_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(DatasetError, match="holds no JSON object"):
        open_table(save(tmp_path / "t.json", text))


def test_keys_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="two columns with the same name"):
        open_table(save(tmp_path / "t.json", '[{"tempo": 1, "Tempo": 2}]'))


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
            open_table(path)
        return
    table, rows, broken = read(path)
    assert list(table.columns) == columns
    assert set(broken) == {n for n, item in enumerate(items, start=1) if not isinstance(item, dict)}
    assert list(rows) == [n for n, item in enumerate(items, start=1) if isinstance(item, dict)]
    for number, row in rows.items():
        for column, cell in zip(columns, row, strict=True):
            value = items[number - 1].get(column)
            # Where a column is not of one kind its numbers, booleans and lists are written as JSON.
            as_text = isinstance(cell, str) and not isinstance(value, str)
            assert (json.loads(cell) if as_text else cell) == value
