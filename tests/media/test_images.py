"""Decoding pictures: every common format to upright RGB of one size, a MediaError with words on bad ones."""

from __future__ import annotations

import io
import os
import struct
import sys
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile, features

from genrekit.errors import MediaError, UsageError
from genrekit.media import images
from genrekit.media.image_decoder import MAX_BYTES, MAX_PIXELS, MAX_SCANS

Pixels = npt.NDArray[np.uint8]
AVIF = "avif" in features.get_supported_modules()
LOSSLESS = [
    ("PNG", {}),
    ("PNG", {"compress_level": 0}),
    ("BMP", {}),
    ("TIFF", {}),
    ("TIFF", {"compression": "tiff_lzw"}),
    ("TIFF", {"compression": "tiff_adobe_deflate"}),
    ("WEBP", {"lossless": True, "exact": True}),
]
LOSSY = [
    ("JPEG", {"quality": 95}),
    ("JPEG", {"quality": 95, "progressive": True}),
    ("JPEG", {"quality": 95, "subsampling": 0}),
    ("WEBP", {"quality": 95}),
    ("TIFF", {"compression": "jpeg", "quality": 95}),
    pytest.param(
        "AVIF", {"quality": 95}, marks=pytest.mark.skipif(not AVIF, reason="this Pillow has no avif")
    ),
]


def scene(width: int = 96, height: int = 64) -> Pixels:
    """Smooth colours with no symmetry: red grows rightwards, green downwards, blue away from a corner."""
    y, x = np.mgrid[:height, :width] / max(width, height)
    return np.round(np.stack([40 + 200 * x, 30 + 200 * y, 250 - 150 * np.hypot(x, y)], -1)).astype(np.uint8)


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


@pytest.fixture
def put(tmp_path: Path):
    """Write bytes or a picture to a file, and give its path."""

    def write(
        content: bytes | Image.Image | Pixels, kind: str = "PNG", name: str = "picture", **options
    ) -> Path:
        if isinstance(content, np.ndarray):
            content = Image.fromarray(content)
        data = content if isinstance(content, bytes) else encoded(content, kind, **options)
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    return write


def off(actual: Pixels, expected: Pixels) -> int:
    """The largest difference of a value."""
    assert actual.shape == expected.shape
    return int(np.abs(actual.astype(int) - expected.astype(int)).max())


def png(width: int, height: int, bits: int, colour: int, rows: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """A png of any header, written by hand."""
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)), *chunks]
    parts += [(b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + body


class TestFormats:
    @pytest.mark.parametrize(("kind", "options"), LOSSLESS)
    def test_lossless_formats_give_the_pixels(self, put, kind: str, options: dict) -> None:
        picture = images.load(put(scene(), kind, **options), size=64)
        assert picture.dtype == np.uint8
        assert picture.flags.writeable
        np.testing.assert_array_equal(picture, scene())

    @pytest.mark.parametrize(("kind", "options"), LOSSY)
    def test_lossy_formats_come_close(self, put, kind: str, options: dict) -> None:
        assert off(images.load(put(scene(), kind, **options), size=64), scene()) < 12

    def test_heic(self, put) -> None:
        heif = pytest.importorskip("pillow_heif")
        stream = io.BytesIO()
        heif.from_pillow(Image.fromarray(scene())).save(stream, quality=95)
        path = put(stream.getvalue())
        assert images.info(path) == images.ImageInfo(96, 64, "heic", "RGB")
        assert off(images.load(path, size=64), scene()) < 25

    @pytest.mark.parametrize("name", ["x.txt", "x.wav", "x", "x.png"])
    def test_the_name_does_not_matter(self, put, name: str) -> None:
        np.testing.assert_array_equal(images.load(put(scene(), "BMP", name=name), size=64), scene())

    @pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are Unicode there")
    def test_names_that_are_not_utf8(self, put) -> None:
        path = put(scene())
        name = os.fsencode(path.parent) + b"/caf\xe9.png"
        os.rename(path, name)  # noqa: PTH104 - pathlib has no bytes
        assert (
            images.load(name, size=64).shape == images.load(os.fsdecode(name), size=64).shape == (64, 96, 3)
        )

    def test_greys(self, put) -> None:
        grey = scene()[..., 0]
        for kind in ("PNG", "JPEG", "BMP", "TIFF", "GIF"):
            picture = images.load(put(grey, kind), size=64)
            assert (picture == picture[..., :1]).all()
            assert off(picture[..., 0], grey) <= (6 if kind == "JPEG" else 0)

    def test_one_bit(self, put) -> None:
        bits = scene()[..., 0] > 128
        for kind in ("PNG", "BMP", "TIFF"):
            picture = images.load(put(Image.fromarray(bits), kind), size=64)
            np.testing.assert_array_equal(picture[..., 0], bits * 255)

    def test_palettes(self, put) -> None:
        picture = Image.fromarray(scene()).quantize(64)
        expected = np.asarray(picture.convert("RGB"))
        for kind in ("PNG", "GIF", "BMP", "TIFF"):
            np.testing.assert_array_equal(images.load(put(picture, kind), size=64), expected)

    def test_what_is_transparent_lies_on_white(self, put) -> None:
        alpha = np.full((64, 96), 255, np.uint8)
        alpha[:32], alpha[32:40] = 0, 128
        image = Image.fromarray(scene())
        image.putalpha(Image.fromarray(alpha))
        share = alpha[..., None] / 255
        expected = np.round(scene() * share + 255 * (1 - share)).astype(np.uint8)
        for kind in ("PNG", "TIFF"):
            assert off(images.load(put(image, kind), size=64), expected) <= 1
        grey = image.convert("LA")
        assert (images.load(put(grey), size=64)[:30] == 255).all()
        # the hidden colour does not bleed into what is next to it
        image.putdata(
            [(0, 0, 0, 0) if y < 32 else (255, 255, 255, 255) for y in range(64) for _ in range(96)]
        )
        assert images.load(put(image), size=20).min() == 255

    def test_transparent_entries_of_palettes_and_keys(self, put) -> None:
        image = Image.new("P", (32, 32), 1)
        image.putpalette([255, 0, 0, 0, 0, 255])
        image.paste(0, (0, 0, 16, 32))
        for kind in ("PNG", "GIF"):
            picture = images.load(put(image, kind, transparency=0), size=32)
            assert picture[5, 5].tolist() == [255, 255, 255]
            assert picture[5, 25].tolist() == [0, 0, 255]
        faded = images.load(put(image, transparency=b"\x80\xff"), size=32)
        assert off(faded[5, 5], np.array([255, 127, 127], np.uint8)) <= 1
        key = image.convert("RGB")
        picture = images.load(put(key, transparency=(255, 0, 0)), size=32)
        assert (picture[5, 5].tolist(), picture[5, 25].tolist()) == ([255] * 3, [0, 0, 255])

    def test_sixteen_bits(self, put) -> None:
        grey = scene()[..., 0]
        wide = grey.astype(np.uint16) * 257
        for path in (put(wide), put(wide, "TIFF"), put(wide.astype(">u2"), "TIFF")):
            picture = images.load(path, size=64)
            np.testing.assert_array_equal(picture, np.stack([grey] * 3, -1))

    @pytest.mark.parametrize(("colour", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
    @pytest.mark.parametrize("bits", [8, 16])
    def test_pngs_of_every_depth(self, put, colour: int, channels: int, bits: int) -> None:
        values = np.repeat(scene()[..., :1], channels, axis=2)
        if channels in (2, 4):
            values[..., -1] = 255
        wide = values.astype(">u2") * 257 if bits == 16 else values
        rows = b"".join(b"\0" + row.tobytes() for row in wide)
        picture = images.load(put(png(96, 64, bits, colour, rows)), size=64)
        np.testing.assert_array_equal(picture[..., 0], scene()[..., 0])

    def test_an_interlaced_png(self, put) -> None:
        values = scene()
        rows = b""
        for top, left, down, right in ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)):  # fmt: skip
            rows += b"".join(b"\0" + row.tobytes() for row in values[top::down, left::right])
        data = bytearray(png(96, 64, 8, 2, rows))
        data[28] = 1
        data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
        np.testing.assert_array_equal(images.load(put(bytes(data)), size=64), values)

    def test_cmyk_and_ycck_are_not_inverted(self, put) -> None:
        expected = np.full((32, 32, 3), (250, 40, 10), np.uint8)
        image = Image.fromarray(expected).convert("CMYK")
        plain = encoded(image, "JPEG", quality=95)
        assert b"Adobe" in plain
        assert off(images.load(put(plain), size=32), expected) < 8
        assert off(images.load(put(image, "TIFF"), size=32), expected) < 2
        # the same bytes told to be YCCK are decoded to other colours, and still to colours
        ycck = bytearray(plain)
        ycck[plain.index(b"Adobe") + 11] = 2
        assert images.load(put(bytes(ycck)), size=32).shape == (32, 32, 3)

    def test_a_profile_changes_nothing(self, put) -> None:
        data = encoded(Image.fromarray(scene()), icc_profile=b"no profile at all" * 9)
        np.testing.assert_array_equal(images.load(put(data), size=64), scene())

    def test_the_first_frame_of_an_animation(self, put) -> None:
        first, second = Image.fromarray(scene()).quantize(64), Image.new("P", (96, 64), 3)
        for kind in ("GIF", "WEBP", "PNG", "TIFF"):
            options = {"lossless": True} if kind == "WEBP" else {}
            path = put(
                first.convert("RGB"), kind, save_all=True, append_images=[second.convert("RGB")], **options
            )
            expected = np.asarray(first.convert("RGB"))
            assert off(images.load(path, size=64), expected) < (40 if kind == "GIF" else 1)

    def test_a_multi_picture_jpeg_is_its_first_picture(self, put) -> None:
        image = Image.fromarray(scene())
        path = put(image, "MPO", save_all=True, append_images=[Image.new("RGB", (96, 64))])
        assert images.info(path).format == "jpeg"
        assert off(images.load(path, size=64), scene()) < 40

    @pytest.mark.parametrize("mode", ["F", "I", "LAB"])
    def test_rare_pixels_are_refused_by_name(self, put, mode: str) -> None:
        with pytest.raises(MediaError, match=f"of the kind {mode}, which is not supported") as caught:
            images.load(put(Image.new(mode, (32, 32)), "TIFF"), size=32)
        assert "RGB" in caught.value.hint


class TestGeometry:
    @pytest.mark.parametrize(
        ("width", "height", "shape"),
        [
            (96, 64, (40, 60)),
            (64, 96, (60, 40)),
            (64, 64, (40, 40)),
            (640, 640, (40, 40)),
            (20, 30, (60, 40)),
            (1000, 100, (40, 80)),
            (100, 1000, (80, 40)),
            (30_000, 16, (40, 80)),
            (199, 100, (40, 80)),
            (101, 100, (40, 40)),
        ],
    )
    def test_the_shorter_side_and_the_longer(
        self, put, width: int, height: int, shape: tuple[int, int]
    ) -> None:
        assert images.load(put(Image.new("RGB", (width, height)), "BMP"), size=40).shape == (*shape, 3)

    def test_of_long_pictures_the_middle_is_kept(self, put) -> None:
        strip = np.zeros((20, 200, 3), np.uint8)
        strip[:, 80:120] = 255
        assert images.load(put(strip), size=20).min() == 255
        assert images.load(put(strip.transpose(1, 0, 2).copy()), size=20).min() == 255

    @pytest.mark.parametrize("size", [1, 7, 64, 200])
    def test_reducing_averages(self, put, size: int) -> None:
        checks = np.indices((512, 512)).sum(axis=0) % 2 * 255
        picture = images.load(put(checks.astype(np.uint8)), size=size)
        assert off(picture, np.full_like(picture, 127)) < 3

    @pytest.mark.parametrize("kind", ["PNG", "JPEG"])
    @pytest.mark.parametrize(("width", "height"), [(1200, 800), (1501, 1003)])
    def test_shortcuts_cannot_be_seen(self, put, kind: str, width: int, height: int) -> None:
        y, x = np.mgrid[:height, :width]
        waves = 128 + 60 * np.sin(x / 40) + 60 * np.sin((x + y) / 17)
        path = put(waves.astype(np.uint8), kind)
        actual = images.load(path, size=100)
        with Image.open(path) as image:
            expected = image.convert("RGB").resize(actual.shape[1::-1], Image.Resampling.BICUBIC)
        assert off(actual, np.asarray(expected)) <= 4

    @pytest.mark.parametrize("turn", range(1, 9))
    @pytest.mark.parametrize(
        ("kind", "size"), [("JPEG", 50), ("JPEG", 11), ("PNG", 50), ("WEBP", 50), ("TIFF", 50)]
    )
    def test_photos_are_upright(self, put, turn: int, kind: str, size: int) -> None:
        upright = Image.fromarray(scene(200, 50))
        undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Image.Transpose, inverse to what EXIF asks for
        stored = upright if turn == 1 else upright.transpose(Image.Transpose(undo[turn]))
        exif = Image.Exif()
        exif[274] = turn
        picture = images.load(put(stored, kind, exif=exif), size=size)
        expected = images.load(put(upright, kind), size=size)
        assert off(picture, expected) < (14 if kind in ("JPEG", "WEBP") else 2)

    @pytest.mark.parametrize("exif", [b"Exif\0\0junk", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + bytes(40)])  # fmt: skip
    def test_damage_in_exif_is_no_damage_to_the_picture(self, put, exif: bytes) -> None:
        for kind in ("JPEG", "PNG", "WEBP"):
            assert images.load(put(scene(), kind, exif=exif), size=64).shape == (64, 96, 3)

    def test_the_same_file_gives_the_same_pixels(self, put) -> None:
        path = put(scene(900, 700), "JPEG")
        with ThreadPoolExecutor(4) as pool:
            found = {
                picture.tobytes() for picture in pool.map(lambda _: images.load(path, size=77), range(16))
            }
        assert len(found) == 1

    @pytest.mark.parametrize("size", [0, -1, 5000])
    def test_sizes_out_of_range(self, put, size: int) -> None:
        with pytest.raises(UsageError, match="1 to 4096"):
            images.load(put(scene()), size=size)


class TestBadFiles:
    def refused(self, path: Path, words: str) -> MediaError:
        with pytest.raises(MediaError, match=words) as caught:
            images.load(path, size=32)
        return caught.value

    def test_empty(self, put) -> None:
        self.refused(put(b""), r"empty \(0 bytes\)")

    def test_missing(self, tmp_path: Path) -> None:
        self.refused(tmp_path / "none.jpg", "no such file")
        self.refused(tmp_path / "null\0byte.jpg", "cannot be opened")

    def test_directory(self, tmp_path: Path) -> None:
        self.refused(tmp_path, "is a directory")

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
    def test_named_pipe(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "x.jpg")
        self.refused(tmp_path / "x.jpg", "not a regular file")

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
    def test_unreadable(self, put) -> None:
        path = put(scene())
        path.chmod(0)
        self.refused(path, "no permission")

    @pytest.mark.parametrize("page", [b"<!DOCTYPE html><p>404", b"\n <html>", b"\xef\xbb\xbf<HTML lang=en>"])
    def test_a_web_page_says_so(self, put, page: bytes) -> None:
        assert (
            "web page"
            in self.refused(
                put(page, name="cover.jpg"), "not a known picture format; known formats are jpeg"
            ).hint
        )

    @pytest.mark.parametrize(
        "content",
        [
            b"just a text\n" * 1000,
            bytes(5000),
            b"\x01",
            b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 32 32\n",
            b"8BPS\0\1" + bytes(100),
            b"SIMPLE  =                    T",
            b"P6 32 32 255\n" + bytes(32 * 32 * 3),
            b"<svg xmlns='http://www.w3.org/2000/svg'/>",
            b"\0\0\0\x0cJXL \r\n\x87\n",
            b"\0\0\0\x20ftypisom" + bytes(50),
        ],
    )
    def test_other_formats_are_not_opened(self, put, content: bytes) -> None:
        assert "save it as png" in self.refused(put(content), "not a known picture format").hint

    @pytest.mark.parametrize(("kind", "options"), [*LOSSLESS[:1], *LOSSLESS[2:], *LOSSY, ("GIF", {})])
    def test_what_is_cut_off(self, put, kind: str, options: dict) -> None:
        rng = np.random.default_rng(0)
        noisy = np.clip(scene(300, 200) + rng.normal(0, 20, (200, 300, 3)), 0, 255).astype(np.uint8)
        whole = encoded(Image.fromarray(noisy), kind, **options)
        for n in (len(whole) // 2, len(whole) * 9 // 10, 40, 20, 9):
            error = self.refused(put(whole[:n]), "cut off|damaged|not a known picture format|has no")
            assert error.hint

    def test_a_truncated_jpeg_is_told(self, put) -> None:
        whole = encoded(Image.fromarray(scene(500, 400)), "JPEG")
        error = self.refused(put(whole[: len(whole) // 2]), "The jpeg is cut off")
        assert error.hint == "Copy or download it again."

    def test_a_png_with_a_wrong_sum(self, put) -> None:
        data = bytearray(encoded(Image.fromarray(scene())))
        data[60] ^= 255
        self.refused(put(bytes(data)), "The png is damaged")

    def test_a_jpeg_of_12_bits(self, put) -> None:
        data = bytearray(encoded(Image.fromarray(scene()), "JPEG"))
        data[data.index(b"\xff\xc0") + 4] = 12
        error = self.refused(put(bytes(data)), "The jpeg has 12 bits per channel; 8 are supported")
        assert "ordinary jpeg" in error.hint

    @pytest.mark.parametrize(
        ("width", "height"), [(12_000, 10_001), (30_000, 30_000), (2**31 - 1, 2**31 - 1), (120_000_001, 1)]
    )
    def test_a_bomb_is_refused_by_its_header(self, put, width: int, height: int) -> None:
        path = put(png(width, height, 8, 0, bytes(1000)))
        words = rf"declares {width:,} x {height:,} pixels; at most {MAX_PIXELS:,}"
        self.refused(path, words)
        with pytest.raises(MediaError, match=words):
            images.info(path)

    def test_bombs_of_other_formats(self, put) -> None:
        gif = bytearray(encoded(Image.fromarray(scene()), "GIF"))
        gif[6:10] = b"\xff\xff\xff\xff"
        bmp = bytearray(encoded(Image.fromarray(scene()), "BMP"))
        bmp[18:26] = struct.pack("<ii", 60_000, 60_000)
        jpeg = bytearray(encoded(Image.fromarray(scene()), "JPEG"))
        at = jpeg.index(b"\xff\xc0") + 5
        jpeg[at : at + 4] = b"\xff\x00\xff\x00"
        webp = bytearray(encoded(Image.new("RGBA", (32, 32), (1, 2, 3, 4)), "WEBP", exif=b"Exif\0\0"))
        at = webp.index(b"VP8X") + 12
        webp[at : at + 6] = b"\xff\xff\x00" * 2
        for data in (gif, bmp, jpeg, webp):
            self.refused(put(bytes(data)), "declares|damaged")

    def test_a_tiff_of_huge_tiles(self, put) -> None:
        entries = [(256, 4, 32), (257, 4, 32), (258, 3, 8), (259, 3, 5), (262, 3, 1), (277, 3, 1)]
        entries += [(322, 4, 1 << 16), (323, 4, 1 << 16), (324, 4, 8), (325, 4, 100)]
        body = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
        path = put(b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + body + bytes(200))
        self.refused(path, "tiles are too large")

    def test_a_run_length_encoded_bmp(self, put) -> None:
        data = bytearray(encoded(Image.fromarray(scene()).quantize(), "BMP"))
        data[30:34] = struct.pack("<I", 1)
        assert "png" in self.refused(put(bytes(data)), "run-length").hint

    def test_a_text_that_unpacks_to_much_is_left_alone(self, put) -> None:
        chunk = (b"zTXt", b"Comment\0\0" + zlib.compress(bytes(200_000_000)))
        assert not images.load(put(png(32, 32, 8, 0, bytes(33 * 32), chunk)), size=32).any()

    def test_a_jpeg_of_many_scans(self, put) -> None:
        data = encoded(Image.fromarray(scene()), "JPEG", progressive=True)
        last = data.rindex(b"\xff\xda")
        many = data[:last] + data[last:-2] * (MAX_SCANS + 1) + data[-2:]
        self.refused(put(many), f"more than {MAX_SCANS} scans")
        few = data[:last] + data[last:-2] * 3 + data[-2:]
        assert images.load(put(few), size=32).shape == (32, 48, 3)

    def test_a_jpeg_with_another_behind_it_has_its_own_scans_only(self, put) -> None:
        data = encoded(Image.fromarray(scene()), "JPEG")
        np.testing.assert_array_equal(
            images.load(put(data + data * MAX_SCANS), size=64), images.load(put(data), size=64)
        )

    @pytest.mark.parametrize(("width", "height"), [(1, 1), (30_000, 1), (15, 400)])
    def test_pixels_and_lines_are_no_pictures(self, put, width: int, height: int) -> None:
        self.refused(
            put(Image.new("L", (width, height))), rf"has {width:,} x {height} pixels; at least 16 x 16"
        )

    def test_a_huge_file(self, tmp_path: Path) -> None:
        with open(tmp_path / "x.bmp", "wb") as file:
            file.write(b"BM")
            file.truncate(MAX_BYTES + 1)
        self.refused(tmp_path / "x.bmp", "larger than 256 MiB")
        with pytest.raises(MediaError, match="larger than 256 MiB"):
            images.info(tmp_path / "x.bmp")

    @pytest.mark.parametrize(
        ("brands", "module", "words", "hint"),
        [
            (b"avif\0\0\0\0mif1", "PIL.AvifImagePlugin", "cannot decode avif", 'pip install "pillow>=11.3"'),
            (b"mif1\0\0\0\0avif", "PIL.AvifImagePlugin", "cannot decode avif", 'pip install "pillow>=11.3"'),
            (
                b"heic\0\0\0\0mif1",
                "pillow_heif",
                "pillow-heif, which can, is not",
                'pip install "genrekit[heic]"',
            ),
            (
                b"mif1\0\0\0\0heic",
                "pillow_heif",
                "pillow-heif, which can, is not",
                'pip install "genrekit[heic]"',
            ),
        ],
    )
    def test_what_to_install(
        self, put, monkeypatch, brands: bytes, module: str, words: str, hint: str
    ) -> None:
        import PIL

        monkeypatch.setitem(sys.modules, module, None)
        monkeypatch.setitem(sys.modules, "pillow_heif.as_plugin", None)
        monkeypatch.delattr(PIL, "AvifImagePlugin", raising=False)
        path = put(struct.pack(">I", 8 + len(brands)) + b"ftyp" + brands + bytes(100))
        assert hint in self.refused(path, words).hint


class TestInfo:
    @pytest.mark.parametrize(
        ("kind", "mode"),
        [("JPEG", "RGB"), ("JPEG", "CMYK"), ("JPEG", "L"), ("PNG", "P"), ("PNG", "RGBA"), ("GIF", "P"), ("BMP", "RGB"), ("TIFF", "CMYK"), ("WEBP", "RGB")],
    )  # fmt: skip
    def test_what_the_header_says(self, put, kind: str, mode: str) -> None:
        path = put(Image.fromarray(scene()).convert(mode), kind)
        assert images.info(path) == images.ImageInfo(96, 64, kind.lower(), mode)

    def test_nothing_is_decoded(self, put) -> None:
        whole = encoded(Image.fromarray(scene(500, 400)), "JPEG")
        path = put(whole[: whole.index(b"\xff\xda") + 20])
        assert images.info(path) == images.ImageInfo(500, 400, "jpeg", "RGB")
        with pytest.raises(MediaError, match="cut off"):
            images.load(path, size=32)

    def test_bad_files(self, put, tmp_path: Path) -> None:
        for path in (tmp_path, tmp_path / "none", put(b"text")):
            with pytest.raises(MediaError):
                images.info(path)


def heic_seeds() -> list[bytes]:
    """A small heic, where it can be made."""
    try:
        import pillow_heif
    except ImportError:
        return []
    stream = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(scene(40, 30))).save(stream)
    return [stream.getvalue()]


SEEDS = [
    *(encoded(Image.fromarray(scene(40, 30)), kind, **options) for kind, options in LOSSLESS),
    encoded(Image.fromarray(scene(40, 30)), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0"),
    encoded(Image.fromarray(scene(40, 30)), "JPEG", progressive=True),
    encoded(Image.fromarray(scene(40, 30)).convert("CMYK"), "JPEG"),
    encoded(Image.fromarray(scene(40, 30)), "WEBP"),
    encoded(Image.fromarray(scene(40, 30)), "TIFF", compression="jpeg"),
    encoded(Image.fromarray(scene(40, 30)).convert("1"), "TIFF", compression="group4"),
    encoded(Image.fromarray(scene(40, 30)).quantize(16), "GIF", save_all=True, append_images=[Image.new("P", (40, 30))]),
    encoded(Image.fromarray(scene(40, 30)).quantize(16), transparency=b"\0\x80"),
    encoded(Image.fromarray(scene(40, 30)).quantize(16), "BMP"),
    *([encoded(Image.fromarray(scene(40, 30)), "AVIF")] if AVIF else []),
    *heic_seeds(),
]  # fmt: skip


@st.composite
def mutated(draw) -> bytes:
    """A small picture, bytes of it changed, cut out or put in; most of them in its first hundred."""
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 6))):
        last = draw(st.sampled_from([30, 100, len(data)]))
        at = draw(st.integers(0, min(last, len(data))))
        what = draw(st.sampled_from(["set", "cut", "insert", "end"]))
        new = draw(
            st.binary(min_size=1, max_size=8) | st.sampled_from([b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff"])
        )
        if what == "set":
            data[at : at + len(new)] = new
        elif what == "cut":
            del data[at : at + draw(st.integers(1, 40))]
        elif what == "insert":
            data[at:at] = new
        else:
            del data[max(at, 8) :]
    return bytes(data)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mutated") / "picture"


@settings(
    max_examples=4 * settings.default.max_examples,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(content=mutated())
@example(content=b"GIF89a")
@example(content=b"BM" + bytes(60))
@example(content=b"II*\0\x08\0\0\0\0\0")
@example(content=b"RIFF\0\0\0\0WEBPVP8X")
@example(content=b"\0\0\0\x1cftypavif")
@example(content=b"\0\0\0\x1cftypheic")
def test_whatever_the_bytes_it_is_a_picture_or_a_media_error(place: Path, capfd, content: bytes) -> None:
    place.write_bytes(content)
    try:
        picture = images.load(place, size=24)
    except MediaError as error:
        assert error.message.endswith(".")  # noqa: PT017 - either outcome is right
        assert len(error.message) < 300  # noqa: PT017
    else:
        assert picture.dtype == np.uint8
        assert min(picture.shape[:2]) == 24
        assert max(picture.shape[:2]) <= 48
    assert capfd.readouterr() == ("", "")


def test_pillow_is_left_as_it_was(put) -> None:
    before = (
        Image.MAX_IMAGE_PIXELS,
        ImageFile.LOAD_TRUNCATED_IMAGES,
        dict(Image.OPEN),
        list(warnings.filters),
    )
    images.load(put(scene(), "JPEG"), size=64)
    with pytest.raises(MediaError):
        images.load(put(png(20_000, 20_000, 8, 0, b"")), size=64)
    assert before == (
        Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, dict(Image.OPEN), list(warnings.filters)
    )  # fmt: skip


def test_warnings_of_pillow_are_dropped_and_others_kept(put) -> None:
    flawed = b"Exif\0\0II*\0\x08\0\0\0\x02\0" + struct.pack("<HHII", 282, 5, 1 << 20, 99) * 2
    path = put(encoded(Image.fromarray(scene()), "JPEG", exif=flawed))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        Image.open(path)
    assert told
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with ThreadPoolExecutor(4) as pool:
            assert len(set(pool.map(lambda _: images.load(path, size=64).shape, range(40)))) == 1
        assert not told
        warnings.warn("mine", stacklevel=1)
    assert [str(warning.message) for warning in told] == ["mine"]
