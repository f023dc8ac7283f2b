"""GTZAN: genre folders, a table of features, spectrograms, or a folder with more than one of them, and known facts.

Groups are the artists of Sturm's index, else the tracks. Repeated tracks and the broken file are left out. The splits
are those of the published fault-filtered lists.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from genrekit.datasets.base import Dataset, Reading
from genrekit.datasets.files import choose
from genrekit.datasets.folder import walk
from genrekit.datasets.gtzan.facts import BROKEN, GENRES, REPEATS
from genrekit.datasets.gtzan.lists import with_artists, with_published_split
from genrekit.datasets.names import track_of
from genrekit.datasets.spectrograms import open_spectrograms
from genrekit.datasets.table import match, open_table
from genrekit.errors import DatasetError, UnknownSourceError
from genrekit.hashing import hash_array
from genrekit.tables import open_table as open_any_table
from genrekit.text import printable
from genrekit.types import Example, Modality

AUDIO_FOLDERS = ("genres", "genres_original", "audio", "Data/genres_original", "Data/genres", ".")
TABLES = ("features_30_sec.csv", "Data/features_30_sec.csv")
OTHER_TABLES = ("features_10_sec.csv", "features_3_sec.csv", "Data/features_3_sec.csv")
MELS = "mel128.npz"
_TRACK = re.compile(rf"(?:{'|'.join(GENRES)})\.000\d\d")
_WORDS: Mapping[Reading, str] = {
    "table": "the table",
    "audio": "the audio",
    "spectrogram": "the spectrograms",
}


def open_gtzan(
    source: str,
    place: Path,
    *,
    schemas: Mapping[str, Sequence[str]],
    prefer: Reading | None = None,
    spectrograms: bool = False,
) -> Dataset:
    """Read GTZAN.

    Parameters
    ----------
    source : str
        The source as given.
    place : Path
        The folder of the data set, one of its tables, or its spectrograms; lists and index are searched next to
        a file.
    schemas : Mapping of str to sequence of str
        The feature columns that a table may have.
    prefer : {'table', 'audio', 'spectrogram'}, optional
        Content to read if there is more than one; by default the one with more tracks.
    spectrograms : bool
        Whether spectrograms may be chosen without ``prefer``.

    Raises
    ------
    DatasetError
        If there is none of them, or not the one of ``prefer``.
    """
    if not place.exists():
        raise UnknownSourceError(
            f"{printable(place)} does not exist.", "Name the folder of GTZAN: gtzan:FOLDER."
        )
    folder = place if place.is_dir() else place.parent
    if place.is_file():
        reading: Reading = "spectrogram" if place.suffix.lower() == ".npz" else "table"
        dataset = _read(source, reading, place, schemas)
    else:
        dataset = _of_folder(source, folder, schemas, prefer, spectrograms)
    examples, left_out, notes = _without_faults(dataset.examples)
    examples, note = with_artists(examples, folder)
    notes.append(note)
    examples, note = with_published_split(examples, folder)
    notes.append(note)
    return Dataset(
        source,
        "gtzan",
        dataset.modality,
        tuple(examples),
        (*dataset.left_out, *left_out),
        (*dataset.notes, *notes),
    )


def names_gtzan(examples: Sequence[Example]) -> bool:
    """Return whether most examples have the names of GTZAN's tracks, ``blues.00000`` to ``rock.00099``."""
    return sum(_is_track(e) for e in examples) > len(examples) / 2


def with_gtzan_facts(dataset: Dataset, folder: Path) -> Dataset:
    """Treat a table with the names of GTZAN as ``gtzan:`` does: leave out repeats, add artists and published split.

    Groups and splits of the table itself are kept. The published split is set if all examples are of GTZAN and
    all three of its parts are present.

    Parameters
    ----------
    dataset : Dataset
    folder : Path
        Lists and index in it replace those of the package.

    Raises
    ------
    DatasetError
        As for `open_gtzan`.
    """
    examples, left_out, notes = _without_faults(dataset.examples)
    notes.insert(
        0,
        "the names are GTZAN's: repeats, artists and the published split are taken from the package, as with gtzan:FOLDER",
    )
    if all(e.group in (None, track_of(e.id)) for e in examples):
        examples, note = with_artists(examples, folder)
        notes.append(note)
    if not any(e.split for e in examples):
        placed, note = with_published_split(examples, folder)
        if all(map(_is_track, placed)) and {e.split for e in placed} >= {"train", "valid", "test"}:
            examples = placed
            notes.append(note)
        else:
            notes.append(
                "the published split was not set: some of its parts are missing, or there are other examples"
            )
    return replace(
        dataset,
        layout="gtzan" if all(map(_is_track, examples)) else dataset.layout,
        examples=tuple(examples),
        left_out=(*dataset.left_out, *left_out),
        notes=(*dataset.notes, *notes),
    )


def _is_track(example: Example) -> bool:
    return bool(_TRACK.fullmatch(track_of(example.id)))


def _of_folder(
    source: str,
    folder: Path,
    schemas: Mapping[str, Sequence[str]],
    prefer: Reading | None,
    spectrograms: bool,
) -> Dataset:
    """Read the preferred content of a folder, else the one with most tracks, the first of equals."""
    found = _places(folder, tables=any(schemas.values()))
    if prefer != "spectrogram" and not spectrograms:
        passed_over = found.pop("spectrogram", None)
        if passed_over and not found:
            raise DatasetError(
                f"{printable(folder)} holds no songs of GTZAN, only its spectrograms.",
                "Use a backend that takes spectrograms, or --read spectrogram.",
            )
    if not found:
        raise _nothing(folder)
    if prefer in ("audio", "spectrogram") and prefer not in found:
        held = " and ".join(_WORDS[reading] for reading in found)
        raise DatasetError(
            f"{printable(folder)} has {held} of GTZAN but no {_WORDS[prefer].split()[-1]}.",
            "Name the folder of genres." if prefer == "audio" else f"They are searched in {MELS} and *.npz.",
        )
    if prefer in found or len(found) == 1:
        chosen = prefer if prefer in found else next(iter(found))
        dataset = _read(source, chosen, found[chosen], schemas)
        others = [f"{_describe(reading, path)} not" for reading, path in found.items() if reading != chosen]
    else:
        opened = {reading: _read(source, reading, path, schemas) for reading, path in found.items()}
        chosen = max(opened, key=lambda reading: len(opened[reading].examples))
        dataset = opened.pop(chosen)
        others = [
            f"it has more tracks than {_WORDS[reading]}"
            if len(other.examples) < len(dataset.examples)
            else f"{_describe(reading, found[reading], where=False)} not, with as many tracks"
            for reading, other in opened.items()
        ]
    what = f"{_describe(chosen, found[chosen], where=chosen != 'audio')} read"
    return replace(dataset, notes=("; ".join([what, *others]), *dataset.notes))


def _places(folder: Path, *, tables: bool) -> dict[Reading, Path]:
    """Return the paths of the contents of a folder, in the order in which equals are preferred."""
    found: dict[Reading, Path] = {}
    table = next((folder / name for name in TABLES if (folder / name).is_file()), None)
    if tables and table is not None:
        found["table"] = table
    root = next((folder / name for name in AUDIO_FOLDERS if _has_genres(folder / name)), None)
    if root is not None:
        found["audio"] = root
    mels = sorted(folder.glob("*.npz"), key=lambda path: (path.name != MELS, path.name))
    if mels:
        found["spectrogram"] = mels[0]
    return found


def _describe(reading: Reading, path: Path, *, where: bool = True) -> str:
    """Return content, place and verb as a phrase: 'the audio in genres was'."""
    place = "" if not where else f" {path.name}" if reading == "table" else f" in {printable(path.name)}"
    return f"{_WORDS[reading]}{place} {'were' if reading == 'spectrogram' else 'was'}"


def _nothing(folder: Path) -> DatasetError:
    others = [name for name in OTHER_TABLES if (folder / name).is_file()]
    hint = f"Its table of slices: gtzan:{printable(folder / others[0])}." if others else ""
    return DatasetError(
        f"{printable(folder)} does not contain {TABLES[0]} or a folder of genres "
        f"({', '.join(f'{name}/{GENRES[0]}' for name in AUDIO_FOLDERS[:3])} or {GENRES[0]}).",
        hint or "Name a folder that contains one of them: gtzan:FOLDER.",
    )


def _read(source: str, reading: Reading, path: Path, schemas: Mapping[str, Sequence[str]]) -> Dataset:
    if reading == "spectrogram":
        return open_spectrograms(source, path)
    return _table(source, path, schemas) if reading == "table" else _tree(source, path)


def _has_genres(folder: Path) -> bool:
    return any((folder / genre).is_dir() for genre in GENRES)


def _table(source: str, path: Path, schemas: Mapping[str, Sequence[str]]) -> Dataset:
    cells = open_any_table(path).cells()
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
            f"The genre folders of {printable(root)} hold no audio.", "Name the folder of the songs."
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


def _without_faults(
    examples: tuple[Example, ...],
) -> tuple[list[Example], list[tuple[str, str]], list[str]]:
    """Drop known repetitions, and all but one of rows or spectrograms with the same numbers; return a note on them."""
    present = {track_of(example.id) for example in examples}
    kept: list[Example] = []
    left_out: list[tuple[str, str]] = []
    rows: dict[tuple[float, ...] | str, str] = {}
    for example in examples:
        track = track_of(example.id)
        numbers = _numbers(example)
        if REPEATS.get(track) in present:
            left_out.append((example.id, f"repeats {REPEATS[track]} (Sturm 2013)"))
        elif numbers is not None and numbers in rows:
            left_out.append((example.id, f"has the same numbers as {rows[numbers]}"))
        else:
            kept.append(example)
            if numbers is not None:
                rows[numbers] = example.id
    tracks = {track_of(name) for name, _ in left_out}
    return kept, left_out, [f"{len(tracks)} repeated or broken tracks were left out"] if tracks else []


def _numbers(example: Example) -> tuple[float, ...] | str | None:
    if example.row is not None:
        return tuple(example.row.values())
    return None if example.array is None else hash_array(example.array)
