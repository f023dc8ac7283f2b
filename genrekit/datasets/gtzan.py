"""GTZAN: a tree of genre folders, a table of features, or a folder that holds both, with what is known of it.

Groups are the artists of Sturm's index where it is given, else the tracks. Repeated tracks and the broken
file are left out. The published fault-filtered split is read where its lists are given.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from genrekit.datasets.base import Dataset
from genrekit.datasets.files import choose
from genrekit.datasets.folder import walk
from genrekit.datasets.gtzan_facts import BROKEN, GENRES, REPEATS
from genrekit.datasets.names import printable, track_of
from genrekit.datasets.table import match, open_table
from genrekit.datasets.tabular import read_cells
from genrekit.errors import DatasetError
from genrekit.types import Example, Modality

AUDIO_FOLDERS = ("genres", "genres_original", "audio", "Data/genres_original", "Data/genres", ".")
TABLES = ("features_30_sec.csv", "Data/features_30_sec.csv")
OTHER_TABLES = ("features_10_sec.csv", "features_3_sec.csv", "Data/features_3_sec.csv")
SPLIT_FOLDERS = ("splits", ".")
MAX_LIST_BYTES = 2**22


def open_gtzan(
    source: str,
    place: Path,
    *,
    schemas: Mapping[str, Sequence[str]],
    prefer: Literal["table", "audio"] | None = None,
) -> Dataset:
    """Read GTZAN.

    Parameters
    ----------
    source : str
        The source as it was given.
    place : Path
        The folder of the data set, or one of its tables; lists and index are looked for beside a table.
    schemas : Mapping of str to sequence of str
        The feature columns that a table may have.
    prefer : {'table', 'audio'}, optional
        What to read where there is both; by default what has more tracks.

    Raises
    ------
    DatasetError
        If there is neither, or not what ``prefer`` asks for.
    """
    if not place.exists():
        raise DatasetError(
            f"{printable(place)} does not exist.", "Give the folder that holds GTZAN: gtzan:FOLDER."
        )
    folder = place if place.is_dir() else place.parent
    if place.is_file():
        dataset = _table(source, place, schemas)
    else:
        dataset = _of_folder(source, folder, schemas, prefer)
    examples, left_out = _without_repeats(dataset.examples)
    notes = [*dataset.notes]
    if left_out:
        repeats = Counter(track_of(name) for name, _ in left_out)
        notes.append(f"{len(repeats)} repeated or broken tracks were left out")
    examples, note = _with_artists(examples, _artists(folder))
    notes.append(note)
    examples, note = _with_sides(examples, _sides(folder))
    notes.append(note)
    return Dataset(
        source, "gtzan", dataset.modality, tuple(examples), (*dataset.left_out, *left_out), tuple(notes)
    )


def _of_folder(
    source: str, folder: Path, schemas: Mapping[str, Sequence[str]], prefer: Literal["table", "audio"] | None
) -> Dataset:
    """Read what a folder holds, by ``prefer`` where it holds both."""
    root = next((folder / name for name in AUDIO_FOLDERS if _has_genres(folder / name)), None)
    tables = TABLES if any(schemas.values()) else ()
    table = next((folder / name for name in tables if (folder / name).is_file()), None)
    if root is None and table is None:
        others = [name for name in OTHER_TABLES if (folder / name).is_file()]
        hint = f"Its table of slices: gtzan:{printable(folder / others[0])}." if others else ""
        raise DatasetError(
            f"{printable(folder)} has neither {TABLES[0]} nor a folder of genres "
            f"({', '.join(f'{name}/{GENRES[0]}' for name in AUDIO_FOLDERS[:3])} or {GENRES[0]}).",
            hint or "Give the folder that holds one of them: gtzan:FOLDER.",
        )
    if root is None or (prefer == "table" and table):
        assert table is not None
        if prefer == "audio":
            raise DatasetError(
                f"{printable(folder)} has a table of GTZAN but no audio.", "Give the folder of genres."
            )
        dataset = _table(source, table, schemas)
        other = root and f"the audio in {printable(root.name)} was not"
    elif table is None or prefer == "audio":
        dataset = _tree(source, root)
        other = table and f"the table {table.name} was not"
    else:
        tree, rows = _tree(source, root), _table(source, table, schemas)
        full = len(rows.examples) >= len(tree.examples)
        dataset = rows if full else tree
        other = f"it has more tracks than the {'audio' if full else 'table'}"
        if len(rows.examples) == len(tree.examples):
            other = "the audio has as many tracks and was not"
    what = "the table features_30_sec.csv" if dataset.modality is Modality.TABLE else "the audio"
    return replace(dataset, notes=(f"{what} was read" + (f"; {other}" if other else ""), *dataset.notes))


def _has_genres(folder: Path) -> bool:
    return any((folder / genre).is_dir() for genre in GENRES)


def _table(source: str, path: Path, schemas: Mapping[str, Sequence[str]]) -> Dataset:
    cells = read_cells(path)
    schema = match(cells, schemas)
    if schema is None:
        raise DatasetError(
            f"{printable(path)} is not a table of features that the backend reads.",
            f"Known are the columns of {', '.join(sorted(schemas)) or 'none'}.",
        )
    return open_table(source, cells, schema, schemas[schema])


def _tree(source: str, root: Path) -> Dataset:
    left_out: list[tuple[str, str]] = []
    candidates = []
    for genre in GENRES:
        if not (root / genre).is_dir():
            continue
        reasons: list[tuple[str, str]] = []
        for path in sorted(walk(root / genre, reasons)):
            name = printable(path.relative_to(root).as_posix())
            if path.name.startswith("."):
                reasons.append((path.name, "is hidden"))
            elif track_of(name) == BROKEN and path.suffix.lower() == ".wav" and not _is_riff(path):
                left_out.append((name, "is known to be broken: it has no RIFF header"))
            else:
                candidates.append(Example(id=name, path=path, labels=(genre,), group=track_of(name)))
        left_out += [(f"{genre}/{name}", reason) for name, reason in reasons]
    found = choose(candidates, Modality.AUDIO)
    left_out += found.left_out
    if not found.examples:
        raise DatasetError(
            f"The genre folders of {printable(root)} hold no audio.", "Give the folder of the songs."
        )
    absent = [genre for genre in GENRES if genre not in {e.labels[0] for e in found.examples}]
    notes = [f"no songs of {', '.join(absent)}"] if absent else []
    return Dataset(source, "gtzan", found.modality, found.examples, tuple(left_out), tuple(notes))


def _is_riff(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4) in {b"RIFF", b"RIFX", b"RF64"}
    except OSError:
        return False


def _without_repeats(examples: tuple[Example, ...]) -> tuple[list[Example], list[tuple[str, str]]]:
    """Drop the known repetitions, and of rows with the same numbers all but one."""
    present = {track_of(example.id) for example in examples}
    kept: list[Example] = []
    left_out: list[tuple[str, str]] = []
    rows: dict[tuple[float, ...], str] = {}
    for example in examples:
        track = track_of(example.id)
        numbers = tuple(example.row.values()) if example.row is not None else None
        if REPEATS.get(track) in present:
            left_out.append((example.id, f"repeats {REPEATS[track]} (Sturm 2013)"))
        elif numbers is not None and numbers in rows:
            left_out.append((example.id, f"has the same numbers as {rows[numbers]}"))
        else:
            kept.append(example)
            if numbers is not None:
                rows[numbers] = example.id
    return kept, left_out


def _with_artists(
    examples: list[Example], artists: Mapping[str, tuple[str, str]] | None
) -> tuple[list[Example], str]:
    """Group by artist where the index is given and knows the artist, else by track."""
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


def _with_sides(examples: list[Example], sides: Mapping[str, str] | None) -> tuple[list[Example], str]:
    """Set the sides of the published split; tracks that its lists leave out get none."""
    if sides is None:
        return examples, "no lists of the published fault-filtered split (splits/train_filtered.txt ...)"
    examples = [replace(e, split=sides.get(track_of(e.id))) for e in examples]
    tracks = {track_of(e.id): e.split for e in examples}
    counts = Counter(tracks.values())
    note = (
        f"published fault-filtered split: {counts['train']} train, {counts['valid']} valid, "
        f"{counts['test']} test tracks; {counts[None]} tracks are on none of its lists"
    )
    return examples, note


def _sides(folder: Path) -> dict[str, str] | None:
    """Track to side, from the three lists of the published split; None where one of them is missing."""
    for name in SPLIT_FOLDERS:
        lists = {side: folder / name / f"{side}_filtered.txt" for side in ("train", "valid", "test")}
        if all(path.is_file() for path in lists.values()):
            return {track_of(line): side for side, path in lists.items() for line in _lines(path)}
    return None


def _artists(folder: Path) -> dict[str, tuple[str, str]] | None:
    """Track to (artist, title) from Sturm's index, lines ``file ::: artist ::: title``; None without it."""
    paths = [folder / name / "artists.txt" for name in SPLIT_FOLDERS]
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
