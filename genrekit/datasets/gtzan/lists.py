"""What stands beside GTZAN in lists: Sturm's index of artists, and the published fault-filtered split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from genrekit.datasets.names import printable, track_of
from genrekit.errors import DatasetError
from genrekit.types import Example

LIST_FOLDERS = ("splits", ".")
MAX_LIST_BYTES = 2**22


def with_artists(examples: Sequence[Example], folder: Path) -> tuple[list[Example], str]:
    """Group by artist where Sturm's index lies in a folder and knows the artist, else by track; and say so.

    Raises
    ------
    DatasetError
        If the index is there and cannot be read, or is larger than ``MAX_LIST_BYTES``.
    """
    artists = _artists(folder)
    if artists is None:
        note = "no artists.txt (Sturm's index): an artist's songs may stand on two sides of a split"
        return [replace(e, group=track_of(e.id)) for e in examples], note
    grouped = []
    for example in examples:
        track = track_of(example.id)
        artist, title = artists.get(track, ("", ""))
        facts = {name: text for name, text in (("artist", artist), ("title", title)) if text}
        grouped.append(replace(example, group=artist.casefold() or track, extra={**example.extra, **facts}))
    known = {track_of(e.id) for e in examples if artists.get(track_of(e.id), ("", ""))[0]}
    unknown = {track_of(e.id) for e in examples} - known
    return (
        grouped,
        f"grouped by artist; the artist of {len(unknown)} of {len(known) + len(unknown)} tracks is not known",
    )


def with_sides(examples: Sequence[Example], folder: Path) -> tuple[list[Example], str]:
    """Set the sides of the published split whose lists lie in a folder, and say so; other tracks get none.

    Raises
    ------
    DatasetError
        If a list is there and cannot be read, or is larger than ``MAX_LIST_BYTES``.
    """
    sides = _sides(folder)
    if sides is None:
        return list(
            examples
        ), "no lists of the published fault-filtered split (splits/train_filtered.txt ...)"
    sided = [replace(e, split=sides.get(track_of(e.id))) for e in examples]
    tracks = {track_of(e.id): e.split for e in sided}
    counts = Counter(tracks.values())
    note = (
        f"published fault-filtered split: {counts['train']} train, {counts['valid']} valid, "
        f"{counts['test']} test tracks; {counts[None]} tracks are on none of its lists"
    )
    return sided, note


def _sides(folder: Path) -> dict[str, str] | None:
    """Track to side, from the three lists of the published split; None where one of them is missing."""
    for name in LIST_FOLDERS:
        lists = {side: folder / name / f"{side}_filtered.txt" for side in ("train", "valid", "test")}
        if all(path.is_file() for path in lists.values()):
            return {track_of(line): side for side, path in lists.items() for line in _lines(path)}
    return None


def _artists(folder: Path) -> dict[str, tuple[str, str]] | None:
    """Track to (artist, title) from Sturm's index, lines ``file ::: artist ::: title``; None without it."""
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
