"""Pictures as pixels: from a file of any common format to 8-bit RGB of one size.

Colour profiles are not applied: what they change says little about a genre, and they are programs of strangers.
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

MIN_SIDE = 16  # an icon; less is a tracking pixel or a ruler, and whatever was answered would be made up
MAX_SIZE = 4096
MAX_ASPECT = 2

# Decoded so many times as large as asked for, where a decoder can scale or whole pixels are averaged, before the
# exact filter: from 2 on the difference cannot be seen (Pillow's documentation of Image.thumbnail).
_GAP = 2
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
    """What a file's header says; nothing is decoded.

    Attributes
    ----------
    width, height : int
        In pixels, as they are stored: a photo that is to be turned has them the other way round.
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
        If the file cannot be opened, is no picture, or is larger than the limits.
    """
    with open_regular(path) as file, quiet_pillow:
        kind, image = open_image(file)
        return ImageInfo(image.width, image.height, kind, image.mode)


def load(path: AnyPath, *, size: int | None) -> Pixels:
    """Decode a picture, upright, its shorter side ``size`` pixels long, or at its own size.

    The longer side keeps the proportion, up to twice ``size``: of a longer picture the middle is kept. Smaller
    pictures are enlarged. Of an animation the first frame is taken, what is transparent lies on white, 16 bits a
    channel become 8. The filter is bicubic, as wide as the reduction asks for: a plain average blurs, Lanczos
    takes half as long again and rings around the hard edges that covers are full of. Large jpegs are decoded at
    1/2, 1/4 or 1/8 of their size right away.

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
        If the file is missing, not regular, not readable, no known picture format, damaged, cut off, over the
        limits, less than 16 pixels wide or high, or of a pixel format or kind that is not read.
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
                f"The picture has {sides(image)} pixels; at least {MIN_SIDE} each way are expected."
            )
        drafted = None
        if kind == "jpeg":
            if has_many_scans(content):
                raise MediaError(f"The jpeg is made of more than {MAX_SCANS} scans.", "Save it again.")
            drafted = image.draft(None, (_GAP * size, _GAP * size)) if size else None
        try:
            with quiet_stderr if kind == "tiff" else nullcontext():
                image = _decoded(image, kind, content, size)
            # the last row and column of a scaled jpeg may stand for less than a whole pixel
            extent = drafted[1][2:] if drafted else image.size
            plain = _plain(image, kind)
            return _upright(_resized(plain, extent, size) if size else plain, _turn(image))
        except MediaError:
            raise
        except MemoryError:
            raise MediaError(f"There is too little memory for {sides(image)} pixels.") from None
        except Exception as error:  # Pillow's share no narrower base, and a hostile file may cause any
            raise damaged(kind, error) from None


def _decoded(image: ImageFile.ImageFile, kind: str, content: bytes, size: int | None) -> ImageFile.ImageFile:
    """The picture with its pixels; a jpeg that lacks its end and no pixel is read all the same."""
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
                picture.draft(None, (_GAP * size, _GAP * size))
            picture.load()
            if pictures and picture.tobytes() != pictures[0].tobytes():
                raise
            pictures = [picture]
        if not pictures:
            raise
        return pictures[0]


def _plain(image: Image.Image, kind: str) -> Image.Image:
    """The picture in a mode that can be filtered, 8 bits a channel; with transparency premultiplied, as RGBa."""
    if image.mode.startswith("I;16") or (image.mode == "I" and kind == "png"):
        return _eight_bits(image)
    if image.has_transparency_data:
        return (image if image.mode == "RGBA" else image.convert("RGBA")).convert("RGBa")
    if image.mode in ("L", "RGB", "CMYK", "YCbCr"):
        return image
    if image.mode in ("1", "P", "RGBX"):
        return image.convert("L" if image.mode == "1" else "RGB")
    raise MediaError(
        f"The {kind} has pixels of the kind {image.mode}, which is not read.",
        "Save it as RGB, 8 bits a channel.",
    )


def _eight_bits(image: Image.Image) -> Image.Image:
    """A grey picture of 12 or 16 bits with the upper 8; Pillow inverts those whose 0 is white up to 8 bits only."""
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
    return image if whole else image.resize((shape[0], shape[1]), Image.Resampling.BICUBIC, box, _GAP)


def _upright(image: Image.Image, turn: Image.Transpose | None) -> Pixels:
    """The pixels, turned, in RGB, on white."""
    if turn is not None:
        image = image.transpose(turn)
    if image.mode == "RGBa":
        layers = np.asarray(image).astype(np.uint16)
        on_white: Pixels = np.minimum(layers[..., :3] + (255 - layers[..., 3:]), 255).astype(np.uint8)
        return on_white
    return np.array(image if image.mode == "RGB" else image.convert("RGB"))


def _turn(image: Image.Image) -> Image.Transpose | None:
    """How a decoded picture is brought upright; damage in what says so is no damage to the picture."""
    try:
        return _TURNS.get(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # a hostile file may cause any
        return None
