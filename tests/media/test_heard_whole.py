"""Everything that a file holds is heard, whatever its header says, or the sound says what was not."""

from __future__ import annotations

import ctypes
import os
import re
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.odd_sounds import (
    SR,
    counted,
    encoded,
    mp3,
    patched,
    resampled,
    song,
    vbr_mp3,
    with_vbri,
    written,
)

from genrekit.errors import MediaError
from genrekit.media import audio
from genrekit.media.containers import inspect

ID3 = b"ID3\x04\0\0" + bytes((0, 0, 4, 0)) + bytes(512)  # a tag of 512 bytes
ID3_WITH_COVER = b"ID3\x04\0\0" + bytes((1, 0, 0, 0)) + b"\xff\xfb\x90" * 699_050 + b"\xff\xff"
APE = b"APETAGEX" + struct.pack("<IIII", 2000, 32 + 300_000, 1, 0xA0000000) + bytes(8)
APE += np.random.default_rng(3).bytes(300_000)


@pytest.fixture
def file(tmp_path: Path) -> Callable[[bytes], Path]:
    def make(data: bytes) -> Path:
        path = tmp_path / "song"
        path.write_bytes(data)
        return path

    return make


def size_of_data(data: bytes, value: int) -> bytes:
    return patched(data, data.find(b"data") + 4, struct.pack("<I", value))


def at_tag(data: bytes, tag: bytes, skip: int, value: bytes) -> bytes:
    return patched(data, data.find(tag) + skip, value)


def unknown_flac(data: bytes) -> bytes:
    return patched(data, 21, bytes((data[21] & 0xF0, 0, 0, 0, 0)))


def counting_flac(data: bytes, n: int) -> bytes:
    return patched(data, 22, struct.pack(">I", n))


def without_ftyp(data: bytes) -> bytes:
    """As QuickTime wrote files before there was a ftyp: the atom is of a kind that is passed over."""
    assert data[4:8] == b"ftyp"
    return patched(data, 4, b"wide")


WAV = written(song())
FLAC = written(song(), format="FLAC")
OGG = written(song(), format="OGG")
XING = mp3(song(), xing=True)
PLAIN = mp3(song())
JUNK = np.random.default_rng(1).bytes(700)

WHOLE = {
    "joined, each with a count": lambda: (XING + XING, 12),
    "three joined, with tags between": lambda: ((ID3 + XING) * 3, 18),
    "joined, a large cover between": lambda: (XING + ID3_WITH_COVER + XING, 12),
    "joined, ID3v1 between": lambda: (XING + b"TAG" + bytes(125) + XING, 12),
    "joined, of variable bit rate": lambda: (vbr_mp3() + vbr_mp3(), 12),
    "variable bit rate, no count": lambda: (vbr_mp3(), 6),
    "variable bit rate at 44.1 kHz, no count": lambda: (vbr_mp3(44100), 6),
    "count too small": lambda: (counted(XING, 50), 6),
    "count of 1": lambda: (counted(XING, 1), 6),
    "VBRI, count right": lambda: (with_vbri(XING, 230), 6),
    "VBRI, count too small": lambda: (with_vbri(XING, 60), 6),
    "mono to stereo": lambda: (mp3(song()) + mp3(song(channels=2)), 12),
    "stereo to mono": lambda: (mp3(song(channels=2)) + mp3(song()), 12),
    "44.1 to 48 kHz": lambda: (
        mp3(resampled(song(), SR, 44100), 44100) + mp3(resampled(song(), SR, 48000), 48000),
        12,
    ),
    "MPEG 2 to MPEG 1": lambda: (mp3(song()) + mp3(resampled(song(), SR, 44100), 44100), 12),
    "zeros before it": lambda: (bytes(2000) + PLAIN, 6),
    "100 kB of zeros before it": lambda: (bytes(100_000) + PLAIN, 6),
    "junk before it": lambda: (JUNK + PLAIN, 6),
    "zeros behind ID3": lambda: (ID3 + bytes(300) + PLAIN, 6),
    "junk behind ID3": lambda: (ID3 + JUNK + XING, 6),
    "ID3 of a wrong size": lambda: (patched(ID3, 6, b"\x7f\x7f\x7f\x7f") + PLAIN, 6),
    "junk within it": lambda: (PLAIN[:20_000] + JUNK * 9 + PLAIN[20_000:], 6),
    "an APE tag with a picture behind it": lambda: (PLAIN + APE, 6),
    "mp2": lambda: (encoded(resampled(song(), SR, 44100), 44100, codec="mp2", container="mp2"), 6),
    "FLAC from a pipe": lambda: (unknown_flac(FLAC), 6),
    "FLAC that counts 2 s": lambda: (counting_flac(FLAC, 2 * SR), 6),
    "FLAC joined": lambda: (FLAC + FLAC, 12),
    "FLAC behind junk": lambda: (bytes(500) + FLAC, 6),
    "FLAC behind ID3": lambda: (ID3 + FLAC, 6),
    "FLAC from a pipe behind ID3": lambda: (ID3 + unknown_flac(FLAC), 6),
    "Ogg joined": lambda: (OGG + OGG, 12),
    "Opus joined": lambda: (written(resampled(song(), SR, 48000), 48000, "OGG", "OPUS") * 2, 12),
    "Ogg behind junk": lambda: (JUNK + OGG, 6),
    "WAV of size 0": lambda: (size_of_data(WAV, 0), 6),
    "WAV of size -1": lambda: (size_of_data(WAV, 0xFFFFFFFF), 6),
    "WAV of sox's size": lambda: (size_of_data(WAV, 0x7FFFF000), 6),
    "WAV behind junk": lambda: (JUNK + WAV, 6),
    "RF64": lambda: (written(song(), format="RF64"), 6),
    "W64": lambda: (written(song(), format="W64"), 6),
    "AU of size -1": lambda: (patched(written(song(), format="AU"), 8, b"\xff" * 4), 6),
    "AU of size 0": lambda: (patched(written(song(), format="AU"), 8, bytes(4)), 6),
    "CAF of size -1": lambda: (at_tag(written(song(), format="CAF"), b"data", 4, b"\xff" * 8), 6),
    "AIFF of size 0": lambda: (at_tag(written(song(), format="AIFF"), b"SSND", 4, bytes(4)), 6),
    "m4a": lambda: (encoded(song(), codec="aac", container="mp4"), 6),
    "m4a without ftyp": lambda: (without_ftyp(encoded(song(), codec="aac", container="mp4")), 6),
    "m4a in fragments": lambda: (
        encoded(song(), codec="aac", container="mp4", movflags="frag_keyframe+empty_moov"),
        6,
    ),
    "AAC joined": lambda: (encoded(song(), codec="aac", container="adts") * 2, 12),
}


@pytest.mark.parametrize("name", WHOLE)
def test_it_is_heard_to_its_end_and_there_is_nothing_to_note(file, name: str, capfd) -> None:
    data, seconds = WHOLE[name]()
    sound = audio.read(file(data))
    assert len(sound.y) / sound.sr == pytest.approx(seconds, abs=0.2)
    assert sound.flaws == ()
    late = sound.y[-2 * SR : -SR]  # the last second but one is music, not padding
    assert np.abs(late).max() > 0.1
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "name",
    [
        "joined, each with a count",
        "stereo to mono",
        "44.1 to 48 kHz",
        "junk before it",
        "FLAC from a pipe",
        "FLAC joined",
        "Ogg joined",
        "WAV of size 0",
        "CAF of size -1",
        "m4a",
    ],
)
def test_a_part_equals_that_part_of_the_whole(file, name: str) -> None:
    path = file(WHOLE[name]()[0])
    whole = audio.load(path)
    part = audio.read(path, offset_s=2.5, duration_s=3)
    assert len(part.y) == 3 * SR
    assert part.note == ""
    inner = slice(500, -500)  # resampling sees the ends of the part
    np.testing.assert_allclose(part.y[inner], whole[round(2.5 * SR) :][: 3 * SR][inner], atol=2e-3)


@pytest.mark.parametrize(
    "name", ["FLAC from a pipe", "FLAC that counts 2 s", "FLAC behind junk", "WAV of size 0", "AU of size 0"]
)
def test_what_has_no_loss_is_heard_as_it_was(file, name: str) -> None:
    y = audio.load(file(WHOLE[name]()[0]))
    np.testing.assert_array_equal(y, audio.load(file(FLAC if "FLAC" in name else WAV)))


def test_the_length_is_that_of_the_stream(file) -> None:
    assert audio.info(file(XING + XING)).duration_s == pytest.approx(12, abs=0.2)
    assert audio.info(file(counting_flac(FLAC, SR))).duration_s == pytest.approx(6)
    assert audio.info(file(unknown_flac(FLAC))).duration_s == pytest.approx(6)
    with pytest.raises(MediaError, match=r"past the end of the file, which is 12\.\d"):
        audio.load(file(XING + XING), offset_s=40)


@pytest.mark.parametrize(
    "data", [WAV, FLAC, OGG, XING, PLAIN, ID3 + XING, PLAIN + APE, XING + b"TAG" + bytes(125)]
)
def test_a_sound_file_in_order_needs_no_second_decoder(file, data: bytes, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    sound = audio.read(file(data))
    assert len(sound.y) / SR == pytest.approx(6, abs=0.1)
    assert sound.note == ""


CUT = {
    "wav": lambda: WAV,
    "rf64": lambda: written(song(), format="RF64"),
    "w64": lambda: written(song(), format="W64"),
    "aiff": lambda: written(song(), format="AIFF"),
    "au": lambda: written(song(), format="AU"),
    "caf": lambda: written(song(), format="CAF"),
    "adpcm": lambda: written(song(), subtype="IMA_ADPCM"),
    "flac": lambda: FLAC,
    "mp3": lambda: XING,
    "m4a": lambda: encoded(song(), codec="aac", container="mp4", movflags="faststart"),
    "mka": lambda: encoded(song(), codec="aac", container="matroska"),
    "wma": lambda: encoded(song(), codec="wmav2", container="asf"),
}


@pytest.mark.parametrize("keep", [0.7, 0.3])
@pytest.mark.parametrize("name", CUT)
def test_a_cut_file_gives_what_is_there_and_says_so(file, name: str, keep: float) -> None:
    data = CUT[name]()
    path = file(data[: int(len(data) * keep)])
    sound = audio.read(path)
    heard_s = len(sound.y) / SR
    assert heard_s == pytest.approx(keep * 6, abs=0.6)
    assert re.search(rf"heard {heard_s:.1f} s of (5.9|6.\d) s: the file is cut off or damaged", sound.note)
    assert audio.read(path, duration_s=1).flaws == ()  # all that was asked for was heard
    assert "heard" in audio.read(path, offset_s=1).note
    with pytest.raises(MediaError, match=r"before the offset of 5 s|past the end"):
        audio.read(path, offset_s=5)


def test_a_cut_ogg_says_that_its_end_is_missing(file) -> None:
    sound = audio.read(file(OGG[: len(OGG) // 2]))
    assert "the file is cut off, and does not declare its length" in sound.note
    assert len(sound.y) / SR == pytest.approx(3, abs=1)


def test_a_count_that_is_too_large_is_said(file) -> None:
    assert "heard 6.0 s of 11.9" in audio.read(file(counted(XING, 460))).note
    assert "heard 6.0 s of 20.0 s" in audio.read(file(counting_flac(FLAC, 20 * SR))).note
    assert "heard 6.0 s of 12.0 s" in audio.read(file(size_of_data(WAV, 2 * (len(WAV) - 44)))).note


@pytest.mark.parametrize("at", [0.4, 0.8])
def test_a_hole_in_a_flac_costs_the_hole(file, at: float) -> None:
    at = int(at * len(FLAC))
    sound = audio.read(file(FLAC[:at] + bytes(30_000) + FLAC[at + 30_000 :]))
    assert 4 < len(sound.y) / SR < 5.9
    assert "of 6.0 s: the file is cut off or damaged" in sound.note


def test_what_lies_beyond_the_limit_is_noted_unless_it_was_not_asked_for(file) -> None:
    assert audio.read(file(WAV), max_duration_s=5).note == "only 5 s were heard; it continues"
    assert audio.read(file(WAV), duration_s=5).note == ""
    assert audio.read(file(WAV), max_duration_s=6).note == ""


@pytest.mark.parametrize("tail", [b"", b"LIST" + struct.pack("<I", 400) + bytes(400)])
def test_an_empty_wav_stays_empty(file, tail: bytes) -> None:
    with pytest.raises(MediaError, match="no samples"):
        audio.read(file(size_of_data(WAV[:44], 0) + tail))


def test_an_index_that_is_missing_is_an_error(file) -> None:
    data = encoded(song(), codec="aac", container="mp4")
    with pytest.raises(MediaError, match="damaged or cut off"):
        audio.read(file(data[: len(data) * 9 // 10]))


class Opened:
    """Which files the system opened, as inotify tells."""

    def __init__(self, path: Path) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._libc.inotify_init1(os.O_NONBLOCK)
        assert self._libc.inotify_add_watch(self._fd, os.fsencode(path), 0x20) >= 0  # IN_OPEN

    def __bool__(self) -> bool:
        try:
            return bool(os.read(self._fd, 4096))
        except BlockingIOError:
            return False


SCRIPTS = {
    "m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n{0}\n#EXTINF:6,\n{1}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile '{0}'\nfile '{1}'\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=audio {2} RTP/AVP 0\na=control:{1}\n",
    "dash": '<?xml version="1.0"?><MPD><Period><AdaptationSet mimeType="audio/mp4"><Representation>'
    "<BaseURL>{1}</BaseURL></Representation></AdaptationSet></Period></MPD>",
    "pls": "[playlist]\nFile1={0}\nFile2={1}\nNumberOfEntries=2\n",
    "asx": '<asx version="3.0"><entry><ref href="{1}"/></entry></asx>',
}


@pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")
@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf", ID3, b"\xff\xfb\x90\x64"])
@pytest.mark.parametrize("kind", SCRIPTS)
def test_no_script_makes_a_decoder_open_what_it_names(tmp_path: Path, kind: str, before: bytes) -> None:
    local = tmp_path / "secret.wav"
    local.write_bytes(WAV)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        port = server.getsockname()[1]
        script = SCRIPTS[kind].format(local, f"http://127.0.0.1:{port}/x.wav", port)
        path = tmp_path / "list.mp3"
        path.write_bytes(before + script.encode())
        opened = Opened(local)
        with pytest.raises(MediaError):
            audio.read(path)
        assert not opened
        with pytest.raises(BlockingIOError):
            server.accept()
    assert local.read_bytes()
    assert opened  # the watch works


def test_only_containers_that_open_nothing_else_are_given_to_ffmpeg(tmp_path: Path) -> None:
    allowed = {"flac", "ogg", "wav", "w64", "aiff", "caf", "au", "matroska", "asf", "mov", "aac", "mp3", ""}
    rng = np.random.default_rng(0)
    starts = [data[:64] for data, _ in (make() for make in WHOLE.values())] + [
        text.encode() for text in SCRIPTS.values()
    ]
    for start in starts:
        for cut in (0, 4, 8, 12):
            path = tmp_path / "x"
            path.write_bytes(start[:cut] + rng.bytes(200) + start)
            with path.open("rb", buffering=0) as file:
                assert inspect(file).demuxer in allowed
