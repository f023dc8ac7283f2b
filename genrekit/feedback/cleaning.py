"""Files as they are kept: without metadata, with their hash."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from genrekit.hashing import hash_file
from genrekit.media import clean_image, clean_sound, modality
from genrekit.types import Modality

ROW = ".json"
"""Suffix of a row of numbers."""


@dataclass(frozen=True)
class Cleaned:
    """A file that can be kept.

    Attributes
    ----------
    path : Path
    suffix : str
        Of its format.
    sha256 : str
    size : int
        In bytes.
    """

    path: Path
    suffix: str
    sha256: str
    size: int


def clean(item: tuple[Path, Path, str]) -> Cleaned:
    """Write a song or a picture without its metadata; a row of numbers stays as it is.

    Parameters
    ----------
    item : (Path, Path, str)
        The file, the file to write, and the suffix that the first is known by.

    Raises
    ------
    MediaError
        If it cannot be read, or its metadata cannot be removed.
    """
    source, target, named = item
    if named == ROW:
        path, suffix = source, ROW
    else:
        remove = clean_image if modality(source) is Modality.IMAGE else clean_sound
        path, suffix = target, remove(source, target)
    return Cleaned(path, suffix, hash_file(path), path.stat().st_size)
