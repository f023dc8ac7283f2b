"""Pictures whose pixels are whole and whose rest is not, and grey scales that are written the other way round."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from genrekit.errors import MediaError
from genrekit.media import images
from genrekit.media.image_repair import MAX_CHUNKS, jpeg_endings, plain_png, plain_webp

MIB = 1 << 20
RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (48, 64, 3), dtype=np.uint8)


def encoded(kind: str, pixels: np.ndarray = NOISE, **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, **options)
    return stream.getvalue()


def chunk(kind: bytes, body: bytes, *, sum_: int | None = None) -> bytes:
    sum_ = zlib.crc32(kind + body) if sum_ is None else sum_
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", sum_)


def with_chunks(png: bytes, before: bytes = b"", after: bytes = b"") -> bytes:
    """Chunks behind the header, and behind the pixels."""
    return png[:33] + before + png[33:-12] + after + png[-12:]


@pytest.fixture
def load(tmp_path: Path):
    """Decode bytes as a file."""

    def of(content: bytes) -> np.ndarray:
        path = tmp_path / "picture"
        path.write_bytes(content)
        assert images.info(path).width >= 16
        return images.load(path, size=48)

    return of


@cache
def bomb() -> bytes:
    return zlib.compress(bytes(200 * MIB), 1)


ANCILLARY = {
    "text of 2 MB": lambda: chunk(b"tEXt", b"Comment\0" + b"x" * 2 * MIB),
    "zTXt of 200 MB": lambda: chunk(b"zTXt", b"Comment\0\0" + bomb()),
    "zTXt of 200 MB that could turn": lambda: chunk(b"zTXt", b"Raw profile type exif\0\0" + bomb()),
    "iTXt of 200 MB": lambda: chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + bomb()),
    "profile of 200 MB": lambda: chunk(b"iCCP", b"p\0\0" + bomb()),
    "profile of another method": lambda: chunk(b"iCCP", b"p\0\7xx"),
    "text of another method": lambda: chunk(b"zTXt", b"k\0\7xx"),
    "wrong sum": lambda: chunk(b"tEXt", b"Comment\0x", sum_=1),
    "wrong sum of transparency": lambda: chunk(b"tRNS", bytes(6), sum_=1),
    "short transparency": lambda: chunk(b"tRNS", b"\0"),
    "short gamma": lambda: chunk(b"gAMA", b"\0"),
    "short colours": lambda: chunk(b"cHRM", bytes(8)),
    "short size": lambda: chunk(b"pHYs", b"\0") + chunk(b"sRGB", b""),
    "palette of a picture without one": lambda: chunk(b"PLTE", b"\1", sum_=2),
    "bad animation": lambda: chunk(b"acTL", b"\0") + chunk(b"fcTL", b"\0\0"),
    "Exif that is none": lambda: chunk(b"eXIf", b"\xff" * 100),
    "unknown": lambda: chunk(b"abCd", bytes(3 * MIB)),
    "many bombs": lambda: chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(bytes(MIB), 9)) * 3000,
}


@pytest.mark.parametrize("what", ANCILLARY)
@pytest.mark.parametrize("where", ["before", "after"])
def test_an_ancillary_chunk_costs_no_pixels(what: str, where: str, load) -> None:
    np.testing.assert_array_equal(load(with_chunks(encoded("PNG"), **{where: ANCILLARY[what]()})), NOISE)


@pytest.mark.parametrize("n", [1, 4, 8, 11, 12, 14, 16])
def test_a_png_without_its_end(n: int, load) -> None:
    """12 bytes are the end, 4 more the sum of the last pixels."""
    np.testing.assert_array_equal(load(encoded("PNG")[:-n]), NOISE)


def test_a_png_without_pixels_at_its_end_is_told(load) -> None:
    for n in (24, 40, 400):
        with pytest.raises(MediaError, match="cut off"):
            load(encoded("PNG")[:-n])


def test_a_png_with_something_behind_it(load) -> None:
    for rest in (b"\0" * 100, encoded("JPEG"), encoded("PNG", NOISE[::-1])):
        np.testing.assert_array_equal(load(encoded("PNG") + rest), NOISE)


@pytest.mark.parametrize("kind", [b"IHDR", b"IDAT"])
def test_damage_where_pixels_depend_on_it_stays_an_error(kind: bytes, load) -> None:
    data = bytearray(encoded("PNG"))
    data[data.index(kind) + 12] ^= 255
    with pytest.raises(MediaError):
        load(bytes(data))


def test_transparency_palette_and_orientation_stay(load) -> None:
    grey = np.arange(48 * 64).reshape(48, 64).astype(np.uint8)
    keyed = with_chunks(encoded("PNG", grey), chunk(b"tRNS", struct.pack(">H", 7)))
    np.testing.assert_array_equal(load(keyed)[..., 0], np.where(grey == 7, 255, grey))
    palette = encoded("PNG", grey)
    stream = io.BytesIO()
    Image.fromarray(NOISE).quantize(16).save(stream, "PNG")
    palette = stream.getvalue()
    with Image.open(stream) as opened:
        np.testing.assert_array_equal(load(palette), np.asarray(opened.convert("RGB")))
    exif = Image.Exif()
    exif[274] = 3
    turned = encoded("PNG", exif=exif)
    np.testing.assert_array_equal(load(turned), NOISE[::-1, ::-1])
    at = turned.index(b"eXIf") - 4
    length = struct.unpack(">I", turned[at : at + 4])[0] + 12
    later = turned[:at] + turned[at + length : -12] + turned[at : at + length] + turned[-12:]
    np.testing.assert_array_equal(load(later), NOISE[::-1, ::-1])
    broken = bytearray(turned)
    broken[at + length - 1] ^= 1
    np.testing.assert_array_equal(load(bytes(broken)), NOISE)


def test_the_number_of_chunks_is_bounded(load) -> None:
    with pytest.raises(MediaError, match="more than 100,000 chunks"):
        load(with_chunks(encoded("PNG"), chunk(b"abCd", b"") * (MAX_CHUNKS + 1)))


JPEGS = [
    {},
    {"progressive": True},
    {"quality": 100, "subsampling": 0},
    {"optimize": True, "restart_marker_blocks": 3},
]


@pytest.mark.parametrize("options", JPEGS)
@pytest.mark.parametrize("cut", [1, 2])
def test_a_jpeg_without_its_end(options: dict, cut: int, load) -> None:
    whole = encoded("JPEG", **options)
    np.testing.assert_array_equal(load(whole[:-cut]), load(whole))


@pytest.mark.parametrize("options", JPEGS)
def test_a_jpeg_with_something_behind_it(options: dict, load) -> None:
    whole = encoded("JPEG", **options)
    for rest in (b"\0" * 100, b"\xff", encoded("JPEG", NOISE[::-1]), encoded("PNG")):
        np.testing.assert_array_equal(load(whole + rest), load(whole))


@pytest.mark.parametrize("options", JPEGS)
def test_a_jpeg_that_lacks_pixels_is_told(options: dict, load) -> None:
    whole = encoded("JPEG", **options)
    for cut in (10, 30, 60, len(whole) // 3):
        with pytest.raises(MediaError, match="cut off"):
            load(whole[:-cut])


def test_a_progressive_jpeg_that_lacks_whole_scans_is_told(load) -> None:
    whole = encoded("JPEG", progressive=True)
    at = whole.rindex(b"\xff\xda")
    for end in (at, whole.rindex(b"\xff\xda", 0, at)):
        before = whole[:end]
        table = before.rindex(b"\xff\xc4")  # the scan's own table of codes
        for cut in (before, before[:table]):
            assert jpeg_endings(cut) == ()
            with pytest.raises(MediaError):
                load(cut)


def test_large_jpegs_are_still_scaled_while_they_are_decoded(tmp_path: Path) -> None:
    smooth = np.stack([np.add.outer(np.arange(800), np.arange(600)) // 6] * 3, -1).astype(np.uint8)
    whole = encoded("JPEG", smooth)
    for name, data in (("whole", whole), ("cut", whole[:-2])):
        (tmp_path / name).write_bytes(data)
    np.testing.assert_array_equal(
        images.load(tmp_path / "cut", size=50), images.load(tmp_path / "whole", size=50)
    )


def test_a_gif_without_its_trailer(load) -> None:
    whole = encoded("GIF")
    for cut in (whole[:-1], whole + b"\0" * 9):
        np.testing.assert_array_equal(load(cut), load(whole))


@pytest.mark.parametrize("lossless", [True, False])
def test_a_webp_with_metadata_that_is_odd_or_cut_off(lossless: bool, load) -> None:
    plain = load(encoded("WEBP", lossless=lossless))
    exif = Image.Exif()
    exif[270] = "x" * 500
    for options in ({"exif": exif}, {"xmp": b"<x>" * 200}, {"exif": b"Exif\0\0" + b"\xff" * 300}):
        whole = encoded("WEBP", lossless=lossless, **options)
        for data in (whole, whole[:-1], whole[:-150], whole + b"rest"):
            np.testing.assert_array_equal(load(data), plain)
    with pytest.raises(MediaError):
        load(encoded("WEBP", lossless=lossless)[:-30])


def test_a_cut_webp_whose_first_chunk_is_empty_is_an_error_in_words(tmp_path: Path) -> None:
    path = tmp_path / "picture"
    path.write_bytes(b"RIFF\xff\xff\0\0WEBPVP8X" + bytes(4) + encoded("WEBP")[12:])
    with pytest.raises(MediaError):
        images.load(path, size=48)


def parts(kinds: list[bytes], sized: Callable[[bytes, int], bytes]) -> st.SearchStrategy[bytes]:
    """What a file consists of behind its first bytes: known parts of any content, some with a wrong size, cut off anywhere."""
    size = st.none() | st.integers(0, 12)
    part = st.builds(
        lambda kind, body, n: sized(kind, len(body) if n is None else n) + body,
        st.sampled_from(kinds),
        st.binary(max_size=12),
        size,
    )
    return st.builds(
        lambda found, cut: b"".join(found)[: -cut or None],
        st.lists(part | st.binary(max_size=400), max_size=6),
        st.integers(0, 12),
    )


JPEG = parts(
    [b"\xff" + bytes([marker]) for marker in (0xC0, 0xC2, 0xC4, 0xDA, 0xD9, 0xE0, 0xE1)],
    lambda kind, n: kind + (n + 2).to_bytes(2, "big"),
)
PNG = parts(
    [b"IHDR", b"IDAT", b"PLTE", b"tRNS", b"iCCP", b"IEND"], lambda kind, n: n.to_bytes(4, "big") + kind
)
WEBP = parts(
    [b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"EXIF", b"ANMF"], lambda kind, n: kind + n.to_bytes(4, "little")
)


@given(JPEG, PNG, WEBP, st.integers(0, 400))
@settings(max_examples=2 * settings.default.max_examples)
@example(b"\xff\xc0", b"", b"VP8X" + bytes(4), 0)
@example(b"\xff\xc0\0\x07\x08\0\1\0\1", b"", b"VP8X\1\0\0\0\xff", 0)
def test_hostile_bytes_are_only_rearranged(jpeg: bytes, data: bytes, webp: bytes, at: int) -> None:
    png = encoded("PNG")
    for content in (b"\x89PNG\r\n\x1a\n" + data, png[:at] + data + png[at:]):
        assert len(plain_png(content)) <= len(content) + 40
    assert len(plain_webp(b"RIFF\xff\xff\xff\x7fWEBP" + webp)) <= len(webp) + 20
    assert len(jpeg_endings(b"\xff\xd8" + jpeg)) in (0, 3)


def tiff(values: np.ndarray, bits: int, photometric: int, *, order: str = "<", packed: bytes = b"") -> bytes:
    """Write an uncompressed tiff by hand: grey, or as many samples as the last axis has."""
    height, width = values.shape[:2]
    samples = values.shape[2] if values.ndim == 3 else 1
    data = packed or values.astype(f"{order}u{bits // 8}").tobytes()
    entries = [(256, 4, width), (257, 4, height), (258, 3, bits), (259, 3, 1), (262, 3, photometric)]
    entries += [(273, 4, 200), (277, 3, samples), (278, 4, height), (279, 4, len(data))]
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, len(entries))
    for tag, kind, value in entries:
        cell = struct.pack(f"{order}HH" if kind == 3 else f"{order}I", value, *([0] if kind == 3 else []))
        head += struct.pack(f"{order}HHI", tag, kind, 1) + cell
    return (head + bytes(4)).ljust(200, b"\0") + data


GREY = RNG.integers(0, 65536, (48, 64)).astype(np.uint16)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("white_is_zero", [False, True])
@pytest.mark.parametrize("bits", [1, 4, 8, 12, 16])
def test_grey_tiffs_of_every_depth(bits: int, white_is_zero: bool, order: str, load) -> None:
    if bits == 12 and order == ">":
        pytest.skip("Pillow reads 12 bits of little-endian files only")
    values = GREY >> (16 - bits)
    packed = b""
    if bits < 8:
        packed = np.packbits(
            ((values[..., None] >> np.arange(bits)[::-1]) & 1).reshape(48, -1), axis=1
        ).tobytes()
    elif bits == 12:
        packed = np.packbits(
            ((values[..., None] >> np.arange(12)[::-1]) & 1).reshape(48, -1), axis=1
        ).tobytes()
    expected = (values >> (bits - 8) if bits > 8 else values * (255 // (2**bits - 1))).astype(np.uint8)
    expected = 255 - expected if white_is_zero else expected
    content = tiff(values, bits, 0 if white_is_zero else 1, order=order, packed=packed)
    if white_is_zero and (bits == 12 or (bits == 16 and order == ">")):
        with pytest.raises(
            MediaError, match="unknown pixel mode"
        ):  # Pillow has none for it: no pixels, no wrong ones
            load(content)
        return
    found = load(content)
    np.testing.assert_array_equal(found, np.stack([expected] * 3, -1))


@pytest.mark.filterwarnings("ignore:The image decoding and encoding:DeprecationWarning")
def test_colours_of_16_bits_in_a_second_reader(load) -> None:
    io_ = pytest.importorskip("torchvision.io")
    import torch

    for colour, channels in ((0, 1), (2, 3)):
        wide = RNG.integers(0, 65536, (48, 64, channels)).astype(">u2")
        rows = b"".join(b"\0" + row.tobytes() for row in wide)
        header = chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 48, 16, colour, 0, 0, 0))
        png = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
        other = io_.decode_image(torch.frombuffer(bytearray(png), dtype=torch.uint8)).numpy().astype(int)
        theirs = np.broadcast_to(other.transpose(1, 2, 0) >> 8, (48, 64, 3))
        assert np.abs(load(png).astype(int) - theirs).max() <= 1
        np.testing.assert_array_equal(load(png), np.broadcast_to(wide.astype(int) >> 8, (48, 64, 3)))


def test_a_transparent_grey_of_16_bits_lies_on_white(load) -> None:
    wide = GREY.astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in wide)
    key = int(GREY[3, 4])
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 48, 16, 0, 0, 0, 0))
    png += chunk(b"tRNS", struct.pack(">H", key)) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    np.testing.assert_array_equal(load(png)[..., 0], np.where(key == GREY, 255, GREY >> 8))


def test_metadata_changes_no_cmyk(load) -> None:
    flat = np.full((48, 64, 3), (250, 40, 10), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(flat).convert("CMYK").save(stream, "JPEG", quality=95)
    whole = stream.getvalue()
    assert b"Adobe" in whole  # its values are inverted
    for data in (whole, whole[:-2]):
        assert np.abs(load(data).astype(int) - flat).max() < 8


@given(st.integers(1, 400))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_cut_jpeg_gives_its_pixels_or_none(load, cut: int) -> None:
    for options in JPEGS:
        whole = encoded("JPEG", **options)
        try:
            found = load(whole[:-cut])
        except MediaError:
            continue
        np.testing.assert_array_equal(found, load(whole))
