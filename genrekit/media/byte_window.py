"""Bytes of a file by position, read in blocks: a memory map would crash the process if the file shrank meanwhile."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator

_BLOCK = 1 << 20


class ByteWindow:
    """Read-only access to a file; reading beyond its end returns fewer bytes and is not an error.

    Parameters
    ----------
    file : io.FileIO
        The file; its position changes.

    Attributes
    ----------
    size : int
        Size of the file in bytes.
    """

    def __init__(self, file: io.FileIO) -> None:
        self._file = file
        self.size = os.fstat(file.fileno()).st_size
        self._base, self._bytes = 0, b""

    def at(self, place: int, n: int) -> bytes:
        """Read up to ``n`` bytes; fewer at the end of the file.

        Parameters
        ----------
        place : int >= 0
            Position of the first byte.
        n : int >= 0

        Returns
        -------
        bytes
        """
        start = place - self._base
        if not 0 <= start <= start + n <= len(self._bytes):
            self._base, self._bytes = place, self._read(place, max(n, 4096))
            start = 0
        return self._bytes[start : start + n]

    def block(self, place: int) -> bytes:
        """Read a MiB, or less at the end of the file."""
        return self._read(place, _BLOCK)

    def find(self, pattern: bytes, place: int) -> int:
        """Find the next occurrence of a pattern, in bounded memory; -1 if there is none.

        Parameters
        ----------
        pattern : bytes
        place : int >= 0
            Position at which the search starts.

        Returns
        -------
        int
            Position of the occurrence.
        """
        for base, block in self._blocks(place, len(pattern) - 1):
            if (found := block.find(pattern)) >= 0:
                return base + found
        return -1

    def _blocks(self, place: int, overlap: int) -> Iterator[tuple[int, bytes]]:
        while len(block := self.block(place)) > overlap:
            yield place, block
            place += len(block) - overlap

    def _read(self, place: int, n: int) -> bytes:
        if place >= self.size:
            return b""
        self._file.seek(place)
        return self._file.read(n) or b""
