"""Delimited text: the cells and numbers of every row, whatever the file does."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.tables import Rows, broken_of, read, read_until_error, rows_of, save

from genrekit.errors import DatasetError
from genrekit.tables import open_table
from genrekit.text import counted

ROOMY = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
ROWS = "".join(f"{i},song {i}\n" for i in range(60_000))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_text_is_read_whatever_wrote_it(tmp_path: Path, delimiter: str, encoding: str, end: str) -> None:
    lines = ["name,tempo", "Ødegård 東京 🎵,99.5", '"a ""b""",1', "", "last,2"]
    text = end.join(lines).replace(",", delimiter)
    table, rows, broken = read(save(tmp_path / "t.csv", text.encode(encoding)))
    assert (table.kind, table.columns) == ("csv", ("name", "tempo"))
    assert rows == {2: ["Ødegård 東京 🎵", "99.5"], 3: ['a "b"', "1"], 5: ["last", "2"]}
    assert not broken


def test_excel_writes_semicolons_and_decimal_commas(tmp_path: Path) -> None:
    path = save(tmp_path / "t.csv", "id;tempo;key\r\nx;99,5;3\r\n;;\r\n")
    assert read(path)[1] == {2: ["x", "99,5", "3"]}


def test_blank_lines_above_the_header_are_not_counted(tmp_path: Path) -> None:
    path = save(tmp_path / "t.csv", "\n  \r\na,b\n1,2\n3\n5,6\n")
    _, rows, broken = read(path)
    assert rows == {2: ["1", "2"], 4: ["5", "6"]}
    assert broken == {3: "has 1 cell; the header has 2"}


def test_a_saved_index_has_a_column_without_a_name(tmp_path: Path) -> None:
    table, rows, _ = read(save(tmp_path / "t.csv", ",a,\n0,1,2\n"))
    assert table.columns == ("", "a", "")
    assert rows == {2: ["0", "1", "2"]}
    assert next(table.frames()).table.column_names == ["", "a", ""]


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
    table = open_table(save(tmp_path / "t.csv", "\n".join(["i,x,name", *lines])))
    pieces = list(table.frames())
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
    assert positions[-1] == table.total_bytes


def test_a_table_of_nothing_but_broken_rows(tmp_path: Path) -> None:
    _, rows, broken = read(save(tmp_path / "t.csv", "a,b\n" + "1\n" * 20_000))
    assert not rows
    assert list(broken) == list(range(2, 20_002))


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
    assert broken == {2: "has 1 cell; the header has 2"}
    assert len(rows) == 130_001
    assert {row[1] for row in rows.values()} == {"Beyoncé", "Björk", r"nul\x00nul", "東京"}
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
    assert f"beyond row {n_read + 1:,}: the next row is longer than" in error.message
    assert "quotation mark" in error.hint


def test_an_unclosed_quote_near_the_end_breaks_one_row(tmp_path: Path) -> None:
    _, rows, broken = read(save(tmp_path / "t.csv", 'a,b\n1,2\n"3,4\n5,6\n'))
    assert rows == {2: ["1", "2"]}
    assert broken == {3: "has 1 cell; the header has 2"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n \n\n", "no line of column names"),
        (b",,\n1,2,3\n", "no line of column names"),
        (b"a,A \n1,2\n", "two columns with the same name: 'a', 'A '"),
        (b"a,b\0\n1,2\n", "is not text"),
        (b"x" * 3_000_000, "more than 262,144 characters"),
        (b",".join(b"c%d" % i for i in range(10_001)) + b"\n", "10,001 columns; 10,000 are allowed"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(DatasetError, match=words):
        open_table(save(tmp_path / "t.csv", content))


def test_a_folder_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.csv"):
        with pytest.raises(DatasetError, match="cannot be read as a table"):
            open_table(path)


@pytest.mark.parametrize("text", ["a,b", "a,b\n", "a,b\n\n\n", "a,b\n,\n"])
def test_a_header_alone_gives_no_frame(tmp_path: Path, text: str) -> None:
    table = open_table(save(tmp_path / "t.csv", text))
    assert table.columns == ("a", "b")
    assert list(table.frames()) == []


def test_frames_can_be_read_again_and_left_early(tmp_path: Path) -> None:
    table = open_table(save(tmp_path / "t.csv", "i,name\n" + ROWS))
    first = next(table.frames())
    assert first.numbers[0] == 2
    assert len(rows_of(list(table.frames()))) == len(rows_of(list(table.frames()))) == 60_000


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
def test_any_text_is_read_as_csv_reads_it(tmp_path: Path, lines: list[str]) -> None:
    path = save(tmp_path / "t.csv", "\n".join(["a,b", *lines]))
    expected: Rows = {}
    reasons: dict[int, str] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(itertools.islice(csv.reader(file), 1, None), start=2):
            while len(row) > 2 and not row[-1].strip():
                row.pop()
            if any(cell.strip() for cell in row) and len(row) == 2:
                expected[number] = row
            elif any(cell.strip() for cell in row):
                reasons[number] = f"has {counted(len(row), 'cell')}; the header has 2"
    assert read(path)[1:] == (expected, reasons)


# Dialects


@pytest.mark.parametrize("line", ["sep=;", '"sep=;"', "SEP=;", "sep=;;;;", "\ufeffsep=;"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_line_that_names_the_separator(tmp_path: Path, line: str, end: str) -> None:
    text = end.join([line, "a,b;c", "1,5;2", "3;4;;", "5;6;7"])
    table, rows, broken = read(save(tmp_path / "t.csv", text))
    assert table.columns == ("a,b", "c")
    assert rows == {2: ["1,5", "2"], 3: ["3", "4"]}
    assert broken == {4: "has 3 cells; the header has 2"}


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", ":", "^", " "])
def test_any_mark_may_separate_where_it_is_named(tmp_path: Path, separator: str) -> None:
    path = save(tmp_path / "t.csv", f"sep={separator}\na{separator}b\n1{separator}2\n")
    assert read(path)[1] == {2: ["1", "2"]}


def test_a_line_that_names_no_separator_is_a_header(tmp_path: Path) -> None:
    for header in ("sep=", "sep=x", "separator;b", "a;sep=;"):
        assert open_table(save(tmp_path / "t.csv", f"{header}\n1;2\n")).columns[0] == header.split(";")[0]


@pytest.mark.parametrize(
    ("text", "columns", "row"),
    [
        ("a|b|c\n1|2,5|3\n", ("a", "b", "c"), ["1", "2,5", "3"]),
        ('"a, b, c";d\n1;2\n', ("a, b, c", "d"), ["1", "2"]),
        ("a,b;c\n1,5;2\n", ("a,b", "c"), None),
        ("a;b,c\n1;5,2\n", ("a", "b,c"), None),
        ("a,b;c\n1;2;3,4\n", ("a,b", "c"), None),
        ("path\nsong one.wav\n", ("path",), ["song one.wav"]),
    ],
)
def test_the_delimiter_is_found(
    tmp_path: Path, text: str, columns: tuple[str, ...], row: list[str] | None
) -> None:
    table, rows, _ = read(save(tmp_path / "t.csv", text))
    if row is not None:
        assert (table.columns, rows) == (columns, {2: row})
    else:  # the header alone does not tell
        assert set(table.columns) in ({"a,b", "c"}, {"a", "b;c"}, {"a", "b,c"}, {"a;b", "c"})


def test_the_first_row_decides_where_the_header_does_not(tmp_path: Path) -> None:
    assert read(save(tmp_path / "t.csv", "artist, name;tempo\nA;99,5,1\n"))[1] == {2: ["A", "99,5,1"]}
    assert read(save(tmp_path / "t.csv", "artist; name,tempo\nA,99;5;1\n"))[1] == {2: ["A", "99;5;1"]}


def test_a_tsv_without_tabs(tmp_path: Path) -> None:
    assert read(save(tmp_path / "t.tsv", "a,b\n1,2\n"))[1] == {2: ["1", "2"]}
    assert read(save(tmp_path / "t.tsv", "a,b,c\td\n1\t2\n"))[1] == {2: ["1", "2"]}
    assert read(save(tmp_path / "t.tsv", "path\none, two.wav\n"))[1] == {2: ["one, two.wav"]}


def test_delimiters_at_the_end_of_lines(tmp_path: Path) -> None:
    assert read(save(tmp_path / "t.csv", "a;b;\n1;2\n3;4;\n5;6;;;\n"))[1] == {
        number: [*cells, ""] for number, cells in {2: ["1", "2"], 3: ["3", "4"], 4: ["5", "6"]}.items()
    }
    _, rows, broken = read(save(tmp_path / "t.csv", "a,b\n1,2,\n3,\n4\n"))
    assert rows == {2: ["1", "2"], 3: ["3", ""]}
    assert list(broken) == [4]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("packed", [False, True])
def test_encodings(tmp_path: Path, encoding: str, packed: bool) -> None:
    names = ["Ødegård", "Beyoncé – “live”", "plain"] * 5_000
    content = "\r\n".join(["name;i", *(f"{name};{i}" for i, name in enumerate(names))]).encode(encoding)
    path = save(tmp_path / ("t.csv.gz" if packed else "t.csv"), gzip.compress(content) if packed else content)
    assert [row[0] for row in read(path)[1].values()] == names


@pytest.mark.parametrize("content", [b"\0\1\2\3" * 200, b"a,b\0\n1,2\n", bytes(5000), b"RIFF\0\0\0\0WAVE"])
def test_bytes_that_are_no_text(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DatasetError, match="is not text"):
        open_table(save(tmp_path / "t.csv", content))


@pytest.mark.parametrize(("name", "hint"), [("t.csv", "Unpack it"), ("t.xlsx", "Save the sheet as CSV")])
def test_an_archive_is_not_text(tmp_path: Path, name: str, hint: str) -> None:
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        archive.writestr("a.csv", "a,b\n1,2\n")
    with pytest.raises(DatasetError, match="is not text") as caught:
        open_table(tmp_path / name)
    assert hint in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_characters_with_a_zero_byte_do_not_hide_utf16(tmp_path: Path, encoding: str) -> None:
    text = "name,tempo\n" + "一 Āris,99.5\n" * 40
    assert read(save(tmp_path / "t.csv", text.encode(encoding)))[1][2] == ["一 Āris", "99.5"]


def test_packed_text_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "t.csv.gz", gzip.compress(("i,name\n" + ROWS * 4).encode()))
    assert len(read(path)[1]) == 240_000
    monkeypatch.setattr("genrekit.tables.encoding.MAX_UNPACKED_BYTES", 2_000_000)
    assert "decompresses to more than 2,000,000 bytes" in read_until_error(path)[1].message
    for damaged in (path.read_bytes()[:-20_000], path.read_bytes()[:200_000] + bytes(5000), b"\x1f\x8bno"):
        with pytest.raises(DatasetError):
            list(open_table(save(tmp_path / "u.csv.gz", damaged)).frames())


def test_some_columns(tmp_path: Path) -> None:
    path = save(tmp_path / "t.csv", "a,b,c\n1,2,3\n4,5,6,\n7\n8," + "x" * 100_001 + ",9\n")
    table = open_table(path)
    frames = list(table.frames(["c", "a"]))
    assert rows_of(frames) == {2: ["3", "1"], 3: ["6", "4"], 5: ["9", "8"]}
    assert broken_of(frames) == {4: "has 1 cell; the header has 3"}
    assert 5 in broken_of(list(table.frames()))


def test_two_lines_of_column_names(tmp_path: Path) -> None:
    table = open_table(save(tmp_path / "t.csv", ",set,set\n,split,subset\n1,training,small\n"), n_headers=2)
    assert table.columns == ("", "set.split", "set.subset")
    assert list(table.rows()) == [(2, ["1", "training", "small"], "")]


WORDS = st.text(st.characters(codec="cp1252", exclude_characters="\0\r\x81\x8d\x8f\x90\x9d"), max_size=8)
NUMBERS = st.floats(-1e6, 1e6).map(lambda x: f"{x:.4f}".replace(".", ","))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(WORDS, NUMBERS, WORDS | st.sampled_from(['"', "\n", ",", ";", "|", "\t", "''"]))),
    delimiter=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    above=st.sampled_from(["", "{end}", "sep={delimiter}{end}", "{end} {end}", "{end}sep={delimiter}{end}"]),
    trailing=st.booleans(),
    quote_all=st.booleans(),
    suffix=st.sampled_from([".csv", ".txt", ".tsv", ".csv.gz"]),
)
def test_any_table_in_any_dialect_reads_back(
    tmp_path: Path,
    rows: list[tuple[str, str, str]],
    delimiter: str,
    encoding: str,
    end: str,
    above: str,
    trailing: bool,
    quote_all: bool,
    suffix: str,
) -> None:
    def line(cells: Sequence[str]) -> str:
        quoted = [
            '"' + c.replace('"', '""') + '"' if quote_all or set(c) & set('",;\t|\n\r') else c for c in cells
        ]
        return delimiter.join(quoted) + (delimiter if trailing else "")

    text = above.format(end=end, delimiter=delimiter)
    text += end.join(map(line, [("name", "tempo, in bpm", "more"), *rows])) + end
    content = text.encode(encoding)
    path = save(tmp_path / f"t{suffix}", gzip.compress(content) if suffix.endswith("gz") else content)
    cells = open_table(path).cells()
    assert cells.columns[:3] == ("name", "tempo, in bpm", "more")
    assert not cells.broken
    assert [row[:3] for _, row in cells.rows] == [list(row) for row in rows]
