"""Content keys of examples without their files: of a spectrogram, and of a name that identifies a track."""

from __future__ import annotations

import re
import unicodedata

from genrekit.datasets import GENRES, REPEATS, track_of
from genrekit.hashing import hash_array, key_of
from genrekit.types import Example

_GTZAN = re.compile(rf"(?:{'|'.join(GENRES)})\.\d{{5}}")
# Names that very different things have: without these words and without digits, little is left of them.
_COMMON = re.compile(
    r"artist|audio|clip|csv|file|id|item|mp3|part|recording|row|sample|segment|song|sound|title|track|unknown|untitled|wav"
)
_LEAST_LETTERS = 4


def array_key(example: Example) -> int | None:
    """Return the key of an example that is an array; None for any other example."""
    return None if example.array is None else key_of(str(example.kind), hash_array(example.array).encode())


def name_key(example: Example, *, only_gtzan: bool = False) -> int | None:
    """Return the key of the track that an example's name means; a track of GTZAN that repeats another has the other's.

    Parameters
    ----------
    example : Example
    only_gtzan : bool
        Whether names that are not GTZAN's, ``blues.00012``, have none.

    Returns
    -------
    int or None
        From 0 to 2**56 - 1. None for a name that anything may have, as ``row 12`` or ``Track 01.mp3``.
    """
    name = unicodedata.normalize("NFC", track_of(example.id)).casefold()
    if not _GTZAN.fullmatch(name):
        rest = _COMMON.sub("", name)
        if only_gtzan or sum(letter.isalpha() for letter in rest) < _LEAST_LETTERS:
            return None
    name = REPEATS.get(name, name)
    return key_of("name", name.encode("utf-8", "surrogateescape"))
