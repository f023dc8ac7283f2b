"""Meaning of names: slices of a track, words for splits, spellings of a group."""

from __future__ import annotations

import re

from genrekit.errors import DatasetError
from genrekit.text import known, printable, visible

SPLIT_WORDS = {
    "train": "train",
    "training": "train",
    "valid": "valid",
    "val": "valid",
    "validation": "valid",
    "dev": "valid",
    "test": "test",
}

_SLICE = re.compile(r"(?P<track>.+\.\d{5})\.\d{1,5}")
_BARE_TRACK = re.compile(r"[^.]+\.\d{5}")


def track_of(name: str) -> str:
    """Return the track that a file or row name belongs to: its stem without a slice number.

    The Kaggle GTZAN tables name slice 1 of track ``blues.00000`` ``blues.00000.1.wav``.

    Examples
    --------
    >>> track_of("blues.00000.1.wav"), track_of("blues/blues.00000.wav"), track_of("song.1.wav")
    ('blues.00000', 'blues.00000', 'song.1')
    >>> track_of("blues.00000")
    'blues.00000'
    """
    base = name.replace("\\", "/").rsplit("/", 1)[-1]
    if _BARE_TRACK.fullmatch(base):
        return base
    stem, dot, _ = base.rpartition(".")
    stem = stem if dot else base
    match = _SLICE.fullmatch(stem)
    return match["track"] if match else stem


def is_slice(name: str) -> bool:
    """Return whether a name is a slice of a track, as in ``blues.00000.1.wav``."""
    return bool(_SLICE.fullmatch(name.rpartition(".")[0]))


def read_split(text: str, where: str) -> str | None:
    """Return the split that a cell names; None for an empty cell and for words for missing.

    Parameters
    ----------
    text : str
        The cell.
    where : str
        Position of the cell, with which the error begins: 'list.csv, row 3'.

    Raises
    ------
    DatasetError
        If it is another word.

    Examples
    --------
    >>> read_split(" Training ", "row 2"), read_split("nan", "row 3")
    ('train', None)
    """
    word = known(text).casefold()
    if word and word not in SPLIT_WORDS:
        raise DatasetError(
            f"{where}: '{visible(printable(text[:40]))}' in the split column is not a split.",
            "Allowed are train, valid (also val, validation, dev) and test, or an empty cell.",
        )
    return SPLIT_WORDS.get(word)


class Groups:
    """Reader of group names: spellings that look alike, or differ in case, are one group.

    Examples
    --------
    >>> groups = Groups()
    >>> groups.read("Björk"), groups.read("Bjo\\u0308rk "), groups.read("BJÖRK"), groups.read("N/A")
    ('Björk', 'Björk', 'Björk', '')
    """

    def __init__(self) -> None:
        self._first: dict[str, str] = {}

    def read(self, text: str) -> str:
        """Return the group of a cell in its first spelling; '' if the cell names none."""
        name = known(printable(text))
        return self._first.setdefault(name.casefold(), name)
