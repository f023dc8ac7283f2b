"""Repair of pictures with complete pixels and other damage: remove metadata, add a missing end.

Nothing is guessed: if pixels are missing, the result is as incomplete as the input and the decoder reports it.
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterator

from PIL.PngImagePlugin import PngStream

from genrekit.errors import MediaError

# Encoders cut into pieces of 8 to 64 KiB; each piece costs time, however small.
MAX_CHUNKS = 100_000
MAX_TEXT_BYTES = 1 << 20
# Number of ancillary chunks that are inspected: each may unpack to a megabyte.
MAX_METADATA = 32

_PNG_HEAD = b"\x89PNG\r\n\x1a\n"
_IEND = b"\0\0\0\0IEND\xaeB`\x82"
# Fields for the orientation of a photo: https://www.w3.org/TR/png-3/#eXIf, and two older ways of ImageMagick and XMP.
_TURNS = (b"Raw profile type exif\0", b"XML:com.adobe.xmp\0")
_METADATA = {b"tRNS", b"eXIf", b"tEXt", b"zTXt", b"iTXt"}
# Within a scan FF is followed by 00, or by the number of a restart.
_MARKER = re.compile(rb"\xff[\x02-\xcf\xd8-\xfe]")
_WEBP_PIXELS = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF"}


def plain_png(content: bytes) -> bytes:
    """Return a png with only the chunks that pixels depend on, and an end.

    Ancillary chunks with a wrong checksum are left out, as in libpng; of the others only transparency and orientation
    are kept, as far as they can be read. An animation becomes its first picture.

    Raises
    ------
    MediaError
        If it consists of more than 100,000 chunks.
    """
    pixels: list[bytes | memoryview] = []
    head: list[bytes | memoryview] = []
    colour, left = -1, MAX_METADATA
    for kind, body, is_right, chunk in _png_chunks(content):
        if kind == b"IDAT":
            pixels.append(chunk)
        elif kind == b"IHDR":
            colour = body[9] if len(body) > 9 else -1
            head.append(chunk)
        elif kind == b"PLTE":
            head += [chunk] if colour == 3 else []
        elif is_right and kind in _METADATA and left and not (pixels and kind == b"tRNS"):
            left -= 1
            head += [chunk] if _is_readable(kind, body, colour) else []
    return b"".join([_PNG_HEAD, *head, *pixels, _IEND])


def _png_chunks(content: bytes) -> Iterator[tuple[bytes, memoryview, bool, bytes | memoryview]]:
    """Yield kind, body, whether the checksum is right, and the whole chunk; a truncated last one gets a new checksum."""
    view, at = memoryview(content), len(_PNG_HEAD)
    for _ in range(MAX_CHUNKS):
        kind, length = content[at + 4 : at + 8], int.from_bytes(content[at : at + 4], "big")
        if len(kind) < 4 or not kind.isalpha() or kind == b"IEND":
            return
        end = at + 8 + length
        body = view[at + 8 : end]
        sum_ = zlib.crc32(body, zlib.crc32(kind))
        if end + 4 > len(content):
            yield kind, body, False, len(body).to_bytes(4, "big") + kind + body + sum_.to_bytes(4, "big")
            return
        yield kind, body, sum_ == int.from_bytes(content[end : end + 4], "big"), view[at : end + 4]
        at = end + 4
    raise MediaError(f"The png consists of more than {MAX_CHUNKS:,} chunks.", "Save it again.")


def _is_readable(kind: bytes, body: memoryview, colour: int) -> bool:
    if kind == b"tRNS":
        return {0: len(body) == 2, 2: len(body) == 6, 3: 1 <= len(body) <= 256}.get(colour, False)
    if kind == b"eXIf":
        return len(body) <= MAX_TEXT_BYTES
    text = bytes(body[:MAX_TEXT_BYTES])
    if len(text) < len(body) or not text.startswith(_TURNS):
        return False
    try:
        PngStream(io.BytesIO(text)).call(kind, 0, len(text))
    except Exception:  # hostile text may cause any exception; unreadable text has no orientation
        return False
    return True


def plain_webp(content: bytes) -> bytes:
    """Return a truncated webp without the metadata at its end; return a complete one unchanged.

    https://developers.google.com/speed/webp/docs/riff_container
    """
    if int.from_bytes(content[4:8], "little") + 8 <= len(content):
        return content
    kept, at = [b"WEBP"], 12
    while len(kind := content[at : at + 4]) == 4 and len(kept) <= MAX_CHUNKS:
        end = at + 8 + int.from_bytes(content[at + 4 : at + 8], "little")
        if kind in _WEBP_PIXELS:
            if end > len(content):
                return content
            kept.append(content[at:end] + b"\0" * ((end - at) % 2))
        at = end + (end - at) % 2
    if len(kept) > 1 and kept[1][:4] == b"VP8X" and len(kept[1]) > 8:  # without profile, Exif and XMP
        kept[1] = kept[1][:8] + bytes([kept[1][8] & ~0b00101100]) + kept[1][9:]
    body = b"".join(kept)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def jpeg_endings(content: bytes) -> tuple[bytes, ...]:
    """Return a truncated jpeg with three endings: their decoded pixels are equal if and only if no pixel is missing.

    The first ends here; in the others data follows that decodes to other pixels if any are missing. The result is
    empty for a progressive jpeg with missing scans.
    """
    start = content.rstrip(b"\xff")
    if not _has_all_scans(start):
        return ()
    return tuple(start + filling * 4096 + b"\xff\xd9" for filling in (b"", b"\x5a", b"\xa5\x3c"))


def _has_all_scans(jpeg: bytes) -> bool:
    """Return whether the scans code every coefficient of every component to its last bit (ITU-T T.81, G.1.1.1)."""
    left: dict[int, set[int]] = {}
    progressive = False
    for marker, body in _segments(jpeg):
        if marker in (0xC0, 0xC1, 0xC2):
            progressive = marker == 0xC2
            n_components = body[5] if len(body) > 5 else 0
            left = {component: set(range(64)) for component in body[6::3][:n_components]}
        elif marker == 0xDA and body and len(body) >= 4 + 2 * body[0]:
            first, last, bits = body[1 + 2 * body[0] :][:3]
            for k in range(body[0]):
                done = range(first, last + 1) if bits & 15 == 0 else ()
                left.get(body[1 + 2 * k], set()).difference_update(done if progressive else range(64))
    return bool(left) and not any(left.values())


def _segments(jpeg: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield marker and body of every segment; the data of scans is skipped."""
    at = 2
    while found := _MARKER.search(jpeg, at):
        start = found.end()
        at = start + int.from_bytes(jpeg[start : start + 2], "big")
        yield jpeg[start - 1], jpeg[start + 2 : at]
