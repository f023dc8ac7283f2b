"""The mean by which the vectors of an index are centred, and the scale of features and of timbres."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from genrekit.errors import DatasetError
from genrekit.features import TIMBRE_SIZE
from genrekit.similarity.facts import VECTORS, Facts

BLOCK_BYTES = 4 << 20


def open_vectors(folder: Path, n: int, size: int) -> np.ndarray:
    """Map the vectors of an index.

    Parameters
    ----------
    folder : Path
    n, size : int
        Number of vectors, and of numbers per vector.

    Returns
    -------
    np.ndarray [shape=(n, size), dtype=float32]
        Read only.

    Raises
    ------
    DatasetError
        If the file is missing or too short.
    """
    path = folder / VECTORS
    try:
        found = path.stat().st_size
        if found >= 4 * n * size:
            return np.memmap(path, "<f4", "r", shape=(n, size)) if n else np.empty((0, size), np.float32)
        words = f"it has {found:,} bytes, and {n:,} vectors need {4 * n * size:,}"
    except OSError as error:
        words = error.strerror or str(error)
    raise DatasetError(f"{path} is damaged: {words}.", "Make the index again: genrekit index ... --overwrite")


def blocks(vectors: np.ndarray) -> Iterator[slice]:
    """Yield slices of rows of bounded memory."""
    step = max(1, BLOCK_BYTES // (4 * vectors.shape[1]))
    for start in range(0, len(vectors), step):
        yield slice(start, min(len(vectors), start + step))


def mean_and_scale(
    folder: Path, facts: Facts, places: Sequence[int] | np.ndarray
) -> tuple[list[float] | None, list[float] | None]:
    """Compute the mean of vectors, and what to divide them by; missing numbers do not count.

    Features are divided by their standard deviations. Embeddings with a timbre: the embedding by its root mean square distance
    from the mean, the numbers of the timbre by their standard deviations and the root of how many they are.

    Parameters
    ----------
    folder : Path
    facts : Facts
    places : sequence of int
        Places of the vectors of all rows; one that several rows share counts once.

    Returns
    -------
    mean, scale : list of float or None
        None where there are no vectors; the scale is None for embeddings without a timbre, and for scores.
    """
    used = np.unique(np.asarray(places, dtype=np.int64))
    if not len(used):
        return None, None
    vectors = open_vectors(folder, int(used[-1]) + 1, facts.size)
    first = np.nan_to_num(vectors[used[0]].astype(np.float64))  # sums of differences to it lose nothing
    count, total, squares = np.zeros((3, facts.size))
    for rows in blocks(vectors):
        block = vectors[used[(used >= rows.start) & (used < rows.stop)]] - first
        there = ~np.isnan(block)
        block = np.where(there, block, 0.0)
        count += there.sum(axis=0)
        total += block.sum(axis=0)
        squares += (block * block).sum(axis=0)
    count = np.maximum(count, 1)
    mean = (first + total / count).tolist()
    if facts.vectors not in ("features", "sound"):
        return mean, None
    deviation = np.sqrt(np.maximum(squares / count - (total / count) ** 2, 0.0))
    if facts.vectors == "sound":  # both parts have the same mean square distance from the mean
        n = facts.size - TIMBRE_SIZE
        deviation[:n] = np.linalg.norm(deviation[:n])
        deviation[n:] *= np.sqrt(TIMBRE_SIZE)
    return mean, np.where(deviation > 0, deviation, 1.0).tolist()
