"""The course of a song: how the level of four bands changes over sixteen parts of it, to tell near-copies from songs alike.

Two songs of one style have close embeddings; the courses of copies agree too, after another encoding or a trim, and those of
different songs do not.
"""

from __future__ import annotations

import numpy as np

from genrekit.prediction import Model

PARTS, BANDS = 16, 4
LENGTH = PARTS * BANDS
_SCALE = 127


def course_of(model: Model, windows: np.ndarray) -> bytes:
    """Return the course of a song.

    Parameters
    ----------
    model : Model
    windows : np.ndarray [shape=(n_windows, *shape)]
        All windows of the song.

    Returns
    -------
    bytes
        `LENGTH` numbers from -127 to 127; empty if the windows are not spectrograms, or the song is too short or does not
        change.
    """
    axes = model.picture_axes
    if axes is None or axes.seconds is None:
        return b""
    values = np.asarray(windows, dtype=np.float32)
    wanted = (0, *(() if axes.pieces is None else (1 + axes.pieces,)), 1 + axes.width, 1 + axes.height)
    rest = tuple(axis for axis in range(values.ndim) if axis not in wanted)
    values = values.mean(axis=rest, keepdims=True).transpose(*wanted, *rest)
    frames = values.reshape(-1, values.shape[len(wanted) - 1])
    if len(frames) < PARTS or frames.shape[1] < BANDS:
        return b""
    parts = np.stack([part.mean(axis=0) for part in np.array_split(frames, PARTS)])
    bands = np.stack([band.mean(axis=1) for band in np.array_split(parts, BANDS, axis=1)], axis=1)
    bands -= bands.mean(axis=0)
    deviation = bands.std(axis=0)
    bands = np.divide(bands, deviation, out=np.zeros_like(bands), where=deviation > 1e-3).ravel()
    largest = np.abs(bands).max()
    if not largest > 0:
        return b""
    steps: np.ndarray = np.rint(_SCALE * bands / largest).astype(np.int8)
    return steps.tobytes()


def courses(stored: list[bytes]) -> np.ndarray:
    """Return courses as vectors of length 1 [shape=(n, LENGTH), dtype=float32]; zeros for a song without one."""
    joined = b"".join(one if len(one) == LENGTH else bytes(LENGTH) for one in stored)
    found = np.frombuffer(joined, dtype=np.int8).reshape(-1, LENGTH).astype(np.float32)
    norms = np.linalg.norm(found, axis=1, keepdims=True)
    unit: np.ndarray = np.divide(found, norms, out=np.zeros_like(found), where=norms > 0)
    return unit
