"""``jamendo:FOLDER`` — MTG-Jamendo's genre subset: its lists of a split, and the shards of songs that are there."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from genrekit.datasets.base import Dataset
from genrekit.datasets.files import choose
from genrekit.datasets.jamendo.packed import packed_songs
from genrekit.errors import DatasetError, UnknownSourceError
from genrekit.labels import normalise
from genrekit.text import counted, printable
from genrekit.types import Example, Modality

SPLITS = {"train": "train", "validation": "valid", "test": "test"}
_COLUMNS = ["TRACK_ID", "ARTIST_ID", "ALBUM_ID", "PATH", "DURATION", "TAGS"]
_PREFIX = "genre---"
MAX_LINE = 20_000
_HINT = "Get them: genrekit datasets fetch jamendo:genre --shards 0 --to FOLDER"


def open_jamendo(source: str) -> Dataset:
    """Read the songs that are there, with their genre tags; several per song.

    Parameters
    ----------
    source : str
        ``jamendo:FOLDER``, where ``autotagging_genre-train.tsv`` and the folders ``00`` to ``99`` or their tar archives lie.

    Raises
    ------
    UnknownSourceError
        If there is no folder.
    DatasetError
        If the lists are missing or not what they should be, or no song of them is there.
    """
    rest = source.removeprefix("jamendo:")
    folder = Path(rest).expanduser() if rest.startswith("~/") else Path(rest)
    if not rest or not folder.is_dir():
        raise UnknownSourceError(f"{printable(source)} names no folder.", "Write jamendo:FOLDER.")
    shards = {path.name for path in folder.iterdir() if path.is_dir() and path.name.isdecimal()}
    packed = packed_songs(folder, shards)
    candidates: list[Example] = []
    examples: list[Example] = []
    left_out: list[tuple[str, str]] = []
    absent: Counter[str] = Counter()
    for split, row in _rows(folder):
        track, artist, _, path, _, *tags = row
        shard = path.partition("/")[0]
        labels = tuple(
            dict.fromkeys(normalise(tag.removeprefix(_PREFIX)) for tag in tags if tag.startswith(_PREFIX))
        )
        if shard not in shards and shard not in packed:
            absent[shard] += 1
        elif "/../" in f"/{path}/" or not labels:
            left_out.append(
                (printable(track), "has no genre" if labels == () else "has a path that leads away")
            )
        else:
            song = Example(
                id=printable(path), path=folder / path, labels=labels, group=printable(artist), split=split
            )
            low = f"{path.removesuffix('.mp3')}.low.mp3"
            if shard not in packed:
                beside = folder / low
                candidates.append(replace(song, path=beside) if beside.is_file() else song)
            elif member := packed[shard].get(low) or packed[shard].get(path):
                examples.append(
                    replace(song, path=None, address=member.address, extra={"bytes": str(member.size)})
                )
            else:
                left_out.append((song.id, "no such file"))
    found = choose(candidates, Modality.AUDIO)
    left_out += found.left_out
    examples += found.examples
    if not examples:
        raise DatasetError(f"{printable(folder)} holds none of the songs of its lists.", _HINT)
    notes = [*found.notes, "grouped by artist, with the first of the published splits"]
    if absent:
        notes.append(
            f"passed over {counted(absent.total(), 'song')} of {counted(len(absent), 'shard')} that are not here"
        )
    return Dataset(source, "jamendo", Modality.AUDIO, tuple(examples), tuple(left_out), tuple(notes))


def _rows(folder: Path) -> Iterator[tuple[str, list[str]]]:
    seen: set[str] = set()
    for word, split in SPLITS.items():
        path = folder / f"autotagging_genre-{word}.tsv"
        try:
            with path.open(encoding="utf-8", errors="backslashreplace", newline="") as file:
                lines = csv.reader(_short_lines(file), delimiter="\t", quoting=csv.QUOTE_NONE)
                if next(lines, None) != _COLUMNS:
                    raise DatasetError(
                        f"{printable(path)} is not a list of MTG-Jamendo.",
                        f"It begins with the columns {', '.join(_COLUMNS)}.",
                    )
                for row in lines:
                    if len(row) > len(_COLUMNS) - 1 and row[0] not in seen:
                        seen.add(row[0])
                        yield split, row
        except OSError as error:
            raise DatasetError(
                f"{printable(path)} cannot be read: {error.strerror or error}.", _HINT
            ) from error


def _short_lines(file: TextIO) -> Iterator[str]:
    while line := file.readline(MAX_LINE):
        yield line
