"""A content-addressed store of prepared windows: the same bytes, backend and settings are prepared once.

An entry is three arrays in NumPy's own format, the windows, their times and the note in UTF-8, followed by a CRC-32 of them.
It appears complete or not at all, even if its writer is killed; an entry whose checksum is wrong counts as missing.
"""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
import time
import zlib
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from genrekit.files import NO_FOLDER, cache_folder
from genrekit.hashing import hash_json
from genrekit.types import Windows

log = logging.getLogger(__name__)

FORMAT = 3
MAX_BYTES = 4 * 2**30
SUFFIX = ".windows"
CRC_BYTES = 4
STALE_S = 3600.0
ENCODING = " encoding"
"""Behind the name of a backend: entries of windows that its network has encoded."""
ENTRY_BYTES = 4096  # headers and times of an entry; only songs of over four hours have more


class Cache:
    """A folder of prepared windows that any number of processes may use at once.

    A folder that cannot be written disables the cache, with one warning and no error.

    Parameters
    ----------
    folder : Path, optional
        Default: the environment variable ``GENREKIT_CACHE_DIR``, else the user's cache folder.
    max_bytes : int
        Size to which `prune` reduces the folder.
    enabled : bool, optional
        Default: True, unless the environment has ``GENREKIT_CACHE=off``.

    Attributes
    ----------
    enabled : bool
        Whether windows are stored and found.
    """

    def __init__(
        self, folder: Path | None = None, *, max_bytes: int = MAX_BYTES, enabled: bool | None = None
    ) -> None:
        self.max_bytes = max_bytes
        self.enabled = os.environ.get("GENREKIT_CACHE", "").lower() != "off" if enabled is None else enabled
        self.folder = folder or cache_folder()
        if self.enabled:
            try:
                if self.folder == NO_FOLDER:
                    raise FileNotFoundError(
                        "the user has no home folder; GENREKIT_CACHE_DIR can name another"
                    )
                self.folder.mkdir(parents=True, exist_ok=True)
                if not os.access(self.folder, os.W_OK | os.X_OK):
                    raise PermissionError(f"no permission to write into {self.folder}")
            except OSError as error:
                self._disable(error)

    def key(self, content: str, backend: str, feature_version: str, settings: Mapping[str, Any]) -> str:
        """Return the key of an entry as 64 hexadecimal digits.

        Parameters
        ----------
        content : str
            The SHA-256 of the file content.
        backend, feature_version : str
            As in ``BackendInfo``.
        settings : Mapping
            JSON-able values of all other things that ``prepare`` depends on.
        """
        return hash_json(
            {
                "format": FORMAT,
                "content": content,
                "backend": backend,
                "feature_version": feature_version,
                "settings": dict(settings),
            }
        )

    def get(self, key: str) -> Windows | None:
        """Return the windows of an entry, or None if it is missing; a damaged entry is removed."""
        if not self.enabled:
            return None
        path = self._path(key)
        try:
            windows = _read(path)
        except OSError:
            return None
        except ValueError:
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # the last use, for `prune`: times of access are off on many systems
        return windows

    def put(self, key: str, windows: Windows) -> None:
        """Store windows; a full or unwritable disk disables the cache, and raises nothing.

        Parameters
        ----------
        key : str
            As `Cache.key` returns it.
        windows : Windows
            The prepared windows of one input.
        """
        if not self.enabled:
            return
        path = self._path(key)
        try:
            path.parent.mkdir(exist_ok=True)
            _write(path, windows)
        except OSError as error:
            self._disable(error)

    def prune(self, at_least_bytes: int = 0) -> int:
        """Remove the least recently used entries until the rest fits ``max_bytes``; return how many were removed.

        Meant for the end of a run, since it inspects every entry. A run that needs more than ``max_bytes`` passes
        its need as ``at_least_bytes``, so that the next run finds the windows.
        """
        if not self.enabled:
            return 0
        entries = []
        now_s = time.time()
        for entry in self._files():
            with contextlib.suppress(OSError):  # another process was faster
                stat = entry.stat()
                if entry.name.endswith(SUFFIX):
                    entries.append((stat.st_mtime, stat.st_size, entry.path))
                elif entry.name.endswith(".tmp") and now_s - stat.st_mtime > STALE_S:
                    Path(entry.path).unlink()  # its writer was killed
        total_bytes = sum(size for _, size, _ in entries)
        removed = 0
        for _, size, path in sorted(entries):
            if total_bytes <= max(self.max_bytes, at_least_bytes):
                break
            with contextlib.suppress(OSError):
                Path(path).unlink()
                removed += 1
            total_bytes -= size
        return removed

    def _files(self) -> Iterator[os.DirEntry[str]]:
        for folder in self.folder.glob("??"):
            with contextlib.suppress(OSError), os.scandir(folder) as found:
                yield from found

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}{SUFFIX}"

    def _disable(self, error: OSError) -> None:
        self.enabled = False
        log.warning("Continuing without a cache: %s", error)


def _write(path: Path, windows: Windows) -> None:
    stream = BytesIO()
    npy.write_array(stream, np.ascontiguousarray(windows.values), allow_pickle=False)
    npy.write_array(stream, np.array(windows.times_s, np.float64).reshape(-1, 2), allow_pickle=False)
    npy.write_array(stream, np.frombuffer(windows.note.encode(), np.uint8), allow_pickle=False)
    body = stream.getbuffer()
    handle, temporary = tempfile.mkstemp(suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(body)
            file.write(zlib.crc32(body).to_bytes(CRC_BYTES, "little"))
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise


def _read(path: Path) -> Windows:
    """Read an entry.

    Raises
    ------
    OSError
        If it is missing or cannot be read.
    ValueError
        If it is damaged.
    """
    data = path.read_bytes()
    body, crc = memoryview(data)[:-CRC_BYTES], data[-CRC_BYTES:]
    if len(body) == 0 or zlib.crc32(body) != int.from_bytes(crc, "little"):
        raise ValueError(f"{path} is damaged")
    stream = BytesIO(body)
    values = npy.read_array(stream, allow_pickle=False)
    times_s = npy.read_array(stream, allow_pickle=False)
    note = npy.read_array(stream, allow_pickle=False).tobytes().decode()
    return Windows(values, tuple((start_s, end_s) for start_s, end_s in times_s.tolist()), note)
