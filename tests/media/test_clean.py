"""Pictures and songs without what describes them: the same pixels, the same sound."""

import io

import av
import numpy as np
import pytest
from PIL import Image

from genrekit.errors import MediaError
from genrekit.media import clean_image, clean_sound, content_key, images
from genrekit.types import Modality

SECRET = b"SECRETPLACE"


def photo(path, kind, orientation):
    exif = Image.Exif()
    exif[0x010E] = SECRET.decode()
    exif.get_ifd(0x8825)[2] = (52.0, 30.0, 0.0)
    if orientation > 1:
        exif[274] = orientation
    pixels = np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)
    options = {} if kind in ("gif", "bmp") else {"exif": exif}
    Image.fromarray(pixels).save(path, kind, **options)
    return path


@pytest.mark.parametrize("orientation", [1, 3, 6, 7])
@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "gif", "bmp", "tiff", "avif"])
def test_a_picture_loses_its_place_and_keeps_its_pixels(tmp_path, kind, orientation):
    source, target = photo(tmp_path / "a", kind, orientation), tmp_path / "b"
    suffix = clean_image(source, target)
    as_it_is = orientation == 1 and kind in ("jpeg", "png", "webp")
    assert suffix == ({"jpeg": ".jpg"}.get(kind, f".{kind}") if as_it_is else ".png")
    assert SECRET not in target.read_bytes()
    with Image.open(target) as opened:
        assert not opened.getexif()
    assert np.array_equal(images.load(target, size=None), images.load(source, size=None))


def test_previews_comments_and_what_follows_the_picture_are_gone(tmp_path):
    plain = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(plain, "jpeg", comment=SECRET, progressive=True)
    data = plain.getvalue()
    segment = b"\xff\xed" + (len(SECRET) + 2).to_bytes(2, "big") + SECRET
    source, target = tmp_path / "a.jpg", tmp_path / "b"
    source.write_bytes(data[:2] + segment + data[2:] + SECRET)
    assert clean_image(source, target) == ".jpg"
    assert SECRET not in target.read_bytes()


def song(path, codec, suffix):
    rate = 48_000 if "opus" in codec else 44_100
    y = (np.random.default_rng(0).normal(0, 0.1, (1, rate)) * 32767).astype(np.int16)
    with av.open(str(path), "w") as container:
        for key in ("comment", "title", "location"):
            container.metadata[key] = SECRET.decode()
        stream = container.add_stream(codec, rate=rate)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(y, format="s16", layout="mono")
        frame.sample_rate = rate
        size = stream.codec_context.frame_size or 1024
        resampler = av.AudioResampler(format=stream.format.name, layout="mono", rate=rate, frame_size=size)
        for part in resampler.resample(frame):
            part.pts = None
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        (".m4a", "aac"),
        (".mp3", "mp3"),
        (".flac", "flac"),
        (".opus", "libopus"),
        (".wav", "pcm_s16le"),
        (".aiff", "pcm_s16be"),
    ],
)
def test_a_song_loses_its_tags_and_keeps_its_sound(tmp_path, suffix, codec):
    source, target = song(tmp_path / f"a{suffix}", codec, suffix), tmp_path / "b"
    assert SECRET in source.read_bytes()
    assert clean_sound(source, target) == suffix
    assert SECRET not in target.read_bytes()
    assert content_key(target, Modality.AUDIO) == content_key(source, Modality.AUDIO)


def test_a_song_whose_tags_cannot_be_removed_is_refused(tmp_path):
    with pytest.raises(MediaError, match="cannot be removed"):
        clean_sound(song(tmp_path / "a.webm", "libopus", ".webm"), tmp_path / "b")


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff", b"RIFF\xff\xff\xff\xffWAVE", b"\0\0\0\1ftyp" * 9])
def test_what_is_damaged_is_refused(tmp_path, content):
    source = tmp_path / "a"
    source.write_bytes(content)
    for clean in (clean_image, clean_sound):
        with pytest.raises(MediaError):
            clean(source, tmp_path / "b")
