"""Playlists, cue sheets and archives on the command line: the songs that they list."""

import zipfile
from pathlib import Path

import pytest

from genrekit.media import PassedOver
from genrekit.prediction import expand


@pytest.fixture(autouse=True)
def library(tmp_path, monkeypatch):
    for name in ("a b.wav", "sub/ü.wav", "sub/c.mp3"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"RIFF\0\0\0\0WAVEfmt ")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def meant(name, content):
    Path(name).write_bytes(content)
    return [(one.name, one.error) for one in expand([name])]


SONGS = [("a b.wav", None), ("sub/ü.wav", None)]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("l.m3u8", "#EXTM3U\n#EXTINF:1,x\na b.wav\n\nsub/ü.wav\na b.wav\n".encode()),
        ("l.m3u8", "\ufeffa b.wav\r\nsub\\ü.wav".encode()),
        ("l.M3U", "a b.wav\rsub/ü.wav\r".encode("cp1252")),
        ("l.m3u", "a b.wav\nsub\\ü.wav\n".encode("utf-16")),
        ("l.pls", "[playlist]\nFile1=a b.wav\nTitle1=x\nfile2 = sub/ü.wav\nNumberOfEntries=2\n".encode()),
        ("l.cue", 'REM x\nFILE "a b.wav" WAVE\n  TRACK 01 AUDIO\nFILE sub/ü.wav WAVE\n'.encode()),
    ],
)
def test_each_kind_lists_songs(name, content):
    assert meant(name, content) == SONGS


def test_paths_start_at_the_playlist():
    assert meant("sub/l.m3u8", b"c.mp3\n../a b.wav\n") == [("sub/c.mp3", None), ("sub/../a b.wav", None)]


def test_addresses_of_files(library):
    assert meant("l.m3u", f"file://{library}/a%20b.wav".encode()) == [(f"{library}/a b.wav", None)]
    assert [one.path for one in expand([f"file://{library}/a%20b.wav"])] == [library / "a b.wav"]
    ((_, error),) = [(one.name, one.error) for one in expand(["ftp://host/a.wav"])]
    assert "ftp:// is not read" in error


def test_what_is_missing_or_is_not_a_song_keeps_its_row():
    found = meant("l.m3u8", b"gone.wav\nsub\nother.pls\n/\n")
    assert [name for name, _ in found] == ["gone.wav", "sub", "other.pls", "/"]
    assert [bool(error) for _, error in found] == [False, True, True, True]


@pytest.mark.parametrize("content", [b"", b"#EXTM3U\n", b"RIFF\0\0\0\0WAVE", b"\xff\xfb\0\0"])
def test_what_lists_nothing_says_so(content):
    ((name, error),) = meant("l.m3u8", content)
    assert name == "l.m3u8"
    assert error


def test_in_a_folder_a_playlist_is_passed_over():
    Path("sub/l.m3u8").write_text("ü.wav")
    passed = PassedOver()
    assert [one.name for one in expand(["sub"], passed=passed)] == ["sub/c.mp3", "sub/ü.wav"]
    assert str(passed) == "passed over 1 file: .m3u8 1"


def test_a_zip_of_songs_is_a_folder():
    with zipfile.ZipFile("s.zip", "w") as archive:
        for name in ("x/a.wav", "x/cover.png", "x/info.nfo", "__MACOSX/x/b.wav", "x/._a.wav"):
            archive.writestr(name, b"x")
    passed = PassedOver()
    found = list(expand(["s.zip"], passed=passed))
    assert [one.name for one in found] == ["zip://x/a.wav::s.zip", "zip://x/cover.png::s.zip"]
    assert passed.files.total() == 3


def test_a_damaged_zip_is_one_row():
    ((name, error),) = meant("s.zip", b"PK\x03\x04")
    assert name.endswith("s.zip")
    assert error


def test_content_decides_in_folders():
    Path("sub/no suffix").write_bytes(b"fLaC\0\0\0\x22" + bytes(20))
    Path("sub/song.flac").write_bytes(b"")
    Path("sub/sleeve.txt").write_bytes(b"the wide open sky over the sea")
    Path("sub/x.mka").write_bytes(b"\x1a\x45\xdf\xa3" + bytes(20))
    Path("sub/y.wv").write_bytes(b"wvpk" + bytes(20))
    passed = PassedOver()
    names = [Path(one.name).name for one in expand(["sub"], passed=passed)]
    assert names == ["c.mp3", "no suffix", "song.flac", "x.mka", "ü.wav"]
    assert str(passed) == "passed over 2 files: .txt 1, .wv 1"


SHEET = """\
REM GENRE Rock
PERFORMER "The Band"
TITLE "The Album"
FILE "album.flac" WAVE
  TRACK 01 AUDIO
    TITLE "One \\"x\\" #1"
    INDEX 01 00:00:00
  TRACK 02 AUDIO
    TITLE "Two"
    PERFORMER "A Guest"
    INDEX 00 00:03:00
    INDEX 01 00:04:37
  TRACK 03 AUDIO
    INDEX 01 00:08:00
FILE "bonus.flac" WAVE
  TRACK 04 AUDIO
    TITLE "Bonus"
    INDEX 01 00:00:00
"""


def test_tracks_within_a_file_are_inputs_of_their_own():
    Path("album.cue").write_text(SHEET)
    found = list(expand(["album.cue"]))
    assert [one.name for one in found] == [
        'album.cue#01 One \\"x\\" #1', "album.cue#02 Two", "album.cue#03", "bonus.flac",
    ]  # fmt: skip
    assert [(one.start_s, one.end_s) for one in found] == [
        (0.0, pytest.approx(4 + 37 / 75)), (pytest.approx(4 + 37 / 75), 8.0), (8.0, None), (0.0, None),
    ]  # fmt: skip
    assert [one.extra.get("performer") for one in found] == ["The Band", "A Guest", "The Band", None]
    assert [one.name for one in expand(["album.cue"], tracks=False)] == ["album.flac", "bonus.flac"]


@pytest.mark.parametrize(
    "sheet",
    [
        "FILE a.wav WAVE",
        "FILE a.wav WAVE\nTRACK 01 AUDIO",
        "FILE a.wav WAVE\nINDEX 01 00:01:00\nTRACK x AUDIO\nINDEX 01 99999999:00:00",
        "TRACK 01 AUDIO\nINDEX 01 00:00:00\nFILE a.wav WAVE",
        "FILE a.wav WAVE\nTRACK 01 AUDIO\nINDEX 01 00:05:00\nFILE a.wav WAVE",
    ],
)
def test_odd_sheets_still_mean_their_file(sheet):
    Path("l.cue").write_text(sheet)
    assert {one.name for one in expand(["l.cue"])} == {"a.wav"}


def test_tracks_out_of_order_have_no_end():
    Path("l.cue").write_text(
        "FILE a.wav\nTRACK 01 AUDIO\nINDEX 01 00:09:00\nTRACK 02 AUDIO\nINDEX 01 00:02:00\n"
    )
    assert [(one.start_s, one.end_s) for one in expand(["l.cue"])] == [(9.0, None), (2.0, None)]
