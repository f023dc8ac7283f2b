"""Windows of several preparations of one example, joined into rows that are stored and scored as windows.

*Conventions.* A joined window belongs to one window of the first part, and holds that window and, of every other part, the
windows nearest to it in time: several where the other part has more of them, one that neighbours share where it has
fewer. It is a vector of float32: per part a header (number of windows, room for windows, shape of a window), followed by
the windows, filled up with zeros.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from genrekit.errors import BundleError
from genrekit.types import Windows


def join(parts: Sequence[Windows]) -> Windows:
    """Join the windows of several preparations of one example.

    Parameters
    ----------
    parts : sequence of Windows
        At least one.

    Returns
    -------
    Windows
        One per window of the first part, with its times; the notes of all parts.
    """
    first = parts[0]
    n = len(first.values)
    blocks = [_blocks(part.values, _nearest(first, part)) for part in parts]
    notes = dict.fromkeys(part.note for part in parts if part.note)
    return Windows(np.concatenate(blocks, axis=1).reshape(n, -1), first.times_s, "; ".join(notes))


def join_rows(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Join the windows of rows of a table, one per row and part.

    Parameters
    ----------
    parts : sequence of np.ndarray [shape=(n_rows, *shape)]

    Returns
    -------
    np.ndarray [shape=(n_rows, length), dtype=float32]
    """
    rows = [[k] for k in range(len(parts[0]))]
    return np.concatenate([_blocks(part, rows) for part in parts], axis=1)


def split(values: np.ndarray, ranks: Sequence[int]) -> Iterator[tuple[np.ndarray, list[np.ndarray]]]:
    """Take joined windows apart, in groups whose parts have the same numbers of windows.

    Parameters
    ----------
    values : np.ndarray [shape=(n, length)]
        Joined windows, of one example or of several.
    ranks : sequence of int
        Per part the number of axes of a window.

    Yields
    ------
    indices : np.ndarray [shape=(m,), dtype=int]
        Rows of ``values``.
    parts : list of np.ndarray [shape=(m, n_windows, *shape)]

    Raises
    ------
    BundleError
        If the rows are not joined windows of as many parts.
    """
    left = [np.arange(len(values))]
    while left:
        indices = left.pop()
        if not len(indices):
            continue
        rows = values[indices]
        at, parts, same = 0, [], np.ones(len(rows), dtype=bool)
        for rank in ranks:
            header = rows[0, at : at + 2 + rank]
            sizes = np.nan_to_num(header, nan=-1, posinf=-1).astype(np.int64)
            if len(header) < 2 + rank or (sizes < 1).any() or sizes[0] > sizes[1]:
                raise BundleError("The windows are not those of this combination.")
            same &= (rows[:, at : at + 2 + rank] == header).all(axis=1)
            at += 2 + rank
            shape = tuple(sizes[2:].tolist())
            length = int(np.prod(sizes[1:], dtype=np.float64))
            if at + length > rows.shape[1]:
                raise BundleError("The windows are not those of this combination.")
            block = rows[:, at : at + length].reshape(len(rows), int(sizes[1]), *shape)
            parts.append(block[:, : int(sizes[0])])
            at += length
        left.append(indices[~same])
        yield indices[same], [part[same] for part in parts]


def _nearest(first: Windows, part: Windows) -> list[list[int]]:
    """Return per window of the first part the windows of another part that are nearest to it in time."""
    n, m = len(first.values), len(part.values)
    if part is first:
        return [[k] for k in range(n)]
    if len(first.times_s) == n and len(part.times_s) == m:
        at, of = np.mean(first.times_s, axis=1), np.mean(part.times_s, axis=1)
    else:
        at, of = (np.arange(n) + 0.5) / n, (np.arange(m) + 0.5) / m
    distances = np.abs(of[:, None] - at[None, :])
    rows: list[list[int]] = [[] for _ in range(n)]
    for k, row in enumerate(distances.argmin(axis=1).tolist()):
        rows[row].append(k)
    return [row or [int(distances[:, i].argmin())] for i, row in enumerate(rows)]


def _blocks(values: np.ndarray, rows: Sequence[Sequence[int]]) -> np.ndarray:
    """Return a header and the chosen windows per row [shape=(n_rows, length), dtype=float32]."""
    shape = values.shape[1:]
    room = max((len(row) for row in rows), default=1)
    header = 2 + len(shape)
    found = np.zeros((len(rows), header + room * int(np.prod(shape))), dtype=np.float32)
    found[:, 0] = [len(row) for row in rows]
    found[:, 1] = room
    found[:, 2:header] = shape
    flat = values.reshape(len(values), -1)
    if room == 1:
        found[:, header:] = flat[[row[0] for row in rows]]
        return found
    for i, row in enumerate(rows):
        chosen = flat[list(row)].ravel()
        found[i, header : header + len(chosen)] = chosen
    return found
