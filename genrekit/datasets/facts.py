"""Facts about examples by which data sets are checked: hashes, durations and sizes.

Songs are compared by their samples at 22,050 Hz, mono, rounded to 16 bits, so that a wav file equals its flac copy, but
not an mp3 copy. Pictures are compared at 64 pixels, so that a png file equals its lossless webp copy, but not a jpeg
copy. Rows and spectrograms are equal if all numbers are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from genrekit.errors import MediaError
from genrekit.hashing import hash_array, hash_bytes, hash_file
from genrekit.media import images, read
from genrekit.remote import fetched
from genrekit.types import Example

SR = 22_050
PICTURE_SIZE = 64  # size at which pictures are compared; smaller ones are reported


@dataclass(frozen=True)
class Facts:
    """Facts about one example; hashes are empty if they do not apply.

    Attributes
    ----------
    bytes_hash, content_hash : str
        SHA-256 of the file, and of its decoded content.
    duration_s : float or None
        Duration of a song without silence, in seconds.
    pixels : (int, int) or None
        Width and height of a picture.
    empty : bool
        Whether there is no sound, or only one colour.
    flaws : tuple of str
        Parts of a song that were not decoded, or not as usual.
    """

    bytes_hash: str = ""
    content_hash: str = ""
    duration_s: float | None = None
    pixels: tuple[int, int] | None = None
    empty: bool = False
    flaws: tuple[str, ...] = ()


def read_facts(example: Example) -> Facts:
    """Read one example as far as its kind allows.

    Raises
    ------
    MediaError
        If the file cannot be read or decoded.
    """
    if example.row is not None:
        return Facts(content_hash=hash_bytes(np.array(list(example.row.values()), dtype="<f8").tobytes()))
    if example.array is not None:
        return Facts(
            content_hash=hash_array(example.array), empty=bool(example.array.min() == example.array.max())
        )
    if example.address is not None:
        with fetched(example.address) as path:
            return read_facts(replace(example, path=path, address=None))
    assert example.path is not None
    sound = read(example.path, sr=SR, offset_s=example.offset_s, duration_s=example.duration_s)
    samples = np.round(np.clip(sound.y, -1, 1) * 32767).astype("<i2")
    return Facts(
        _bytes_hash(example),
        hash_bytes(samples.tobytes()),
        sound.sounding_s,
        empty=sound.is_silent,
        flaws=sound.flaws,
    )


def _bytes_hash(example: Example) -> str:
    assert example.path is not None
    try:
        return hash_file(example.path)
    except OSError as error:
        raise MediaError(f"cannot be read: {error.strerror}") from error


def picture_facts(example: Example) -> Facts:
    """Decode one picture.

    Raises
    ------
    MediaError
        If the file cannot be read or decoded.
    """
    assert example.path is not None
    header = images.info(example.path)
    picture = images.load(example.path, size=PICTURE_SIZE)
    return Facts(
        _bytes_hash(example),
        hash_array(picture),
        pixels=(header.width, header.height),
        empty=bool((picture == picture[0, 0]).all()),
    )
