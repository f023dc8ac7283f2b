"""Checks before a download: the format of the published hash, and the space on the disk."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from genrekit.errors import DatasetError
from genrekit.text import printable

RESERVE_BYTES = 64 * 2**20  # left free on the disk


def parse_digest(digest: str) -> tuple[str, str]:
    """Take ``sha256:HEX`` apart.

    Raises
    ------
    ValueError
        If it is not the digest of a known algorithm.
    """
    algorithm, _, value = digest.lower().partition(":")
    lengths = {"sha1": 40, "sha256": 64, "md5": 32}
    if lengths.get(algorithm) != len(value) or not re.fullmatch("[0-9a-f]+", value):
        raise ValueError(f"{digest!r} is not sha1:HEX, sha256:HEX or md5:HEX")
    return algorithm, value


def check_space(folder: Path, needed_bytes: int, what: str) -> None:
    """Raise an error if the disk has too little space for a download.

    Parameters
    ----------
    folder : Path
        Any folder on that disk; it exists.
    needed_bytes : int >= 0
        Bytes that will be written.
    what : str
        The subject of the error message.

    Raises
    ------
    DatasetError
        If fewer bytes are free than are needed, and ``RESERVE_BYTES``.
    """
    free = shutil.disk_usage(folder).free
    if needed_bytes + RESERVE_BYTES > free:
        raise DatasetError(
            f"{what} needs {needed_bytes:,} bytes; {printable(folder)} has {free:,} free.",
            "Free some space, or choose another folder.",
        )
