import os

import pytest

from genrekit.errors import MediaError
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


def test_suffix_alone_does_not_open(tmp_path):
    assert suffix_modality(tmp_path / "missing.FLAC") is Modality.AUDIO
    assert suffix_modality("x.txt") is None
