"""Songs of MTG-Jamendo straight from the tar archives of its shards, which are not compressed."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from genrekit.datasets.packed import packed_files

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
        shards[shard[1]] = {
            name.removeprefix("./"): Member(*found) for name, found in packed_files(path, "tar").items()
        }
    return shards
