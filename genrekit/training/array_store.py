"""Arrays of a data set, in memory up to a limit, beyond it in a memory-mapped file."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import IO

import numpy as np

from genrekit.errors import DatasetError

MEMORY_BYTES = 1 << 30


class ArrayStore:
    """A store that returns arrays in the order in which they were added.

    Beyond ``memory_bytes`` they are written to an unnamed temporary file, which the system removes when it is closed.

    Parameters
    ----------
    folder : Path, optional
        Folder of the temporary file; the system's by default.
    memory_bytes : int >= 0

    Attributes
    ----------
    used_bytes : int
        Size of all arrays.
    """

    def __init__(self, folder: Path | None = None, *, memory_bytes: int = MEMORY_BYTES) -> None:
        self._folder = folder if folder and folder.is_dir() else None
        self._memory_bytes = memory_bytes
        self._kept: list[np.ndarray] = []
        self._file: IO[bytes] | None = None
        self._filed: list[tuple[int, tuple[int, ...], np.dtype[np.generic]]] = []
        self.used_bytes = self._end = 0

    def put(self, values: np.ndarray) -> None:
        """Add an array.

        Raises
        ------
        DatasetError
            If the disk is full.
        """
        self.used_bytes += values.nbytes
        if self.used_bytes <= self._memory_bytes:
            self._kept.append(values)
            return
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=self._folder, buffering=0)  # noqa: SIM115 - closed in `arrays`
            rest = np.ascontiguousarray(values).reshape(-1).view(np.uint8)
            # An unbuffered file may write partially; a buffered one reports a full disk too late.
            while len(rest):
                rest = rest[self._file.write(rest.data) :]
        except OSError as error:
            if self._file:
                self._file.close()
            raise DatasetError(
                f"The prepared examples do not fit on the disk: {error.strerror}, after {self._end / 1e9:.1f} GB.",
                "Free some space, or set GENREKIT_CACHE_DIR to a folder on a larger disk.",
            ) from None
        self._filed.append((self._end, values.shape, values.dtype))
        self._end += values.nbytes

    def arrays(self) -> list[np.ndarray]:
        """Return all arrays, in order; those in the file are read on access."""
        if self._file is None:
            return self._kept
        with self._file:  # the mapping outlives it
            whole = np.memmap(self._file, dtype=np.uint8, mode="r")
        return self._kept + [
            whole[at : at + int(np.prod(shape)) * dtype.itemsize].view(dtype).reshape(shape)
            for at, shape, dtype in self._filed
        ]
