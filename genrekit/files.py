"""Checks of files that the user named, with explanations of their problems."""

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
NO_FOLDER = Path(os.devnull)
"""Text in place of a folder that the user does not have."""


def cache_folder() -> Path:
    """Return the cache folder: ``GENREKIT_CACHE_DIR``, else the user's; `NO_FOLDER` for a user without a home."""
    given = os.environ.get("GENREKIT_CACHE_DIR")
    if given:
        return Path(given)
    from platformdirs import user_cache_dir

    try:
        return Path(user_cache_dir("genrekit", appauthor=False))
    except RuntimeError:  # neither HOME nor an entry in the list of users
        return NO_FOLDER


def at_home(text: str) -> Path:
    """Return a path whose leading ``~/`` is the user's home; as it is for a user without one."""
    try:
        return Path(text).expanduser() if text.startswith("~/") else Path(text)
    except RuntimeError:
        return Path(text)


@contextmanager
def opening(path: str | bytes | os.PathLike[str] | os.PathLike[bytes]) -> Iterator[None]:
    """Check a path before it is opened, and explain errors inside the block.

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
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        words = getattr(error, "strerror", None) or error
        raise MediaError(f"The file cannot be opened ({words}).") from None


@contextmanager
def naming(name: str | os.PathLike[str]) -> Iterator[None]:
    """Add the file's name to errors of writing that lack it: a full disk, a quota, a limit on size.

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


def refuse_stdout(output: Path) -> None:
    """Refuse '-' for an output that is not rows of text.

    Raises
    ------
    UsageError
    """
    if output == Path("-"):
        raise UsageError(
            "'-' is stdout, which this output cannot go to.", "Pass the name of a file or folder."
        )


def check_output(output: Path | None, *, overwrite: bool, suffixes: tuple[str, ...] = ()) -> None:
    """Refuse an output that cannot or must not be written, before the work starts.

    Parameters
    ----------
    output : Path, optional
        The file to be written; None is always allowed.
    overwrite : bool
        Whether an existing file may be replaced.
    suffixes : tuple of str
        Allowed suffixes, each with its dot; empty allows all.

    Raises
    ------
    OutputExistsError
        If it exists, and overwriting was not requested.
    UsageError
        If its folder is missing or not writable, it is a folder itself or '-', or its suffix is not among ``suffixes``.
    """
    if output is None:
        return
    refuse_stdout(output)
    if output.is_dir():
        raise UsageError(
            f"{output} is a folder; an output is a file.", f"For example: --output {output / 'out'}"
        )
    if os.path.lexists(output) and not overwrite:
        raise OutputExistsError(
            f"{output} exists.", "Add --overwrite to replace it, or choose another --output."
        )
    if not output.parent.is_dir() or not os.access(output.parent, os.W_OK):
        raise UsageError(
            f"{output} cannot be written: there is no folder {output.parent}, or it is not writable."
        )
    if suffixes and output.suffix.lower() not in suffixes:
        raise UsageError(f"{output} has no suffix of a known format.", f"Use {', '.join(suffixes)}.")
