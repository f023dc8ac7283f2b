"""Arrays of an untrusted ``.npz`` file: nothing is unpickled, and decompressed sizes are limited."""

from __future__ import annotations

import struct
import tokenize
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np

from genrekit.errors import DatasetError
from genrekit.text import printable, visible

MAX_BYTES = 2**32
MAX_MEMBERS = 64

_HINT = "Write it with numpy.savez or numpy.savez_compressed."
# Further errors of zipfile, zlib and numpy on damaged files.
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, TypeError, KeyError,
    NotImplementedError, OverflowError, RuntimeError, SyntaxError, MemoryError, tokenize.TokenError,
)  # fmt: skip


def read_arrays(path: Path, wanted: tuple[str, ...]) -> tuple[dict[str, np.ndarray], list[str]]:
    """Read arrays from an ``.npz`` file.

    Parameters
    ----------
    path : Path
    wanted : tuple of str
        Names of the arrays to read, if present.

    Returns
    -------
    arrays : dict of str to np.ndarray
    others : list of str
        Names of the other members, sorted.

    Raises
    ------
    DatasetError
        If it is not an ``.npz`` file, is damaged, holds Python objects, or has more than ``MAX_MEMBERS`` members
        or ``MAX_BYTES`` when decompressed.
    """
    try:
        # zipfile decompresses no more of a member than the directory says, and numpy reads no more than that.
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
        n_bytes = sum(member.file_size for member in members)
        if len(members) > MAX_MEMBERS:
            raise DatasetError(
                f"{printable(path)} has {len(members):,} members; {MAX_MEMBERS} are allowed.", _HINT
            )
        if n_bytes > MAX_BYTES:
            raise DatasetError(
                f"{printable(path)} decompresses to {n_bytes:,} bytes; {MAX_BYTES:,} are allowed.",
                "Split it.",
            )
        names = {Path(member.filename).name.removesuffix(".npy") for member in members}
        with warnings.catch_warnings():  # headers written by Python 2 cause a warning
            warnings.simplefilter("ignore")
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in wanted if f"{name}.npy" in file.zip.namelist()}
            if bad := [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]:
                raise ValueError(f"{bad[0]!r} is not an array")
    except _DAMAGE as error:
        reason = visible(" ".join(str(error).split())[:300]) or type(error).__name__
        raise DatasetError(f"{printable(path)} cannot be read as .npz: {reason}.", _HINT) from error
    return arrays, sorted(names - set(arrays))
