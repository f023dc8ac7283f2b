"""The versions of a model: the bundle that each is the next version of, as far as the files are at hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from genrekit.hashing import hash_file
from genrekit.models.bundle import Bundle, load
from genrekit.models.shipped import SUFFIX, shipped_models

FOLDERS = (".", "versions", "models")
"""Folders to search for parents, relative to the folder of a bundle."""


@dataclass(frozen=True, eq=False)
class Version:
    """One version of a model.

    Attributes
    ----------
    sha256 : str
        The hash of its bundle.
    bundle : Bundle or None
        None if no file at hand has that hash; nothing is known of the versions before it.
    """

    sha256: str
    bundle: Bundle | None


def versions_of(bundle: Bundle) -> list[Version]:
    """Return the versions of a model, the newest first: the bundle, its parent, the parent of that.

    Parents are looked for by their hash, under any name, beside the file, in the folders ``versions`` and ``models`` beside
    it, and among the shipped models.

    Parameters
    ----------
    bundle : Bundle

    Returns
    -------
    list of Version
        The last may be one without a file.

    Raises
    ------
    BundleError
        If a file that is a parent is damaged.
    """
    found = [Version(bundle.sha256, bundle)]
    places = _candidates(bundle.path)
    known: dict[str, Path] = {}
    while (last := found[-1].bundle) and (parent := last.manifest.parent):
        while parent not in known and (path := next(places, None)):
            try:
                known.setdefault(hash_file(path), path)
            except OSError:
                continue  # a file that cannot be read is not a version that can be shown
        found.append(Version(parent, load(known[parent]) if parent in known else None))
    return found


def _candidates(path: Path | None) -> Iterator[Path]:
    if path:
        for name in FOLDERS:
            yield from sorted(one for one in (path.parent / name).glob(f"*{SUFFIX}") if one.is_file())
    yield from shipped_models().values()
