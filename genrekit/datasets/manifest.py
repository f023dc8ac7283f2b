"""Manifests: tables whose rows name a file and its label, and optionally its group and its split."""

from __future__ import annotations

import os
from collections.abc import Hashable

from genrekit.datasets.base import Ambiguous, Dataset
from genrekit.datasets.files import Paths, choose
from genrekit.datasets.genres import KEEP_SEVERAL, SEVERAL, Genres
from genrekit.datasets.gtzan.facts import GENRES
from genrekit.datasets.label_column import find_label_column
from genrekit.datasets.names import Groups, is_slice, read_split, track_of
from genrekit.errors import DatasetError
from genrekit.tables import GROUP_COLUMNS, LABEL_COLUMNS, PATH_COLUMNS, SPLIT_COLUMNS, Cells
from genrekit.text import counted, is_missing, printable, quote_all
from genrekit.types import Example, Modality


def open_manifest(
    source: str,
    cells: Cells,
    *,
    modality: Modality | None = None,
    require_labels: bool = True,
    ambiguous: Ambiguous = "drop",
) -> Dataset:
    """Read a manifest; relative paths start at its folder, and ``|`` separates labels.

    A file that is named twice, in any spelling, is taken once, with the values of its first row.

    Parameters
    ----------
    source : str
        The source as given.
    cells : Cells
        A table with a path column.
    modality : Modality, optional
        Kind of files to take if audio files and images are mixed; by default the more frequent one.
    require_labels : bool
        Whether rows without a label are left out, and a manifest without a label column refused.
    ambiguous : {'drop', 'first', 'multi'}
        Treatment of a row whose cell holds more than one genre without ``|``.

    Raises
    ------
    DatasetError
        If there is no path or label column, or the latter holds record companies, if no file is usable, or if a
        word in the split column is not a split.
    """
    path_at = cells.find(PATH_COLUMNS)
    label_at, label_notes = find_label_column(source, cells) if require_labels else (None, ())
    if path_at is None or (require_labels and label_at is None):
        raise DatasetError(
            f"{printable(source)} is not a manifest: it has the columns {quote_all(filter(str.strip, cells.columns))}, "
            f"and none of {quote_all(PATH_COLUMNS if path_at is None else LABEL_COLUMNS)}.",
            "A manifest has the columns path and label, and optionally group and split.",
        )
    group_at, split_at = cells.find(GROUP_COLUMNS), cells.find(SPLIT_COLUMNS)
    taken = {path_at, label_at, group_at, split_at}
    others = [(column, at) for at, column in enumerate(cells.columns) if at not in taken and column.strip()]
    sliced = any(is_slice(row[path_at]) for _, row in cells.rows)
    left_out = list(cells.broken)
    paths, genres, groups = Paths(cells), Genres(ambiguous), Groups()
    first: dict[Hashable, tuple[int, Example]] = {}
    contradicted: set[Hashable] = set()
    names: set[str] = set()
    moved: list[str] = []
    for number, row in cells.rows:
        text = row[path_at].strip()
        if is_missing(text):
            left_out.append((f"row {number}", "has no path"))
            continue
        name = printable(text)
        labels: tuple[str, ...] = ()
        problem = ""
        if label_at is not None:
            labels, problem, _ = genres.read(row[label_at])
        split = read_split(row[split_at], f"{cells.shown}, row {number}") if split_at is not None else None
        path = paths.find(text)
        file = paths.identity(path)
        if problem:
            left_out.append((name, f"row {number} {problem}"))
        elif file in first:
            earlier, example = first[file]
            again = f"{name} (row {number})"
            if set(example.labels) != set(labels):
                contradicted.add(file)
                left_out.append((again, _contradiction(first[file], labels)))
            else:
                as_name = "" if example.id == name else f", as {example.id}"
                left_out.append((again, f"is in row {earlier} already{as_name}"))
            if example.split != split:
                moved.append(f"{example.id} ({example.split or 'none'}, then {split or 'none'})")
        else:
            group = groups.read(row[group_at]) if group_at is not None else ""
            unique = name if name not in names else f"{name} (row {number})"
            names.add(unique)
            example = Example(
                id=unique,
                path=path,
                labels=labels,
                group=group or (track_of(name) if sliced else None),
                split=split,
                extra={column: printable(row[at]) for column, at in others},
                row_number=number,
            )
            first[file] = (number, example)
    left_out += [
        (e.id, "has other labels in another row") for file, (_, e) in first.items() if file in contradicted
    ]
    found = choose((e for file, (_, e) in first.items() if file not in contradicted), modality)
    if not found.examples:
        raise _nothing(source, cells, [*left_out, *found.left_out])
    left_out += found.left_out
    notes = [*cells.notes, *found.notes, *label_notes, *cells.group_note, *genres.notes()]
    if moved:
        notes.append(
            f"{counted(len(moved), 'file')} named again with another split, of which the first counts: {quote_all(moved, limit=3)}"
        )
    if sum(track_of(e.id).rpartition(".")[0] in GENRES for e in found.examples) > len(found.examples) / 2:
        notes.append(
            "the file names are GTZAN's; gtzan:FOLDER knows its repeats, artists and published split"
        )
    return Dataset(source, "manifest", found.modality, found.examples, tuple(left_out), tuple(notes))


def _contradiction(earlier: tuple[int, Example], labels: tuple[str, ...]) -> str:
    number, example = earlier
    both = "|".join(dict.fromkeys((*example.labels, *labels)))
    here, there = quote_all(labels), quote_all(example.labels)
    return f"is {here} here and {there} in row {number}; write {both} if it is both"


def _nothing(source: str, cells: Cells, left_out: list[tuple[str, str]]) -> DatasetError:
    folder = printable(cells.base.resolve())
    if not left_out:
        return DatasetError(f"{printable(source)} has no rows.", "Write one line per file: path,label.")
    if left_out and all(SEVERAL in reason for _, reason in left_out):
        return DatasetError(
            f"{printable(source)} has no usable row: {left_out[0][0]} {left_out[0][1]}.", KEEP_SEVERAL
        )
    missing = sum(reason == "no such file" for _, reason in left_out)
    if missing and missing == len(left_out):
        return DatasetError(
            f"Not one of the {counted(missing, 'file')} that {printable(source)} names exists; the first is "
            f"{left_out[0][0]}.",
            f"Relative paths start at {folder}{os.sep}.",
        )
    return DatasetError(
        f"{printable(source)} names no usable file: {left_out[0][0]} {left_out[0][1]}.",
        f"Relative paths start at {folder}{os.sep}.",
    )
