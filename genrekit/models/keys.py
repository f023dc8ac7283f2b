"""The content keys of what a model learnt: a member of its bundle, and the questions that it answers.

A key is 56 bits, ``genrekit.hashing.KEY_BYTES`` bytes: 100,000 examples of two keys each take 1.4 MB.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, save

from genrekit.errors import BundleError
from genrekit.hashing import KEY_BYTES

KEYS = "keys.safetensors"
"""The name of the member of a bundle."""

KINDS = ("sound", "picture", "row", "spectrogram", "name")
_COLUMNS = "row_columns"

Keys = npt.NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class LearntKeys:
    """Keys of the examples that a model learnt.

    Attributes
    ----------
    keys : Mapping of str to np.ndarray [dtype=uint64]
        Some of `KINDS`, each with its keys, sorted, each once.
    row_columns : tuple of int
        The features that the keys of rows are made of, by their place in the manifest's ``columns``: those that
        at least one learnt row had.
    """

    keys: Mapping[str, Keys]
    row_columns: tuple[int, ...] = ()

    def knows(self, keys: Iterable[tuple[str, int]]) -> bool:
        """Return whether any of some (kind, key) pairs is among them."""
        return any(self._has(kind, key) for kind, key in keys)

    def _has(self, kind: str, key: int) -> bool:
        known = self.keys.get(kind)
        if known is None:
            return False
        at = int(np.searchsorted(known, np.uint64(key)))
        return at < len(known) and int(known[at]) == key

    @property
    def counts(self) -> dict[str, int]:
        """Number of keys per kind."""
        return {kind: len(keys) for kind, keys in self.keys.items()}


def collect(keys: Iterable[tuple[str, int]], row_columns: tuple[int, ...] = ()) -> LearntKeys:
    """Sort keys, each with its kind, by kind and value.

    Parameters
    ----------
    keys : iterable of (str, int)
        Kind and value of each key; repetitions are dropped.
    row_columns : tuple of int
        Positions of the columns that keys of rows are made of.

    Returns
    -------
    LearntKeys
    """
    found: dict[str, set[int]] = {}
    for kind, key in keys:
        found.setdefault(kind, set()).add(key)
    return LearntKeys(
        {kind: np.array(sorted(found[kind]), np.uint64) for kind in KINDS if kind in found}, row_columns
    )


def dump_keys(learnt: LearntKeys) -> bytes:
    """Write keys as safetensors: an array of bytes [shape=(n, 7)] per kind, the highest byte first."""
    tensors = {
        kind: np.ascontiguousarray(keys.astype(">u8").view(np.uint8).reshape(-1, 8)[:, 8 - KEY_BYTES :])
        for kind, keys in learnt.keys.items()
    }
    if learnt.row_columns:
        tensors[_COLUMNS] = np.array(learnt.row_columns, np.int32)
    return bytes(save(tensors))


def loads(data: bytes) -> LearntKeys:
    """Read what `dumps` wrote; kinds of a later genrekit are left out.

    Raises
    ------
    BundleError
        If it is damaged.
    """
    try:
        tensors = load(data)
    except (SafetensorError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise BundleError(f"{KEYS} is damaged: {str(error)[:200]}.", "Get the file again.") from None
    keys = {kind: _unpacked(kind, tensors[kind]) for kind in KINDS if kind in tensors}
    columns = tensors.get(_COLUMNS, np.zeros(0, np.int32))
    if columns.dtype != np.int32 or columns.ndim != 1 or (columns < 0).any() or len(columns) > 10_000:
        raise BundleError(f"{KEYS} is damaged: {_COLUMNS} are not places of features.", "Get the file again.")
    return LearntKeys(keys, tuple(columns.tolist()))


def _unpacked(kind: str, packed: np.ndarray) -> Keys:
    if packed.dtype != np.uint8 or packed.ndim != 2 or packed.shape[1] != KEY_BYTES:
        raise BundleError(
            f"{KEYS} is damaged: {kind} is not a list of {KEY_BYTES} bytes each.", "Get the file again."
        )
    wide = np.zeros((len(packed), 8), np.uint8)
    wide[:, 8 - KEY_BYTES :] = packed
    keys = wide.view(">u8").reshape(-1).astype(np.uint64)
    if (keys[1:] <= keys[:-1]).any():
        raise BundleError(f"{KEYS} is damaged: {kind} is not sorted.", "Get the file again.")
    return keys
