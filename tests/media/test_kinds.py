import os

import numpy as np
import pytest
import soundfile as sf

from genrekit.errors import MediaError
from genrekit.media import open_decoder
from genrekit.media.kinds import modality, suffix_modality
from genrekit.types import Modality


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("song.wav", b"RIFF\0\0\0\0WAVEfmt ", Modality.AUDIO),
        ("picture.wav", b"\x89PNG\r\n\x1a\n", Modality.IMAGE),
        ("song.jpg", b"fLaC\0\0\0", Modality.AUDIO),
        ("no_suffix", b"ID3\x04", Modality.AUDIO),
        ("no_suffix", b"nothing known", None),
        ("text.wav", b"just text", Modality.AUDIO),
        ("table.CSV", b"path,label\n", Modality.TABLE),
        ("table.bin", b"PAR1", Modality.TABLE),
        ("film.mp4", b"\0\0\0\x20ftypisom", Modality.AUDIO),
        ("picture.mp4", b"\0\0\0\x20ftypavif", Modality.IMAGE),
        ("frames", b"\0\0\0\x20ftypavis", Modality.IMAGE),
        ("burst", b"\0\0\0\x20ftyphevc", Modality.IMAGE),
        ("empty.mp3", b"", Modality.AUDIO),
        ("table.csv", b"BMI,label\n23.5,rock\n", Modality.TABLE),
        ("table.csv", b"ID3,label\n1,rock\n", Modality.TABLE),
        ("table.tsv", b"OggS\tlabel\n", Modality.TABLE),
        ("table.csv", b"song_id,WAVE,label\n", Modality.TABLE),
        ("no_suffix", b"BMI,label\n23.5,rock\n", None),
        ("no_suffix", b"BM\x9a\0\0\0\0\0\0\0\x36\0", Modality.IMAGE),
        ("song.csv", b"\xff\xfb\x90\0", Modality.AUDIO),
    ],
)
def test_content_decides_and_the_suffix_where_content_says_nothing(tmp_path, name, content, expected):
    path = tmp_path / name
    path.write_bytes(content)
    assert modality(path) == expected


def test_what_is_no_file_says_so(tmp_path):
    with pytest.raises(MediaError, match="no such file"):
        modality(tmp_path / "missing.wav")
    with pytest.raises(MediaError, match="directory"):
        modality(tmp_path)
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(MediaError, match="not a regular file"):
        modality(tmp_path / "pipe.wav")
    with pytest.raises(MediaError, match="cannot be opened"):
        modality("a\0b.wav")


@pytest.mark.parametrize(
    ("format", "suffixes"),
    [
        ("VOC", ".voc"),
        ("IRCAM", ".sf .ircam"),
        ("NIST", ".nist .sph"),
        ("PAF", ".paf"),
        ("PVF", ".pvf"),
        ("SVX", ".svx .8svx"),
        ("AVR", ".avr"),
        ("HTK", ".htk"),
        ("W64", ".w64"),
        ("RF64", ".rf64"),
        ("CAF", ".caf"),
    ],
)
def test_what_the_decoder_reads_is_taken_by_its_suffix(tmp_path, format, suffixes):
    for suffix in suffixes.split():
        path = tmp_path / f"song{suffix}"
        sf.write(path, np.zeros(4410, np.int16), 44100, format=format)
        assert modality(path) is suffix_modality(path) is Modality.AUDIO
        with open_decoder(path) as decoder:
            assert sum(len(block) for block in decoder.blocks(0)) == 4410


@pytest.mark.parametrize("suffix", ".wv .tta .ac3 .ape .mpc .dsf .jp2 .tga .dib .nfo".split())
def test_what_no_decoder_reads_is_not(suffix):
    assert suffix_modality(f"x{suffix}") is None


def test_suffix_alone_does_not_open(tmp_path):
    assert suffix_modality(tmp_path / "missing.FLAC") is Modality.AUDIO
    assert suffix_modality("x.txt") is None
