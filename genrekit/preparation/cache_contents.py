"""Contents of the cache folder by kind, and their removal: only files that genrekit wrote."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from genrekit.files import NO_FOLDER
from genrekit.preparation.cache import SUFFIX

_KINDS = {
    "prepared inputs": (f"??/*{SUFFIX}", "??/*.tmp"),
    "generated songs": ("synthetic/v*_seconds*_seed*/**/*.flac",),
    "list of fonts": ("matplotlib/fontlist-*.json",),
}


@dataclass(frozen=True)
class Contents:
    """The files of one kind.

    Attributes
    ----------
    kind : str
    files : int
    size : int
        In bytes.
    """

    kind: str
    files: int
    size: int


def cache_contents(folder: Path) -> list[Contents]:
    """Return what a cache folder holds, one entry per kind of file; other files in it are not counted."""
    found = []
    for kind in _KINDS:
        sizes = []
        for path in _files(folder, kind):
            with contextlib.suppress(OSError):  # another process removed it
                sizes.append(path.stat().st_size)
        found.append(Contents(kind, len(sizes), sum(sizes)))
    return found


def clear_cache(folder: Path) -> list[Contents]:
    """Remove what `cache_contents` counts, and the folders that are empty then; return what was removed.

    Raises
    ------
    OSError
        If a file cannot be removed.
    """
    removed = cache_contents(folder)
    folders = set()
    for kind in _KINDS:
        for path in _files(folder, kind):
            path.unlink(missing_ok=True)
            folders |= {above for above in path.parents if folder in above.parents}
    for empty in sorted(folders, key=lambda path: len(path.parts), reverse=True):
        with contextlib.suppress(OSError):  # it holds something else
            empty.rmdir()
    return removed


def _files(folder: Path, kind: str) -> Iterator[Path]:
    if folder == NO_FOLDER or not folder.is_dir():
        return
    for pattern in _KINDS[kind]:
        yield from (path for path in folder.glob(pattern) if path.is_file() and not path.is_symlink())
