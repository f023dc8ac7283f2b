"""Writing of an index: a lock, vectors at the end of a file, and rows that name only vectors that are on the disk.

Vectors are written and flushed to the disk before the transaction with their rows is committed. What an interruption leaves
behind the last vector that a commit counted is cut off when the index is opened again.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np
from filelock import FileLock, Timeout

from genrekit.errors import DatasetError, OutputExistsError, UsageError
from genrekit.files import naming
from genrekit.similarity.facts import FACTS, ROWS, VECTORS, Facts, read_facts, write_facts
from genrekit.similarity.mean import mean_and_scale
from genrekit.similarity.rows import Row, Rows

LOCK = ".lock"
_OURS = (FACTS, VECTORS, ROWS, f"{ROWS}-journal", LOCK)
_BATCH, _BATCH_S = 256, 1.0


class Writer:
    """An index that is open for writing; a context manager that commits at its end.

    Parameters
    ----------
    folder : Path
        Created if missing.
    facts : Facts
        The facts of a new index; an existing one must be of the same model.
    resume : bool
        Whether to go on with an index whose writing was interrupted.
    overwrite : bool
        Whether to remove an existing index first.

    Raises
    ------
    OutputExistsError
        If the folder holds other things, or an interrupted index without ``resume``, or another process is writing it.
    UsageError
        If it cannot be written.
    DatasetError
        If it is damaged.
    """

    def __init__(self, folder: Path, facts: Facts, *, resume: bool = False, overwrite: bool = False) -> None:
        self.folder = folder
        self._is_new = not folder.exists()
        self._lock = _lock(folder)
        try:
            if overwrite:
                _clear(folder)
            if (folder / FACTS).exists():
                self.facts = _checked(folder, facts, resume)
            else:
                for name in (
                    VECTORS,
                    ROWS,
                    f"{ROWS}-journal",
                ):  # of a run that was stopped before it wrote its facts
                    (folder / name).unlink(missing_ok=True)
                self.facts = facts
            self.rows = Rows(folder, write=True)
            self.n_vectors = self.rows.vectors
            self._file = _open_vectors(folder / VECTORS, self.n_vectors, self.facts.size)
            write_facts(folder, self.facts.model_copy(update={"finished": False}))
        except BaseException:
            self._lock.release()
            raise
        self._waiting, self._since = 0, time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None or not issubclass(kind, OSError | DatasetError):
                self.commit()
        finally:
            self._file.close()
            empty = not len(self.rows)
            self.rows.__exit__()
            if empty and self._is_new:
                _clear(self.folder)
            self._lock.release()
            if empty and self._is_new:
                (self.folder / LOCK).unlink(missing_ok=True)
                self.folder.rmdir()

    def add(self, row: Row, vector: np.ndarray | None = None) -> None:
        """Add or replace a row; a vector [shape=(size,)] goes to the end of the file, without one the row names its own."""
        if vector is not None:
            with naming(self.folder / VECTORS):
                self._file.write(np.ascontiguousarray(vector, dtype="<f4").tobytes())
            self.n_vectors += 1
        self.rows.put(row)
        self._waiting += 1
        if self._waiting >= _BATCH or time.monotonic() - self._since > _BATCH_S:
            self.commit()

    def commit(self) -> None:
        """Bring what was added to the disk."""
        with naming(self.folder / VECTORS):
            self._file.flush()
            os.fsync(self._file.fileno())
        self.rows.commit(self.n_vectors)
        self._waiting, self._since = 0, time.monotonic()

    def finish(self) -> None:
        """Compute the mean of all vectors, and mark the index as finished."""
        self.commit()
        mean, scale = mean_and_scale(self.folder, self.facts, [place for _, place in self.rows.places()])
        write_facts(
            self.folder, self.facts.model_copy(update={"finished": True, "mean": mean, "scale": scale})
        )


def _lock(folder: Path) -> FileLock:
    if folder.exists() and not folder.is_dir():
        raise OutputExistsError(f"{folder} is a file; an index is a folder.", "Choose another --output.")
    known = {*_OURS, *(path.name for path in folder.glob(".index-*"))} if folder.is_dir() else set()
    if folder.is_dir() and not (folder / FACTS).exists() and {path.name for path in folder.iterdir()} - known:
        raise OutputExistsError(
            f"{folder} is a folder with other things in it, not an index.",
            "Choose a new name: --output music.index",
        )
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        folder.mkdir(exist_ok=True)
        lock.acquire()
    except Timeout:
        raise OutputExistsError(
            f"Another 'genrekit index' is writing {folder}.", "Wait for it, or choose another --output."
        ) from None
    except FileNotFoundError:
        raise UsageError(
            f"There is no folder {folder.parent} for the index.", "Make it, or choose another --output."
        ) from None
    except OSError as error:
        raise UsageError(
            f"{folder} cannot be written: {error.strerror or error}.",
            "Choose an --output on a disk that can be written; the music itself is only read.",
        ) from None
    return lock


def _checked(folder: Path, new: Facts, resume: bool) -> Facts:
    facts = read_facts(folder)
    if facts.model_sha256 != new.model_sha256:
        raise UsageError(
            f"{folder} was made with the model {facts.model!r} (sha256 {facts.model_sha256[:12]}), not with {new.model!r} "
            f"(sha256 {new.model_sha256[:12]}).",
            "Choose another --output, or use --overwrite to make it anew.",
        )
    if not facts.finished and not resume:
        raise OutputExistsError(
            f"{folder} is not finished: its run was interrupted.",
            "Use --resume to go on with it, or --overwrite to make it anew.",
        )
    return facts.model_copy(update={"model_path": new.model_path})


def _clear(folder: Path) -> None:
    """Remove the files of an index, and nothing else."""
    for path in [*(folder / name for name in _OURS if name != LOCK), *folder.glob(".index-*")]:
        path.unlink(missing_ok=True)


def _open_vectors(path: Path, n: int, size: int) -> BinaryIO:
    """Open the file of vectors at its end, without what was never counted."""
    file = path.open("r+b" if path.exists() else "w+b")
    n_bytes = 4 * n * size
    if (found := file.seek(0, os.SEEK_END)) < n_bytes:
        file.close()
        raise DatasetError(
            f"{path} is damaged: it has {found:,} bytes, and {n:,} vectors need {n_bytes:,}.",
            "Make the index again: genrekit index ... --overwrite",
        )
    file.truncate(n_bytes)
    file.seek(n_bytes)
    return file
