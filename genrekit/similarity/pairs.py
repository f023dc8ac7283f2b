"""Near-identical songs: pairs with close vectors, equal length and the same course."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from genrekit.similarity.course import courses
from genrekit.similarity.rows import Row, Rows
from genrekit.similarity.searching import Index

CLOSE = 0.93
"""Cosine of centred embeddings from which two songs with the same course are near-identical."""
SAME_COURSE = 0.48
"""Correlation of courses from which they are the same."""
SAME = 0.995
"""Cosine from which two inputs without a course are near-identical."""
SAME_S = 2.0
"""Largest difference of lengths in seconds."""
_ROWS = 1024


@dataclass(frozen=True, slots=True)
class Pair:
    """Two rows that are near-identical.

    Attributes
    ----------
    input, other : str
        Their names.
    score : float
        Cosine of the centred vectors without their timbre part, which changes when an encoder cuts off high frequencies.
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


def duplicates(index: Index) -> Iterator[Pair]:
    """Find pairs of near-identical rows, by comparing all with all.

    Songs are near-identical if the cosine of their embeddings is at least `CLOSE`, their lengths differ by at most `SAME_S`
    and their courses (`genrekit.similarity.course`) correlate with at least `SAME_COURSE`; pictures, rows of tables and songs
    of a model that sees no spectrogram if the cosine is at least `SAME`. Chosen and measured on re-encoded and trimmed copies
    of songs of different artists: docs/similar.md.

    Parameters
    ----------
    index : Index

    Yields
    ------
    Pair
        The row with the lower id first, in the order of ids.
    """
    with Rows(index.folder) as rows:
        facts = rows.for_pairs()
        known = [facts.get(id, (None, b"")) for id in index.ids.tolist()]
        lengths = np.array([np.nan if length_s is None else length_s for length_s, _ in known])
        shapes = courses([course for _, course in known])
        for i, j, score in _close(index, lengths, shapes):
            named = rows.get([int(index.ids[i]), int(index.ids[j])])
            if len(named) == 2:
                one, other = named.values()
                yield _pair(one, other, score)


def _close(index: Index, lengths: np.ndarray, shapes: np.ndarray) -> Iterator[tuple[int, int, float]]:
    """Yield positions of near-identical pairs with their cosines, block by block."""
    n = len(index)
    has_course: np.ndarray = np.asarray(shapes.any(axis=1))
    for start in range(0, n, _ROWS):
        first = _directions(index, start)
        found: list[tuple[int, int, float]] = []
        for other in range(start, n, _ROWS):
            cosines = first @ (first if other == start else _directions(index, other)).T
            at, to = np.nonzero(cosines >= CLOSE)
            i, j = at + start, to + other
            with_course = has_course[i] & has_course[j]
            same = (shapes[i] * shapes[j]).sum(axis=1) >= SAME_COURSE
            other_length = np.abs(lengths[i] - lengths[j]) > SAME_S  # an unknown length is NaN, and equal
            near: np.ndarray = np.where(with_course, same, cosines[at, to] >= SAME)
            near = near.astype(bool) & (i < j) & np.logical_not(other_length)
            found += zip(i[near].tolist(), j[near].tolist(), cosines[at, to][near].tolist(), strict=True)
        yield from sorted(found)


def _directions(index: Index, start: int) -> np.ndarray:
    vectors = index.vectors[index.places[start : start + _ROWS]]
    return index.directions(vectors, timbre=False).astype(np.float32)


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
