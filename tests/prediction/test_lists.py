"""Lists of names on stdin, in the encodings and with the marks that programs write."""

import codecs
import io
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genrekit.errors import UsageError
from genrekit.prediction import read_list


class Pipe(io.BytesIO):
    """A stream that gives a few bytes at a time."""

    def read1(self, size=-1):
        return self.read(3)


def listed(content: bytes, stream=io.BytesIO):
    return list(read_list(stream(content), "stdin"))


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


NAMES = ["a b.wav", "Übung Ω.mp3", "東京/1.ogg"]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
@pytest.mark.parametrize("stream", [io.BytesIO, Pipe])
def test_text_by_its_mark(encoding, end, stream):
    mark = codecs.BOM_UTF16_BE if encoding == "utf-16-be" else b""
    text = end.join([*NAMES, "", " ", NAMES[0]])
    assert listed(mark + text.encode(encoding), stream) == [*NAMES, NAMES[0]]


def test_names_between_nul_bytes_may_hold_line_ends():
    assert listed(b"./a\nb.wav\0./c.wav\0") == ["./a\nb.wav", "./c.wav"]


def test_lines_may_end_in_carriage_returns_alone():
    assert listed("\r".join([*NAMES, ""]).encode("utf-16")) == NAMES
    assert listed(b"a.wav\r") == ["a.wav"]
    assert listed(b"a\rb.wav\nc.wav\n") == ["a\rb.wav", "c.wav"]


def test_names_that_are_not_utf8_stay_what_they_are():
    assert listed(b"caf\xe9.wav\n") == [os.fsdecode(b"caf\xe9.wav")]


def test_comments():
    assert listed(b"#EXTM3U\n#EXTINF:3,x\na.wav\n") == ["a.wav"]
    Path("#1 hit.wav").touch()
    assert listed(b"# my songs\n#1 hit.wav\na.wav\n") == ["#1 hit.wav", "a.wav"]
    assert listed("#EXTM3U\r\n#1 hit.wav\r\na.wav".encode("utf-16")) == ["a.wav"]


@pytest.mark.parametrize("line", ['"a.wav"', "a.wav  ", '  "a.wav" '])
def test_blanks_and_quotation_marks_around_a_file(line):
    Path("a.wav").touch()
    assert listed(f"{line}\nnone.wav \n".encode()) == ["a.wav", "none.wav "]
    Path(line).touch()
    assert listed(line.encode()) == [line]


def test_a_pls_means_its_files():
    text = b"[playlist]\nNumberOfEntries=2\nFile1=a.wav\nTitle1=x\nfile2 = b.wav\n"
    assert listed(text) == ["a.wav", "b.wav"]


def test_windows_writes_backslashes():
    Path("music").mkdir()
    Path("music/a.wav").touch()
    assert listed("music\\a.wav\r\nmusic\\b.wav\r\n".encode("utf-16")) == ["music/a.wav", "music\\b.wav"]


@pytest.mark.parametrize(
    "content",
    [
        "/\r\n.\r\n".encode("utf-16-le"),
        "/music/a.wav\n".encode("utf-16-be"),
        "/music/a.wav\n".encode("utf-32"),
        b"OggS\0\x02" + bytes(range(200)),
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
        b"PK\x03\x04 music/a.wav",
        bytes(range(1, 32)) * 20,
    ],
    ids="utf16le utf16be utf32 ogg png zip controls".split(),
)
def test_what_is_not_text_is_refused(content):
    with pytest.raises(UsageError, match="stdin"):
        listed(content)


def test_a_name_without_an_end_is_refused():
    with pytest.raises(UsageError, match="name of more than"):
        listed(b"a" * 200_000)


@given(st.lists(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1), max_size=20))
def test_every_name_comes_back(names):
    wanted = [name for name in names if not name.startswith("#") and "\\" not in name]
    text = "\n".join(["x", *wanted])
    assert listed(text.encode()) == listed(text.encode("utf-16"), Pipe) == ["x", *wanted]
