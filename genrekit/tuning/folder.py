"""The folder of a search: ``NAME.tune/`` beside ``NAME.genrekit``, for one process at a time."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from genrekit.errors import OutputExistsError, TrainingError, UsageError

SUFFIX = ".tune"

JOURNAL, TABLE, RESULTS, REPORT, LOCK, PART = (
    "study.journal trials.csv results report.html lock trials.part".split()
)


def folder_of(output: Path) -> Path:
    """Return the folder of the study of a bundle."""
    return output.with_name(output.name.removesuffix(".genrekit") + SUFFIX)


@contextmanager
def locked(folder: Path, *, resume: bool, overwrite: bool) -> Iterator[None]:
    """Take the folder of a study for this process, new or as it is.

    Raises
    ------
    OutputExistsError
        If it exists, and neither resuming nor overwriting was asked for.
    UsageError
        If another process has it, or it is not the folder of a study.
    """
    names = {JOURNAL, TABLE, RESULTS, REPORT, LOCK, PART}
    if folder.exists() and (
        not folder.is_dir() or any(one.name not in names and one.suffix != ".png" for one in folder.iterdir())
    ):
        raise UsageError(f"{folder} holds files that are not of a search.", "Choose another --output.")
    try:
        folder.mkdir(exist_ok=True)
        lock = FileLock(folder / LOCK)
        lock.acquire(timeout=0)
    except Timeout:
        raise UsageError(
            f"Another process searches in {folder}.", "Wait until it ends, or choose another --output."
        ) from None
    except OSError as error:
        raise TrainingError(
            f"{folder} cannot be written: {error.strerror}.", "Choose another --output."
        ) from None
    try:
        if (folder / JOURNAL).exists() and not resume:
            if not overwrite:
                raise OutputExistsError(
                    f"{folder} holds a search.",
                    "Use --resume to continue it, --overwrite to start anew, or another --output.",
                )
            _clear(folder)
        yield
    finally:
        lock.release()


def _clear(folder: Path) -> None:
    for one in folder.iterdir():
        if one.is_dir():
            shutil.rmtree(one)
        elif one.name != LOCK:
            one.unlink()


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say what could not be written."""
    try:
        yield
    except OSError as error:
        raise TrainingError(
            f"{path} cannot be written: {error.strerror or error}.",
            "Free some space; --resume continues with the trials that were told.",
        ) from None


def remove_half_line(path: Path) -> None:
    """Remove what an interrupted process wrote of its last line."""
    if not path.exists():
        return
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if whole != data:
        path.write_bytes(whole)
