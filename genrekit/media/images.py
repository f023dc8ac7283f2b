"""Decoding of picture files of common formats to 8-bit RGB of one size.

Colour profiles are not applied: their effect on genres is small, and they are untrusted programs.
"""

from __future__ import annotations

import io
import os
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile, TiffImagePlugin

from genrekit.errors import MediaError, UsageError
from genrekit.media.image_decoder import (
    MAX_SCANS,
    AnyPath,
    damaged,
    has_many_scans,
    open_image,
    open_regular,
    sides,
)
from genrekit.media.image_repair import jpeg_endings
from genrekit.media.suppress_output import quiet_pillow, quiet_stderr

Pixels = npt.NDArray[np.uint8]

# Size of an icon; smaller pictures are tracking pixels or rulers, whose prediction would be meaningless.
MIN_SIDE = 16
MAX_SIZE = 4096
MAX_ASPECT = 2

# Factor over the requested size to which decoders scale, or whole pixels are averaged, before the exact filter:
# from 2 on the difference is not visible (Pillow's documentation of Image.thumbnail).
REDUCING_GAP = 2
# EXIF 2.32, tag 274
_ORIENTATION = 274
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """Facts from the header of a file, without decoding.

    Attributes
    ----------
    width, height : int
        In pixels, as stored: swapped for a photo with a rotated orientation.
    format : str
        ``jpeg``, ``png``, ``webp``, ``gif``, ``bmp``, ``tiff``, ``avif`` or ``heic``, by the content.
    mode : str
        Pillow's name of the pixel format: ``L``, ``P``, ``RGB``, ``CMYK`` ...
    """

    width: int
    height: int
    format: str
    mode: str


def info(path: AnyPath) -> ImageInfo:
    """Read a file's header.

    Parameters
    ----------
    path : str, bytes or path-like

    Returns
    -------
    ImageInfo

    Raises
    ------
    MediaError
        If the file cannot be opened, is not a picture, or is larger than the limits.
    """
    with open_regular(path) as file, quiet_pillow:
        kind, image = open_image(file)
        return ImageInfo(image.width, image.height, kind, image.mode)


def load(path: AnyPath, *, size: int | None) -> Pixels:
    """Decode a picture, upright, its shorter side ``size`` pixels long, or at its own size.

    The longer side keeps the proportion, up to twice ``size``: longer pictures are cropped to the middle. Smaller
    pictures are enlarged. The first frame of an animation is used, transparency is blended with white, and 16 bits
    per channel are reduced to 8. The filter is bicubic, as wide as the reduction needs: a plain average blurs, Lanczos
    takes half as long again and rings at the hard edges typical of covers. Large jpegs are decoded at 1/2, 1/4 or
    1/8 of their size directly.

    Parameters
    ----------
    path : str, bytes or path-like
        A regular file of up to 256 MiB and 120 million pixels; the content decides, not the name.
    size : int in [1, 4096] or None
        Length of the shorter side of the result, in pixels; None keeps every pixel.

    Returns
    -------
    np.ndarray [shape=(height, width, 3), dtype=uint8]
        Red, green, blue; the shorter side is ``size``, the longer at most ``2 * size``.

    Raises
    ------
    MediaError
        If the file is missing, not regular, not readable, not a known picture format, damaged, truncated, over the
        limits, less than 16 pixels wide or high, or of an unsupported pixel format or kind.
    UsageError
        If ``size`` is out of range.
    """
    if size is not None and not 1 <= size <= MAX_SIZE:
        raise UsageError(f"The size is {size} pixels; 1 to {MAX_SIZE} are allowed.")
    with open_regular(path) as file:
        content = file.read(os.fstat(file.fileno()).st_size)
    with quiet_pillow:
        kind, image = open_image(io.BytesIO(content))
        if min(image.size) < MIN_SIDE:
            raise MediaError(
                f"The picture has {sides(image)} pixels; at least {MIN_SIDE} x {MIN_SIDE} are needed."
            )
        drafted = None
        if kind == "jpeg":
            if has_many_scans(content):
                raise MediaError(f"The jpeg is made of more than {MAX_SCANS} scans.", "Save it again.")
            drafted = image.draft(None, (REDUCING_GAP * size, REDUCING_GAP * size)) if size else None
        try:
            with quiet_stderr if kind == "tiff" else nullcontext():
                image = _decoded(image, kind, content, size)
            # the last row and column of a scaled jpeg may represent less than a whole pixel
            extent = drafted[1][2:] if drafted else image.size
            plain = _plain(image, kind)
            return _upright(_resized(plain, extent, size) if size else plain, _turn(image))
        except MediaError:
            raise
        except MemoryError:
            raise MediaError(f"There is too little memory for {sides(image)} pixels.") from None
        except Exception as error:  # Pillow has no narrower base class; a hostile file may cause any
            raise damaged(kind, error) from None


def _decoded(image: ImageFile.ImageFile, kind: str, content: bytes, size: int | None) -> ImageFile.ImageFile:
    """Return the picture with its pixels; a jpeg that lacks its end and no pixel is read all the same."""
    try:
        image.load()
        return image
    except OSError as error:
        if kind != "jpeg" or "truncated" not in str(error):
            raise
        pictures: list[ImageFile.ImageFile] = []
        for whole in jpeg_endings(content):
            picture = open_image(io.BytesIO(whole))[1]
            if size:
                picture.draft(None, (REDUCING_GAP * size, REDUCING_GAP * size))
            picture.load()
            if pictures and picture.tobytes() != pictures[0].tobytes():
                raise
            pictures = [picture]
        if not pictures:
            raise
        return pictures[0]


def _plain(image: Image.Image, kind: str) -> Image.Image:
    """Return the picture in a mode that can be filtered, 8 bits per channel; with transparency premultiplied, as RGBa."""
    if image.mode.startswith("I;16") or (image.mode == "I" and kind == "png"):
        return _eight_bits(image)
    if image.has_transparency_data:
        return (image if image.mode == "RGBA" else image.convert("RGBA")).convert("RGBa")
    if image.mode in ("L", "RGB", "CMYK", "YCbCr"):
        return image
    if image.mode in ("1", "P", "RGBX"):
        return image.convert("L" if image.mode == "1" else "RGB")
    raise MediaError(
        f"The {kind} has pixels of the kind {image.mode}, which is not supported.",
        "Save it as RGB, 8 bits per channel.",
    )


def _eight_bits(image: Image.Image) -> Image.Image:
    """Reduce a grey picture of 12 or 16 bits to the upper 8; Pillow inverts pictures whose 0 is white up to 8 bits only."""
    values = np.asarray(image)
    bits, inverted = 16, False
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        bits = image.tag_v2.get(TiffImagePlugin.BITSPERSAMPLE, (16,))[0]
        inverted = image.tag_v2.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == 0
    grey = (values >> (bits - 8)).astype(np.uint8)
    if inverted:
        grey = 255 - grey
    if isinstance(key := image.info.get("transparency"), int):
        grey = np.where(values == key, 255, grey).astype(np.uint8)
    return Image.fromarray(grey)


def _resized(image: Image.Image, extent: tuple[float, float], size: int) -> Image.Image:
    short = min(extent)
    kept = [min(side, MAX_ASPECT * short) for side in extent]
    left, top = (extent[0] - kept[0]) / 2, (extent[1] - kept[1]) / 2
    shape = [max(size, min(MAX_ASPECT * size, round(size * side / short))) for side in kept]
    box = (left, top, left + kept[0], top + kept[1])
    whole = extent == image.size == tuple(shape)
    return image if whole else image.resize((shape[0], shape[1]), Image.Resampling.BICUBIC, box, REDUCING_GAP)


def _upright(image: Image.Image, turn: Image.Transpose | None) -> Pixels:
    """Return the pixels, turned, in RGB, on white."""
    if turn is not None:
        image = image.transpose(turn)
    if image.mode == "RGBa":
        layers = np.asarray(image).astype(np.uint16)
        on_white: Pixels = np.minimum(layers[..., :3] + (255 - layers[..., 3:]), 255).astype(np.uint8)
        return on_white
    return np.array(image if image.mode == "RGB" else image.convert("RGB"))


def _turn(image: Image.Image) -> Image.Transpose | None:
    """Return the transposition to upright orientation; damaged orientation metadata is ignored."""
    try:
        return _TURNS.get(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # a hostile file may cause any exception
        return None
