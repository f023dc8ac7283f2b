"""Songs of MTG-Jamendo straight from the tar archives of its shards, which are not compressed."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from genrekit.errors import DatasetError, MediaError
from genrekit.remote import sizes_in
from genrekit.text import printable

_SHARD = re.compile(r"raw_30s_audio(?:-low)?-(\d\d)\.tar")


@dataclass(frozen=True, slots=True)
class Member:
    """A song in an archive: its address, and its length in bytes."""

    address: str
    size: int


def packed_songs(folder: Path, unpacked: Collection[str]) -> dict[str, dict[str, Member]]:
    """Return the songs of the archives in a folder, by shard and by path.

    Parameters
    ----------
    folder : Path
    unpacked : collection of str
        Shards whose archives are passed over.

    Raises
    ------
    DatasetError
        If an archive is damaged.
    """
    shards: dict[str, dict[str, Member]] = {}
    for path in sorted(folder.iterdir()):
        shard = _SHARD.fullmatch(path.name)
        if not shard or shard[1] in unpacked:
            continue
        try:
            sizes = sizes_in(path, "tar")
        except MediaError as error:
            raise DatasetError(
                f"{printable(path)} cannot be read: {error.message}", "Fetch it again."
            ) from error
        place = path.absolute()
        shards[shard[1]] = {
            name.removeprefix("./"): Member(f"tar://{name}::{place}", size) for name, size in sizes.items()
        }
    return shards
