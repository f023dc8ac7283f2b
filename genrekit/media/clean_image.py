"""Pictures without what describes them: no EXIF, no place, no comments, no hidden previews; upright, with the same pixels.

JPEG, PNG and WebP lose those segments and keep their compressed pixels. A photo that its orientation turns, and every
other format, becomes a PNG of the upright pixels, because turning a JPEG would change them.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from genrekit.media.image_decoder import open_image, open_regular
from genrekit.media.images import load

# JPEG, ITU-T T.81, annex B; markers that are followed by no length.
_ALONE = frozenset((0x01, *range(0xD0, 0xD8)))
_SCAN, _END = 0xDA, 0xD9
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_PNG_HEAD = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = frozenset(b"IHDR PLTE tRNS IDAT IEND sRGB gAMA cHRM iCCP sBIT".split())
_WEBP_KEPT = frozenset((b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"))
_WEBP_DESCRIBED = 0x08 | 0x04  # flags of VP8X: EXIF, XMP


def clean_image(source: Path, target: Path) -> str:
    """Write a picture without its metadata.

    Parameters
    ----------
    source : Path
    target : Path
        Gets the content, whatever its suffix.

    Returns
    -------
    str
        The suffix of the format that was written: ``.jpg``, ``.png`` or ``.webp``.

    Raises
    ------
    MediaError
        If the picture cannot be read.
    """
    pixels = load(source, size=None)
    with open_regular(source) as file:
        content = file.read()
    kind = open_image(io.BytesIO(content))[0]
    if kind in _PLAIN and (plain := _PLAIN[kind](content)):
        target.write_bytes(plain)
        if np.array_equal(load(target, size=None), pixels):
            return ".jpg" if kind == "jpeg" else f".{kind}"
    with target.open("wb") as stream:
        Image.fromarray(pixels).save(stream, "png")
    return ".png"


def _plain_jpeg(content: bytes) -> bytes:
    """Return the segments that pixels and their colours depend on, up to the end of the first picture."""
    kept, at = [content[:2]], 2
    while at + 4 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker == 0xFF:  # filling
            at += 1
            continue
        if marker == _END:
            break
        end = at + 2 if marker in _ALONE else at + 2 + int.from_bytes(content[at + 2 : at + 4], "big")
        kept.append(_segment(marker, content[at:end]))
        at = end
        if marker == _SCAN:
            found = _NEXT_MARKER.search(content, at)
            end = found.start() if found else len(content)
            kept.append(content[at:end])
            at = end
    return b"".join([*kept, b"\xff\xd9"])


def _segment(marker: int, segment: bytes) -> bytes:
    if marker == 0xE0:
        return b"\xff\xe0\0\x10" + segment[4:16] + b"\0\0" if segment[4:9] == b"JFIF\0" else b""  # no preview
    if marker == 0xE2:
        return segment if segment[4:16] == b"ICC_PROFILE\0" else b""
    if marker == 0xEE:  # Adobe: which colours the components are
        return segment if segment[4:9] == b"Adobe" else b""
    return b"" if 0xE1 <= marker <= 0xEF or marker == 0xFE else segment


def _plain_png(content: bytes) -> bytes:
    kept, at = [_PNG_HEAD], len(_PNG_HEAD)
    while at + 12 <= len(content):
        end = at + 12 + int.from_bytes(content[at : at + 4], "big")
        kind = content[at + 4 : at + 8]
        if kind in _PNG_KEPT:
            kept.append(content[at:end])
        if kind == b"IEND":
            break
        at = end
    return b"".join(kept)


def _plain_webp(content: bytes) -> bytes:
    kept, at = [b"WEBP"], 12
    while at + 8 <= len(content):
        size = int.from_bytes(content[at + 4 : at + 8], "little")
        end = at + 8 + size + size % 2
        kind, chunk = content[at : at + 4], content[at:end]
        if kind == b"VP8X" and len(chunk) > 8:
            chunk = chunk[:8] + bytes([chunk[8] & ~_WEBP_DESCRIBED]) + chunk[9:]
        if kind in _WEBP_KEPT:
            kept.append(chunk)
        at = end
    body = b"".join(kept)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


_PLAIN: dict[str, Callable[[bytes], bytes]] = {"jpeg": _plain_jpeg, "png": _plain_png, "webp": _plain_webp}
