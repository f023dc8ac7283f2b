"""Opening a file that a person named: what can be wrong with it, in words."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from genrekit.errors import MediaError


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
