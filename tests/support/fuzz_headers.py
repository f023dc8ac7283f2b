"""Where the numbers stand in the headers of formats: what a mutation of bytes at random rarely meets."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple


class Field(NamedTuple):
    """A number in a header."""

    at: int
    size: int
    order: str = "little"


def no_fields(data: bytes) -> Iterator[Field]:
    return iter(())


def _chunks(data: bytes, at: int, order: str, wide: int = 0) -> Iterator[Field]:
    """The sizes of chunks, and the first numbers in each: RIFF, RF64, AIFF."""
    yield Field(4, 4, order)
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], order)
        yield Field(at + 4, 4, order)
        yield from (Field(at + 8 + k, 2, order) for k in range(0, min(size, 40, len(data) - at - 10), 2))
        yield from (Field(at + 8 + k, 4, order) for k in range(0, min(size, 40, len(data) - at - 12), 4))
        at += 8 + size + size % 2


def _riff_fields(data: bytes) -> Iterator[Field]:
    return _chunks(data, 12, "big" if data[:4] in (b"RIFX", b"FORM") else "little")


def _flac_fields(data: bytes) -> Iterator[Field]:
    """https://www.rfc-editor.org/rfc/rfc9639#section-8: sizes of metadata blocks, and STREAMINFO."""
    yield from (
        Field(8 + k, size, "big")
        for k, size in ((0, 2), (2, 2), (4, 3), (7, 3), (10, 4), (12, 1), (13, 1), (13, 5))
    )
    at, last = 4, False
    while not last and at + 4 <= len(data):
        last = data[at] >= 0x80
        yield from (Field(at, 1), Field(at + 1, 3, "big"))
        at += 4 + int.from_bytes(data[at + 1 : at + 4], "big")
    if at + 8 < len(data):
        yield from (Field(at + k, 1) for k in range(2, 8))


def _ogg_pages(data: bytes) -> Iterator[tuple[int, int]]:
    """Where pages begin and end: https://www.rfc-editor.org/rfc/rfc3533#section-6."""
    at = data.find(b"OggS")
    while at >= 0 and at + 27 <= len(data):
        lacing = data[at + 27 : at + 27 + data[at + 26]]
        end = at + 27 + len(lacing) + sum(lacing)
        yield at, min(end, len(data))
        at = data.find(b"OggS", max(end, at + 4))


def _ogg_fields(data: bytes) -> Iterator[Field]:
    for at, _ in _ogg_pages(data):
        yield from (
            Field(at + k, size) for k, size in ((4, 1), (5, 1), (6, 8), (14, 4), (18, 4), (26, 1), (27, 1))
        )
        yield from (Field(at + 28 + k, 1) for k in range(0, 48, 3) if at + 28 + k < len(data))


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
        table.append(crc)
    return tuple(table)


_CRC = _crc_table()


def with_right_sums(data: bytes) -> bytes:
    """Pages with a wrong check sum are passed over, so that what they hold is never looked at."""
    changed = bytearray(data)
    for at, end in _ogg_pages(data):
        changed[at + 22 : at + 26] = bytes(4)
        crc = 0
        for byte in changed[at:end]:
            crc = (crc << 8 & 0xFFFFFFFF) ^ _CRC[crc >> 24 ^ byte]
        changed[at + 22 : at + 26] = crc.to_bytes(4, "little")
    return bytes(changed)


def _mp3_fields(data: bytes) -> Iterator[Field]:
    if data[:3] == b"ID3":
        yield from (Field(3 + k, 1) for k in range(7))
        yield from (Field(14, 4, "big"), Field(18, 2, "big"))
    for match in re.finditer(rb"\xff[\xe2-\xff]", data[:8192]):
        yield from (Field(match.start() + k, 1) for k in range(1, 8))


def _png_fields(data: bytes) -> Iterator[Field]:
    at = 8
    while at + 8 <= len(data):
        yield Field(at, 4, "big")
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    yield from (Field(16, 4, "big"), Field(20, 4, "big"), Field(24, 1), Field(25, 1))


def _jpeg_fields(data: bytes) -> Iterator[Field]:
    for match in re.finditer(rb"\xff[\xc0-\xfe]", data):
        yield from (Field(match.start() + k, 2, "big") for k in (2, 5, 7))


def _mp4_fields(data: bytes) -> Iterator[Field]:
    for match in re.finditer(rb"(?:moov|mdat|trak|mdia|stsd|stsz|stco|stts|stsc|mp4a|esds|mdhd|mvhd)", data):
        yield from (Field(match.start() + k, 4, "big") for k in (-4, 4, 8, 12, 16, 20) if match.start() >= 4)


def _parquet_fields(data: bytes) -> Iterator[Field]:
    """The size of the footer, and its bytes: https://parquet.apache.org/docs/file-format/."""
    yield Field(max(len(data) - 8, 0), 4)
    start = max(4, len(data) - 8 - int.from_bytes(data[-8:-4], "little"))
    yield from (Field(at, 1) for at in range(start, len(data) - 8, 3))


def _zip_fields(data: bytes) -> Iterator[Field]:
    """https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3.7, 4.3.12 and 4.3.16."""
    layouts = {
        b"PK\x03\x04": ((4, 2), (6, 2), (8, 2), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2)),
        b"PK\x01\x02": (
            (8, 2),
            (10, 2),
            (16, 4),
            (20, 4),
            (24, 4),
            (28, 2),
            (30, 2),
            (32, 2),
            (38, 4),
            (42, 4),
        ),
        b"PK\x05\x06": ((4, 2), (8, 2), (10, 2), (12, 4), (16, 4), (20, 2)),
    }
    for magic, layout in layouts.items():
        for match in re.finditer(re.escape(magic), data):
            yield from (Field(match.start() + at, size) for at, size in layout)


FIELDS: dict[str, Callable[[bytes], Iterator[Field]]] = {
    "wav": _riff_fields, "aiff": _riff_fields, "flac": _flac_fields, "ogg": _ogg_fields, "mp3": _mp3_fields,
    "mp4": _mp4_fields, "png": _png_fields, "jpeg": _jpeg_fields, "parquet": _parquet_fields, "bundle": _zip_fields,
}  # fmt: skip
