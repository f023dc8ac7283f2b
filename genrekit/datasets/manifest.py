"""A manifest: a table whose rows name a file and its label, and may name its group and its side."""

from __future__ import annotations

import os

from genrekit.datasets.base import Dataset
from genrekit.datasets.files import choose
from genrekit.datasets.names import is_slice, printable, quote_all, read_labels, track_of
from genrekit.datasets.table import side
from genrekit.errors import DatasetError
from genrekit.tables import GROUP_COLUMNS, LABEL_COLUMNS, PATH_COLUMNS, SPLIT_COLUMNS, Cells
from genrekit.types import Example, Modality


def open_manifest(
    source: str, cells: Cells, *, modality: Modality | None = None, require_labels: bool = True
) -> Dataset:
    """Read a manifest; relative paths start at the manifest's folder, ``|`` stands between several labels.

    Parameters
    ----------
    source : str
        The source as it was given.
    cells : Cells
        A table with a path column.
    modality : Modality, optional
        What to take where audio files and images are mixed; by default what there is more of.
    require_labels : bool
        Whether rows without a label are left out, and a manifest without a label column refused.

    Raises
    ------
    DatasetError
        If there is no path or label column, not one usable file, or a word in the split column that is not
        a side.
    """
    path_at, label_at = cells.find(PATH_COLUMNS), cells.find(LABEL_COLUMNS)
    if path_at is None or (require_labels and label_at is None):
        raise DatasetError(
            f"{printable(source)} is no manifest: it has the columns {quote_all(cells.columns)}, "
            f"and none of {quote_all(PATH_COLUMNS if path_at is None else LABEL_COLUMNS)}.",
            "A manifest has the columns path and label, and may have group and split.",
        )
    group_at, split_at = cells.find(GROUP_COLUMNS), cells.find(SPLIT_COLUMNS)
    taken = {path_at, label_at, group_at, split_at}
    others = [(column, at) for at, column in enumerate(cells.columns) if at not in taken and column.strip()]
    sliced = any(is_slice(row[path_at]) for _, row in cells.rows)
    left_out = list(cells.broken)
    first: dict[str, tuple[int, Example]] = {}
    contradicted: set[str] = set()
    for number, row in cells.rows:
        text = row[path_at].strip()
        name = printable(text)
        labels = read_labels(row[label_at]) if label_at is not None else ()
        group = printable(row[group_at].strip()) if group_at is not None else ""
        example = Example(
            id=name,
            path=cells.file(text),
            labels=labels,
            group=group or (track_of(name) if sliced else None),
            split=side(cells, number, row[split_at]) if split_at is not None else None,
            extra={column: printable(row[at]) for column, at in others},
        )
        if not text:
            left_out.append((f"row {number}", "has no path"))
        elif require_labels and not labels:
            left_out.append((name, f"row {number} has no label"))
        elif name in first and set(first[name][1].labels) == set(labels):
            left_out.append((f"{name} (row {number})", f"stands in row {first[name][0]} already"))
        elif name in first:
            contradicted.add(name)
            left_out.append((f"{name} (row {number})", _contradiction(first[name], labels)))
        else:
            first[name] = (number, example)
    left_out += [(name, "has other labels in another row") for name in first if name in contradicted]
    found = choose((example for name, (_, example) in first.items() if name not in contradicted), modality)
    if not found.examples:
        raise _nothing(source, cells, [*left_out, *found.left_out])
    left_out += found.left_out
    return Dataset(
        source,
        "manifest",
        found.modality,
        found.examples,
        tuple(left_out),
        (*cells.notes, *found.notes, *cells.group_note),
    )


def _contradiction(earlier: tuple[int, Example], labels: tuple[str, ...]) -> str:
    number, example = earlier
    both = "|".join(dict.fromkeys((*example.labels, *labels)))
    here, there = quote_all(labels), quote_all(example.labels)
    return f"is {here} here and {there} in row {number}; write {both} if it is both"


def _nothing(source: str, cells: Cells, left_out: list[tuple[str, str]]) -> DatasetError:
    folder = printable(cells.path.parent.resolve())
    if not left_out:
        return DatasetError(f"{printable(source)} has no rows.", "Write one line a file: path,label.")
    missing = sum(reason == "no such file" for _, reason in left_out)
    if missing and missing == len(left_out):
        return DatasetError(
            f"Not one of the {missing} files that {printable(source)} names exists; the first is "
            f"{left_out[0][0]}.",
            f"Relative paths start at the folder of the manifest, {folder}{os.sep}.",
        )
    return DatasetError(
        f"{printable(source)} names no usable file: {left_out[0][0]} {left_out[0][1]}.",
        f"Relative paths start at the folder of the manifest, {folder}{os.sep}.",
    )
