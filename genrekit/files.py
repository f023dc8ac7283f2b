"""Opening a file that a person named: what can be wrong with it, in words."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from genrekit.errors import MediaError, OutputExistsError, UsageError

OF_WRITING = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
"""Error numbers of a write that fails for want of space or of a working disk."""


@contextmanager
def opening(path: str | bytes | os.PathLike[str] | os.PathLike[bytes]) -> Iterator[None]:
    """Look at a path before it is opened, and explain what goes wrong meanwhile.

    Raises
    ------
    MediaError
        If it is missing, not a regular file, or not readable.
    """
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - pathlib has no bytes
        if stat.S_ISDIR(mode):
            raise MediaError("The path is a directory, not a file.")
        if not stat.S_ISREG(mode):
            raise MediaError("The path is not a regular file but a pipe, socket or device.")
        yield
    except FileNotFoundError:
        raise MediaError("There is no such file.") from None
    except PermissionError:
        raise MediaError("There is no permission to read the file.") from None
    except (OSError, ValueError) as error:  # a ValueError is a NUL in the path
        words = getattr(error, "strerror", None) or error
        raise MediaError(f"The file cannot be opened ({words}).") from None


@contextmanager
def naming(name: str | os.PathLike[str]) -> Iterator[None]:
    """Give the file's name to errors of writing that carry none: a full disk, a quota, a limit on size.

    Raises
    ------
    OSError
        As it came, with ``filename``.
    """
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno in OF_WRITING:
            error.filename = os.fspath(name)
        raise


def check_output(output: Path | None, *, overwrite: bool, suffixes: tuple[str, ...] = ()) -> None:
    """Refuse an output that cannot be written or must not be, before the work and not after.

    Raises
    ------
    OutputExistsError
        If it is there, and overwriting was not asked for.
    UsageError
        If its folder is missing or not writable, it is a folder itself, or its suffix is not among ``suffixes``.
    """
    if output is None:
        return
    if output.is_dir():
        raise UsageError(
            f"{output} is a folder; an output is a file.", f"For example: --output {output / 'out'}"
        )
    if os.path.lexists(output) and not overwrite:
        raise OutputExistsError(f"{output} exists.", "Give --overwrite to replace it, or another --output.")
    if not output.parent.is_dir() or not os.access(output.parent, os.W_OK):
        raise UsageError(
            f"{output} cannot be written: there is no folder {output.parent}, or it is not writable."
        )
    if suffixes and output.suffix.lower() not in suffixes:
        raise UsageError(f"{output} has no suffix that says what to write.", f"Use {', '.join(suffixes)}.")
