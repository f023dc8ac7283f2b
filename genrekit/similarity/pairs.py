"""Near-identical songs: pairs with almost equal vectors and equal length."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from genrekit.similarity.rows import Row, Rows
from genrekit.similarity.searching import Index

SAME = 0.995
"""Cosine from which two songs are near-identical."""
SAME_S = 2.0
"""Largest difference of their lengths in seconds."""
_ROWS = 1024


@dataclass(frozen=True, slots=True)
class Pair:
    """Two rows that are near-identical.

    Attributes
    ----------
    input, other : str
        Their names.
    score : float
        Cosine of the centred vectors.
    identical : bool
        Whether the encoded sound, or the whole file, is the same.
    length_s, other_length_s : float or None
    path, other_path : str or None
    """

    input: str
    other: str
    score: float
    identical: bool
    length_s: float | None = None
    other_length_s: float | None = None
    path: str | None = None
    other_path: str | None = None


def duplicates(index: Index, *, least: float = SAME, length_s: float = SAME_S) -> Iterator[Pair]:
    """Find pairs of near-identical rows, by comparing all with all.

    Parameters
    ----------
    index : Index
    least : float in [-1, 1]
        Cosine from which two are near-identical.
    length_s : float >= 0
        Largest difference of their lengths in seconds; unknown lengths are equal.

    Yields
    ------
    Pair
        The row with the lower id first; by its id.
    """
    with Rows(index.folder) as rows:
        for i, j, score in _close(index, least):
            named = rows.get([int(index.ids[i]), int(index.ids[j])])
            if len(named) == 2:
                one, other = named.values()
                if _same_length(one, other, length_s):
                    yield _pair(one, other, score)


def _close(index: Index, least: float) -> Iterator[tuple[int, int, float]]:
    """Yield positions of pairs with a large cosine."""
    n = len(index)
    for start in range(0, n, _ROWS):
        first = index.directions(index.vectors[index.places[start : start + _ROWS]]).astype(np.float32)
        found: list[tuple[int, int, float]] = []
        for other in range(start, n, _ROWS):
            second = first if other == start else index.directions(
                index.vectors[index.places[other : other + _ROWS]]
            ).astype(np.float32)  # fmt: skip
            cosines = first @ second.T
            for i, j in np.argwhere(cosines >= least).tolist():
                if start + i < other + j:
                    found.append((start + i, other + j, float(cosines[i, j])))
        yield from sorted(found)


def _same_length(one: Row, other: Row, length_s: float) -> bool:
    return one.length_s is None or other.length_s is None or abs(one.length_s - other.length_s) <= length_s


def _pair(one: Row, other: Row, score: float) -> Pair:
    same_file = bool(one.sha256) and one.sha256 == other.sha256
    same_sound = bool(one.sound_key) and one.sound_key == other.sound_key
    return Pair(
        input=one.name,
        other=other.name,
        score=round(min(score, 1.0), 6),
        identical=same_file or same_sound,
        length_s=one.length_s,
        other_length_s=other.length_s,
        path=one.path,
        other_path=other.path,
    )
