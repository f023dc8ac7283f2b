"""Opening of picture files with Pillow: the header is read and checked against limits, by content and not by name.

The first bytes choose one of eight decoders of Pillow; the others (PostScript, icons, game textures ...) are not used.
Nothing is decoded here, and Pillow's settings are not changed.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from genrekit.errors import MediaError
from genrekit.files import opening
from genrekit.media.image_repair import plain_png, plain_webp

AnyPath = str | bytes | os.PathLike[str] | os.PathLike[bytes]

# Telephones produce up to 108 million pixels. During decoding a pixel takes 4 to 16 bytes (webp), of a large jpeg under 4.
MAX_PIXELS = 120_000_000
MAX_BYTES = 1 << 28
# Each scan of a jpeg costs a pass over all its pixels, however few bytes it has; encoders write up to about 10.
# https://libjpeg-turbo.org/pmwiki/uploads/About/TwoIssueswiththeJPEGStandard.pdf
MAX_SCANS = 100

_HEAD = 64
_KNOWN = "jpeg, png, webp, gif, bmp, tiff, avif and heic"
# First bytes and format: https://en.wikipedia.org/wiki/List_of_file_signatures. II+ and MM+ are BigTIFF.
_MAGIC = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"BM", "bmp"),
    *((magic, "tiff") for magic in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
)
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_TILE_WIDTH, _TILE_LENGTH = 322, 323
# Within a scan FF is followed by 00, or by the number of a restart.
_MARKER = re.compile(rb"\xff[\x02-\xcf\xd8-\xfe]")
_SCAN, _END = 0xDA, 0xD9


@contextmanager
def open_regular(path: AnyPath) -> Iterator[BinaryIO]:
    """Open a regular file of up to `MAX_BYTES`.

    Raises
    ------
    MediaError
        If the path is missing, not regular, too large or not readable.
    """
    with opening(path):
        file = open(path, "rb")  # noqa: SIM115 - closed below
    with file:
        try:
            if os.fstat(file.fileno()).st_size > MAX_BYTES:
                raise MediaError(f"The file is larger than {MAX_BYTES >> 20} MiB, the limit for pictures.")
            yield file
        except OSError as error:
            raise MediaError(f"The file cannot be read ({error.strerror or error}).") from None


def open_image(file: BinaryIO) -> tuple[str, ImageFile.ImageFile]:
    """Read the header of a picture without decoding.

    Parameters
    ----------
    file : BinaryIO
        File at its beginning; it must stay open until the picture is loaded.

    Returns
    -------
    (format, picture)
        Format in lower case, and a picture of at most `MAX_PIXELS` pixels.

    Raises
    ------
    MediaError
        If the file is empty, not a known picture format, damaged, over the limits, or in a format for which no decoder
        is installed.
    """
    head = file.read(_HEAD)
    kind = _kind(head)
    reader = _reader(kind)
    file.seek(0)
    if kind in _PLAIN:
        file = io.BytesIO(_PLAIN[kind](file.read()))
    try:
        image = reader(file)
    except Image.DecompressionBombError:
        raise MediaError(f"The picture declares far more than {MAX_PIXELS:,} pixels.") from None
    except MemoryError:
        raise MediaError(f"There is too little memory to open the {kind}.") from None
    except Exception as error:  # Pillow has no narrower base class; a hostile file may cause any
        raise damaged(kind, error) from None
    if image.width * image.height > MAX_PIXELS:
        raise MediaError(
            f"The picture declares {sides(image)} pixels; at most {MAX_PIXELS:,} in all are decoded.",
            "Save it smaller.",
        )
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        tags = image.tag_v2
        width, length = tags.get(_TILE_WIDTH, 1), tags.get(_TILE_LENGTH, 1)
        if not (isinstance(width, int) and isinstance(length, int) and width * length <= MAX_PIXELS):
            raise MediaError("The tiff is damaged (its tiles are too large).")
    if image.tile and image.tile[0][0] == "bmp_rle":  # its lengths are not checked against the size
        raise MediaError("The bmp is run-length encoded, which is not supported.", "Save it as png.")
    return kind, image


def _kind(head: bytes) -> str:
    if not head:
        raise MediaError("The file is empty (0 bytes).")
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "webp"
    if head[4:8] == b"ftyp":
        length = int.from_bytes(head[:4], "big")
        brands = {head[8:12], *(head[i : i + 4] for i in range(16, min(length, len(head)), 4))}
        if brands & {b"avif", b"avis"}:
            return "avif"
        if brands & _HEIF_BRANDS:
            return "heic"
    hint = "If it is one of these, its beginning is damaged; if it is another format, save it as png."
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith((b"<!doctype", b"<html", b"<head")):
        hint = "It is a web page, downloaded instead of the picture."
    raise MediaError(f"The content is not a known picture format; known formats are {_KNOWN}.", hint)


def _reader(kind: str) -> Callable[[BinaryIO], ImageFile.ImageFile]:
    """Return the class of Pillow that reads a format; `Image.open` would try others, and hide why one failed."""
    if kind == "webp" and not WebPImagePlugin.SUPPORTED:
        raise MediaError("This build of Pillow cannot decode webp.", "Install its wheel: pip install pillow")
    if kind == "avif":
        try:
            from PIL import AvifImagePlugin
        except ImportError:
            supported = False
        else:
            supported = AvifImagePlugin.SUPPORTED
        if not supported:
            raise MediaError(
                "The installed Pillow cannot decode avif.", 'Install a newer one: pip install "pillow>=11.3"'
            )
        return AvifImagePlugin.AvifImageFile
    if kind == "heic":
        try:
            from pillow_heif.as_plugin import HeifImageFile
        except ImportError:
            raise MediaError(
                "Pillow cannot decode heic, and pillow-heif, which can, is not installed.",
                'Install it: pip install "genrekit[heic]"',
            ) from None
        reader: type[ImageFile.ImageFile] = HeifImageFile
        return reader
    return _READERS[kind]


_READERS: dict[str, type[ImageFile.ImageFile]] = {
    "jpeg": JpegImagePlugin.JpegImageFile,
    "png": PngImagePlugin.PngImageFile,
    "webp": WebPImagePlugin.WebPImageFile,
    "gif": GifImagePlugin.GifImageFile,
    "bmp": BmpImagePlugin.BmpImageFile,
    "tiff": TiffImagePlugin.TiffImageFile,
}


_PLAIN = {"png": plain_png, "webp": plain_webp}


def has_many_scans(jpeg: bytes) -> bool:
    """Return whether the first picture of a jpeg consists of more than `MAX_SCANS` scans; damage ends the count."""
    at, scans = 2, 0
    while (found := _MARKER.search(jpeg, at)) and scans <= MAX_SCANS:
        marker, at = jpeg[found.start() + 1], found.end()
        if marker == _END:
            break
        scans += marker == _SCAN
        at += int.from_bytes(jpeg[at : at + 2], "big")
    return scans > MAX_SCANS


def damaged(kind: str, error: Exception) -> MediaError:
    """Return the error for a file that Pillow could not decode.

    Parameters
    ----------
    kind : str
        The format.
    error : Exception
        The exception of Pillow.

    Returns
    -------
    MediaError
    """
    if "truncated" in str(error):
        return MediaError(f"The {kind} is cut off: it ends too early.", "Copy or download it again.")
    if bits := re.search(r"cannot handle (\d+)-bit layers", str(error)):
        return MediaError(
            f"The {kind} has {bits[1]} bits per channel; 8 are supported.", "Save it as an ordinary jpeg."
        )
    words = " ".join(str(error).split()).rstrip(".")[:120]
    return MediaError(
        f"The {kind} is damaged, or of a kind that is not supported{f' ({words})' if words else ''}.",
        "If other programs show it, save it as png.",
    )


def sides(image: Image.Image) -> str:
    """Return width and height for a message."""
    return f"{image.width:,} x {image.height:,}"
