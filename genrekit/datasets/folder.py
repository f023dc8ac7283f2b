"""Folders of genre folders: the name of a folder is the label of everything below it.

Folders named train, valid and test above the genre folders are read as the split.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from genrekit.datasets.base import Dataset
from genrekit.datasets.files import choose
from genrekit.datasets.genres import Genres
from genrekit.datasets.gtzan.facts import GENRES
from genrekit.datasets.names import SPLIT_WORDS, Groups, is_slice, track_of
from genrekit.errors import DatasetError
from genrekit.media import TABLE_SUFFIXES, is_system_folder, leads_up
from genrekit.text import printable, quote_all
from genrekit.types import Example, Modality

Reasons = list[tuple[str, str]]


def open_folder(
    source: str, root: Path, *, modality: Modality | None = None, require_labels: bool = True
) -> Dataset:
    """Read a folder of genre folders.

    Parameters
    ----------
    source : str
        The source as given.
    root : Path
        An existing folder.
    modality : Modality, optional
        Kind of files to take if audio files and images are mixed; by default the more frequent one.
    require_labels : bool
        Whether files that are not in a genre folder are left out.

    Raises
    ------
    DatasetError
        If the folder cannot be listed or has no usable file.
    """
    left_out: Reasons = []
    files = sorted(walk(root, left_out))
    candidates: list[Example] = []
    has_splits = _has_splits(files, root)
    genres, groups = Genres(), Groups()
    for path in files:
        parts = path.relative_to(root).parts
        name = printable(path.relative_to(root).as_posix())
        split = SPLIT_WORDS[parts[0].lower()] if has_splits else None
        inner = parts[1:] if has_splits else parts
        labels = genres.read_name(inner[0]).labels if len(inner) > 1 else ()
        if path.name.startswith("."):
            left_out.append((name, "is hidden"))
        elif labels or not require_labels:
            group = groups.read(_place(inner)) or None
            candidates.append(Example(id=name, path=path, labels=labels, group=group, split=split))
        elif len(inner) > 1:
            left_out.append((name, f"is in '{printable(inner[0])}', which means that no genre is known"))
        else:
            left_out.append((name, "is not in a genre folder"))
    found = choose(candidates, modality)
    left_out += found.left_out
    if not found.examples:
        raise _nothing(source, root, left_out)
    examples, group_note = _keep_groups(found.examples)
    notes = [*found.notes, *group_note, *genres.notes()]
    if has_splits:
        notes.append("the folders above the genre folders were read as the split")
    notes += _hints(root, examples)
    return Dataset(source, "folder", found.modality, tuple(examples), tuple(left_out), tuple(notes))


def walk(root: Path, left_out: Reasons) -> Iterator[Path]:
    """Yield every file below a folder; linked folders are followed, each folder once.

    Real folders come before linked ones, so that a link never takes the files of its target. The reasons for
    everything that was skipped are added to ``left_out``.

    Parameters
    ----------
    root : Path
        The folder.
    left_out : list of (str, str)
        Receives the relative path and the reason of everything that was skipped.

    Yields
    ------
    Path
        Files, in the sorted order of the names in each folder.

    Raises
    ------
    DatasetError
        If ``root`` itself cannot be listed.
    """
    seen: set[tuple[int, int]] = set()
    places, links = [root], list[Path]()
    while places or links:
        folder = places.pop() if places else links.pop(0)
        name = printable(folder.relative_to(root).as_posix())
        try:
            facts = folder.stat()
            if (facts.st_dev, facts.st_ino) in seen:
                left_out.append((name, "is a link to a folder that was read already"))
                continue
            seen.add((facts.st_dev, facts.st_ino))
            if folder != root and folder.is_symlink() and leads_up(folder, root):
                left_out.append((name, "is a link to a folder that this one lies in"))
                continue
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: os.fsencode(entry.name))
        except OSError as error:
            if folder == root:
                raise DatasetError(
                    f"{printable(root)} cannot be listed: {error.strerror}.", "Check its permissions."
                ) from error
            left_out.append((name, f"cannot be listed: {error.strerror}"))
            continue
        below = []
        for entry in entries:
            path = folder / entry.name
            try:
                is_folder = entry.is_dir()
            except OSError as error:  # a link to itself
                left_out.append(
                    (printable(path.relative_to(root).as_posix()), f"cannot be opened: {error.strerror}")
                )
                continue
            if not is_folder:
                yield path
            elif is_system_folder(entry.name):
                left_out.append(
                    (
                        printable(path.relative_to(root).as_posix()),
                        "is a folder of the system (a recycle bin, previews, leftovers of a repair)",
                    )
                )
            elif entry.name.startswith("."):
                left_out.append((printable(path.relative_to(root).as_posix()), "is hidden"))
            elif entry.is_symlink():
                links.append(path)
            else:
                below.append(path)
        places += reversed(below)


def _has_splits(files: list[Path], root: Path) -> bool:
    """Return whether the top folders are train, valid and test rather than genres."""
    tops = {p[0].lower() for path in files if len(p := path.relative_to(root).parts) > 1 and p[0][0] != "."}
    deep = any(len(path.relative_to(root).parts) > 2 for path in files)
    return len(tops) > 1 and deep and tops <= set(SPLIT_WORDS)


def _place(inner: tuple[str, ...]) -> str:
    """Return the group that the path of a file suggests: the track of a slice, else the folder below its genre; or ''."""
    if is_slice(inner[-1]):
        return track_of(inner[-1])
    return inner[1] if len(inner) > 2 else ""


def _keep_groups(examples: tuple[Example, ...]) -> tuple[list[Example], list[str]]:
    """Keep folders as groups if they can be split: a single folder for a whole label does not separate artists."""
    units: defaultdict[str, set[str]] = defaultdict(set)
    for example in examples:
        units[_label(example)].add(example.group or f"\0{example.id}")
    sizes = Counter(_label(example) for example in examples)
    single = sorted(label for label, names in units.items() if len(names) == 1 < sizes[label])
    foldered = [e for e in examples if e.group and not is_slice(e.id)]
    notes = []
    if len(foldered) < sum(e.group is not None for e in examples):
        notes.append("slices of one track (name.00000.0, name.00000.1 ...) are one group")
    if foldered and single:
        notes.append(
            "folders below the genre folders were not taken as groups: "
            f"{quote_all(single)} would have a single one"
        )
        return [replace(e, group=e.group if is_slice(e.id) else None) for e in examples], notes
    if foldered:
        notes.append("the files of one folder below a genre folder are one group (an artist, an album)")
    return list(examples), notes


def _label(example: Example) -> str:
    return example.labels[0] if example.labels else ""


def _hints(root: Path, examples: list[Example]) -> Iterator[str]:
    """Yield hints on what the user may have meant instead."""
    labels = {label for example in examples for label in example.labels}
    if len(labels) == 1:
        below = sorted({p[0] for e in examples if e.path and len(p := e.path.relative_to(root).parts) > 2})
        nested = sorted({p[1] for e in examples if e.path and len(p := e.path.relative_to(root).parts) > 2})
        hint = (
            f"; the folders of genres may be one level deeper, in {printable(below[0])}"
            if len(nested) > 1
            else ""
        )
        yield f"there is only one label, {quote_all(labels)}{hint}"
    for path in sorted(root.iterdir()):
        if path.suffix.lower() in TABLE_SUFFIXES and path.is_file():
            yield f"{printable(path.name)} was not read; pass its path to use it as the manifest or table"
    tracks = sum(track_of(e.id).rpartition(".")[0] in GENRES for e in examples)
    if tracks > len(examples) / 2:
        yield "the file names are GTZAN's; gtzan:FOLDER knows its repeats, artists and published split"


def _nothing(source: str, root: Path, left_out: Reasons) -> DatasetError:
    tables = sorted(p.name for p in root.iterdir() if p.suffix.lower() in {".csv", ".tsv", ".parquet"})
    seen = f" Of what is there, {left_out[0][0]} {left_out[0][1]}." if left_out else " It is empty."
    hint = "Put the files into one folder per genre: music/blues/song.mp3, music/jazz/other.mp3."
    if tables:
        hint = f"If {printable(tables[0])} is the manifest, pass its path: {printable(root / tables[0])}."
    return DatasetError(f"{printable(source)} has no genre folder with audio files or images.{seen}", hint)
