"""What names mean: files whose bytes are no UTF-8, slices of a track, words for the sides of a split."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from genrekit.labels import normalise
from genrekit.text import printable as printable
from genrekit.text import quote_all as quote_all

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
    """Say whether a name is one of several slices of a track, as in ``blues.00000.1.wav``."""
    return bool(_SLICE.fullmatch(name.rpartition(".")[0]))


def read_labels(text: str) -> tuple[str, ...]:
    """Return the labels of a cell or folder name, ``|`` between several, each once."""
    labels = (normalise(printable(part)) for part in text.split("|"))
    return tuple(dict.fromkeys(label for label in labels if label))


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known word that is spelt most like ``word``, or ''."""
    return next(iter(difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)), "")
