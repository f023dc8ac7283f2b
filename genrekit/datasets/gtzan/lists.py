"""GTZAN's artists and its published fault-filtered split: the lists of the package, or those next to the data."""

from __future__ import annotations

import csv
import functools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from genrekit.datasets.names import track_of
from genrekit.errors import DatasetError
from genrekit.text import counted, printable
from genrekit.types import Example

LIST_FOLDERS = ("splits", ".")
MAX_LIST_BYTES = 2**22
_SHIPPED = Path(__file__).parent


def with_artists(examples: Sequence[Example], folder: Path | None) -> tuple[list[Example], str]:
    """Group examples by artist if known, else by track.

    Parameters
    ----------
    examples : sequence of Example
        Examples whose ids name tracks of GTZAN.
    folder : Path or None
        An index ``artists.txt`` in it replaces the one of the package.

    Returns
    -------
    examples : list of Example
    note : str
        Number of tracks without known artist, and source of the index.

    Raises
    ------
    DatasetError
        If the index exists and cannot be read, or is larger than ``MAX_LIST_BYTES``.
    """
    beside = None if folder is None else _index_beside(folder)
    artists = shipped_artists() if beside is None else beside
    grouped = []
    for example in examples:
        track = track_of(example.id)
        artist, title = artists.get(track, ("", ""))
        facts = {name: text for name, text in (("artist", artist), ("title", title)) if text}
        grouped.append(replace(example, group=artist.casefold() or track, extra={**example.extra, **facts}))
    tracks = {track_of(e.id) for e in examples}
    unknown = sum(not artists.get(track, ("", ""))[0] for track in tracks)
    source = "Sturm's index" if beside is None else "artists.txt"
    return (
        grouped,
        f"grouped by artist ({source}); the artist of {unknown} of {counted(len(tracks), 'track')} is not known",
    )


def with_published_split(examples: Sequence[Example], folder: Path | None) -> tuple[list[Example], str]:
    """Set the splits of the published lists; tracks on none of them have no split.

    Parameters
    ----------
    examples : sequence of Example
        Examples whose ids name tracks of GTZAN.
    folder : Path or None
        The three lists in it (``train_filtered.txt`` ...) replace those of the package.

    Returns
    -------
    examples : list of Example
    note : str
        Number of tracks per list.

    Raises
    ------
    DatasetError
        If a list exists and cannot be read, or is larger than ``MAX_LIST_BYTES``.
    """
    beside = None if folder is None else _lists_beside(folder)
    splits = shipped_split() if beside is None else beside
    placed = [replace(e, split=splits.get(track_of(e.id))) for e in examples]
    counts = Counter({track_of(e.id): e.split for e in placed}.values())
    note = (
        f"published fault-filtered split: {counts['train']} train, {counts['valid']} valid, "
        f"{counts['test']} test tracks; on none of its lists: {counts[None]:,}"
    )
    return placed, note


@functools.cache
def shipped_artists() -> Mapping[str, tuple[str, str]]:
    """Return (artist, '') of every track in the index in the package, 919 of the 1,000 tracks.

    Examples
    --------
    >>> shipped_artists()["rock.00032"]
    ('Led Zeppelin', '')
    """
    return {track: (artist, "") for artist, track in _shipped("artists.csv")}


@functools.cache
def shipped_split() -> Mapping[str, str]:
    """Return the split of every track in the published lists in the package, 930 tracks.

    Examples
    --------
    >>> shipped_split()["blues.00012"], "metal.00058" in shipped_split()
    ('test', False)
    """
    return {track: split for split, track in _shipped("published_split.csv")}


def _shipped(name: str) -> Iterator[tuple[str, str]]:
    """Yield (value, track) from lines such as ``Queen,metal 58; rock 16 26-35``."""
    with (_SHIPPED / name).open(encoding="utf-8", newline="") as file:
        rows = csv.reader(line for line in file if not line.startswith("#"))
        next(rows)
        for value, tracks in rows:
            for part in tracks.split(";"):
                genre, *runs = part.split()
                for run in runs:
                    first, _, last = run.partition("-")
                    yield from (
                        (value, f"{genre}.{n:05d}") for n in range(int(first), int(last or first) + 1)
                    )


def _lists_beside(folder: Path) -> dict[str, str] | None:
    """Return the split of every track in the three published lists; None if one of them is missing."""
    for name in LIST_FOLDERS:
        lists = {split: folder / name / f"{split}_filtered.txt" for split in ("train", "valid", "test")}
        if all(path.is_file() for path in lists.values()):
            return {track_of(line): split for split, path in lists.items() for line in _lines(path)}
    return None


def _index_beside(folder: Path) -> dict[str, tuple[str, str]] | None:
    """Return (artist, title) of every track from lines ``file ::: artist ::: title``; None without an index."""
    paths = [folder / name / "artists.txt" for name in LIST_FOLDERS]
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        return None
    index = {}
    for line in _lines(path):
        fields = [field.strip() for field in line.split(":::")]
        if len(fields) >= 2 and not line.startswith("#"):
            index[track_of(fields[0])] = (
                printable(fields[1]),
                printable(fields[2]) if len(fields) > 2 else "",
            )
    return index


def _lines(path: Path) -> list[str]:
    try:
        if path.stat().st_size > MAX_LIST_BYTES:
            raise DatasetError(f"{printable(path)} is too large to be a list of GTZAN tracks.")
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise DatasetError(
            f"{printable(path)} cannot be read: {error.strerror}.", "Check its permissions."
        ) from error
    return [line.strip() for line in text.splitlines() if line.strip()]
