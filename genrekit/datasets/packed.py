"""Archives of data sets that are read without unpacking them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from genrekit.errors import DatasetError, MediaError
from genrekit.remote import sizes_in
from genrekit.text import printable


def packed_files(archive: Path, kind: Literal["zip", "tar"]) -> dict[str, tuple[str, int]]:
    """Return the files in an archive by name: the address and the length in bytes of each.

    Raises
    ------
    DatasetError
        If the archive cannot be read, or is damaged.
    """
    try:
        sizes = sizes_in(archive, kind)
    except MediaError as error:
        raise DatasetError(
            f"{printable(archive)} cannot be read: {error.message}", "Fetch it again."
        ) from error
    return {name: (f"{kind}://{name}::{archive.absolute()}", size) for name, size in sizes.items()}
