"""Keys of files: the same for another container, other tags or another name, and for nothing else."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
import soundfile as sf
from mutagen.id3 import ID3, TIT2
from mutagen.oggvorbis import OggVorbis
from PIL import Image

from genrekit.errors import MediaError
from genrekit.media.content_keys import content_key
from genrekit.types import Modality

SR = 22050
SAMPLES = (np.random.default_rng(0).normal(size=(SR, 2)) * 3000).astype(np.int16)


def sound(path: Path) -> int:
    return content_key(path, Modality.AUDIO)


def picture(path: Path) -> int:
    return content_key(path, Modality.IMAGE)


def write(path: Path, samples: np.ndarray = SAMPLES, **settings: object) -> Path:
    sf.write(path, samples, settings.pop("sr", SR), **settings)  # type: ignore[arg-type]
    return path


def remuxed(source: Path, path: Path, **settings: str) -> Path:
    """The same packets in another container."""
    with av.open(str(source)) as given, av.open(str(path), "w", **settings) as made:
        stream = made.add_stream_from_template(given.streams.audio[0])
        for packet in given.demux(given.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = stream
                made.mux(packet)
    return path


def encoded(path: Path, codec: str, **settings: str) -> Path:
    with av.open(str(path), "w", **settings) as made:
        stream = made.add_stream(codec, rate=SR, layout="stereo")
        frame = av.AudioFrame.from_ndarray(SAMPLES.reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate = SR
        kind = stream.codec_context.codec.audio_formats[0].name
        for part in av.AudioResampler(format=kind, layout="stereo", rate=SR).resample(frame):
            made.mux(stream.encode(part))
        made.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("b.flac", {}),
        ("b.aiff", {}),
        ("b.caf", {}),
        ("b.au", {}),
        ("b.w64", {}),
        ("b.wav", {"subtype": "PCM_24"}),
        ("b.wav", {"subtype": "PCM_32"}),
        ("b.flac", {"subtype": "PCM_24"}),
        ("b.rf64", {}),
    ],
)
def test_the_same_samples_in_another_container(tmp_path: Path, name: str, settings: dict[str, str]) -> None:
    assert sound(write(tmp_path / name, **settings)) == sound(write(tmp_path / "a.wav"))


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_the_same_samples_as_floats(tmp_path: Path, subtype: str) -> None:
    floats = write(tmp_path / "b.wav", SAMPLES / 2.0**15, subtype=subtype)
    assert sound(floats) == sound(write(tmp_path / "a.wav"))


def test_a_lossless_codec_that_ffmpeg_decodes(tmp_path: Path) -> None:
    assert sound(encoded(tmp_path / "b.m4a", "alac")) == sound(write(tmp_path / "a.wav"))
    assert sound(remuxed(write(tmp_path / "b.flac"), tmp_path / "b.mkv")) == sound(write(tmp_path / "a.wav"))


def test_other_sounds_have_other_keys(tmp_path: Path) -> None:
    louder = SAMPLES.copy()
    louder[-1, 1] += 1
    keys = {
        sound(write(tmp_path / "a.wav")),
        sound(write(tmp_path / "b.wav", louder)),
        sound(write(tmp_path / "c.wav", SAMPLES[:-1])),
        sound(write(tmp_path / "d.wav", sr=SR + 1)),
        sound(write(tmp_path / "e.wav", SAMPLES[:, 0])),
        sound(write(tmp_path / "f.mp3")),
        sound(write(tmp_path / "g.ogg")),
    }
    assert len(keys) == 7


def test_tags_of_an_mp3_do_not_count(tmp_path: Path) -> None:
    plain = write(tmp_path / "a.mp3")
    tagged = tmp_path / "b.mp3"
    tagged.write_bytes(plain.read_bytes())
    tags = ID3()
    tags.add(TIT2(encoding=3, text="A title" * 300))
    tags.save(tagged)
    assert tagged.stat().st_size > plain.stat().st_size
    with tagged.open("ab") as file:
        file.write(b"TAG" + b"title".ljust(125, b"\0"))
    remade = remuxed(plain, tmp_path / "c.mp3", format="mp3")  # with a Xing header of FFmpeg's
    assert remade.read_bytes() != plain.read_bytes()
    assert sound(plain) == sound(tagged) == sound(remade)


def test_tags_and_containers_of_vorbis_do_not_count(tmp_path: Path) -> None:
    plain = write(tmp_path / "a.ogg")
    tagged = tmp_path / "b.ogg"
    tagged.write_bytes(plain.read_bytes())
    tags = OggVorbis(tagged)
    tags["title"] = "A title" * 50
    tags.save()
    assert sound(plain) == sound(tagged) == sound(remuxed(plain, tmp_path / "c.mkv"))


def test_aac_is_the_same_with_and_without_a_header_a_frame(tmp_path: Path) -> None:
    assert sound(encoded(tmp_path / "a.aac", "aac", format="adts")) == sound(
        encoded(tmp_path / "b.m4a", "aac")
    )


def test_a_playlist_opens_nothing(tmp_path: Path) -> None:
    write(tmp_path / "a.wav")
    script = tmp_path / "b.mp3"
    script.write_text(f"#EXTM3U\n#EXTINF:1,\n{tmp_path / 'a.wav'}\n" * 50)
    with pytest.raises(MediaError):
        sound(script)


@pytest.mark.parametrize("content", [b"", b"x", bytes(4096), b"OggS" + bytes(100), b"RIFF" + bytes(100)])
def test_what_is_no_sound_has_no_key(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(MediaError):
        sound(path)
    with pytest.raises(MediaError, match="directory"):
        sound(tmp_path)
    with pytest.raises(MediaError, match="no such file"):
        sound(tmp_path / "missing.wav")


def test_the_same_pixels_in_another_format(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 70, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    names = ("a.png", "b.webp", "c.bmp", "d.tiff")
    for name in names:
        image.save(tmp_path / name, **({"lossless": True} if name.endswith("webp") else {}))
    image.save(tmp_path / "e.jpg", quality=95)
    pixels[20, 30, 1] ^= 1
    Image.fromarray(pixels).save(tmp_path / "f.png")
    (key,) = {picture(tmp_path / name) for name in names}
    assert len({key, picture(tmp_path / "e.jpg"), picture(tmp_path / "f.png")}) == 3


def test_other_metadata_and_names_of_a_jpeg_do_not_count(tmp_path: Path) -> None:
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 200, 3), dtype=np.uint8))
    image.save(tmp_path / "a.jpg", quality=80)
    image.save(tmp_path / "b.jpeg", quality=80, comment=b"another", progressive=False, dpi=(72, 72))
    assert (tmp_path / "a.jpg").read_bytes() != (tmp_path / "b.jpeg").read_bytes()
    assert picture(tmp_path / "a.jpg") == picture(tmp_path / "b.jpeg")
