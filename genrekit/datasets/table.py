"""Tables of features, recognised by their columns: one example per row."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from genrekit.datasets.base import Ambiguous, Dataset
from genrekit.datasets.genres import KEEP_SEVERAL, SEVERAL, Genres
from genrekit.datasets.label_column import GENRE_FIRST, find_label_column
from genrekit.datasets.names import Groups, is_slice, read_split, track_of
from genrekit.errors import DatasetError
from genrekit.features import MIN_COLUMNS, find_columns
from genrekit.tables import (
    GROUP_COLUMNS,
    LABEL_COLUMNS,
    PATH_COLUMNS,
    SPLIT_COLUMNS,
    Cells,
    Columns,
    decimal_comma,
    number,
)
from genrekit.text import column_name, is_missing, printable, quote_all, visible
from genrekit.types import Example, Modality

ID_COLUMNS = (*PATH_COLUMNS, "id", "track_id")

# A table with this share of the columns of a schema was meant to match it; fewer is a coincidence.
NEARLY = 0.5
_TELLING_ROWS = 10_000


def match(cells: Columns, schemas: Mapping[str, Sequence[str]]) -> str | None:
    """Return the name of the schema whose columns the table has, all of them; the largest if several fit.

    Parameters
    ----------
    cells : Columns
        The columns of a table.
    schemas : mapping of str to sequence of str
        Names of schemas and their columns; order and case do not matter.

    Returns
    -------
    str or None
        None if no schema fits.

    Raises
    ------
    DatasetError
        If the table has no ``path`` column and half of a schema or more, but not all of it.
    """
    names = cells.names
    missing = {
        schema: [column for column in columns if column_name(column) not in names]
        for schema, columns in schemas.items()
        if columns
    }
    fitting = [schema for schema, absent in missing.items() if not absent]
    if fitting:
        return max(fitting, key=lambda schema: len(schemas[schema]))
    share = {schema: 1 - len(absent) / len(schemas[schema]) for schema, absent in missing.items()}
    best = max(share, key=share.__getitem__, default=None)
    if best is None or share[best] < NEARLY or "path" in names:
        return None
    raise DatasetError(
        f"{cells.shown} is nearly a table of {best} features: of {len(schemas[best])} columns it "
        f"does not have {quote_all(missing[best])}.",
        "Add the missing columns; order, case and other columns do not matter.",
    )


def what_is_wrong(columns: Sequence[str], schemas: Mapping[str, Sequence[str]]) -> str:
    """Return why a table with these columns is not a table of features, as far as they show it; else ''.

    Parameters
    ----------
    columns : sequence of str
        The cells of the first line.
    schemas : mapping of str to sequence of str
        Names of schemas and their columns.

    Returns
    -------
    str
        A sentence that begins with a space, to append to an error message.
    """
    values = sum(math.isfinite(number(column)) for column in columns)
    if values > len(columns) / 3:
        return " Its first line holds values instead of names: write a line of column names above it."
    found = find_columns(columns) if "spotify" in schemas else {}
    if len(found) > 1:
        return (
            f" It has {len(found)} of the {len(schemas['spotify'])} features of spotify ({quote_all(list(found))}); "
            f"{MIN_COLUMNS} are needed."
        )
    return ""


def open_table(
    source: str,
    cells: Cells,
    schema: str,
    columns: Sequence[str],
    *,
    require_labels: bool = True,
    ambiguous: Ambiguous = "drop",
) -> Dataset:
    """Read a table of features.

    Parameters
    ----------
    source : str
        The source as given.
    cells : Cells
        A table that has ``columns``.
    schema : str
        The name of the schema, for the notes.
    columns : sequence of str
        The feature columns, as the examples' rows will name them.
    require_labels : bool
        Whether rows without a label are left out, and a table without a label column refused.
    ambiguous : {'drop', 'first', 'multi'}
        Treatment of a row whose cell holds more than one genre.

    Raises
    ------
    DatasetError
        If there is no label column, or one of record companies, no usable row, or a word in the split column that
        is not a split.
    """
    label_at, label_notes = find_label_column(source, cells) if require_labels else (None, ())
    if require_labels and label_at is None:
        raise DatasetError(
            f"{printable(source)} has the features of {schema} but no label column.",
            f"Add one, named {quote_all(LABEL_COLUMNS)}.",
        )
    examples: list[Example] = []
    left_out = list(cells.broken)
    genres = Genres(ambiguous)
    for (example, reason), (_, row) in zip(examples_of(cells, columns, label_at), cells.rows, strict=True):
        if not reason and label_at is not None:
            labels, reason, _ = genres.read(row[label_at])
            example = replace(example, labels=labels)
        if reason:
            left_out.append((example.id, reason))
        else:
            examples.append(example)
    if not examples:
        raise DatasetError(
            f"{printable(source)} has no usable row"
            + (f": {left_out[0][0]} {left_out[0][1]}." if left_out else " below its column names."),
            KEEP_SEVERAL
            if left_out and all(reason.startswith(SEVERAL) for _, reason in left_out)
            else "A row needs a number in every feature column, and a label.",
        )
    return Dataset(
        source,
        "table",
        Modality.TABLE,
        tuple(examples),
        tuple(left_out),
        (
            *cells.notes,
            f"read as a table of {schema} features, by its columns",
            *(("numbers were read with a decimal comma",) if _has_commas(cells, columns) else ()),
            *label_notes,
            *cells.group_note,
            *genres.notes(),
        ),
    )


def examples_of(
    cells: Cells, columns: Sequence[str], label_at: int | None = None, *, splits: bool = True
) -> Iterator[tuple[Example, str]]:
    """Yield every row as an example without labels, with the reason why it cannot be used, or ''.

    A row that cannot be used has NaN where a number is missing. Without ``splits`` the split column is ignored.

    Parameters
    ----------
    cells : Cells
        An opened table.
    columns : sequence of str
        Names of the feature columns; the table has all of them.
    label_at : int, optional
        Position of the label column; by default the first that is named like one.
    splits : bool
        Whether the split column is read.

    Yields
    ------
    Example
        One per row, in order; its id is unique in the table.
    str
        Why the row cannot be used, else ''.

    Raises
    ------
    DatasetError
        If the split column has a word that is not a split.
    """
    names = cells.names
    features = [(column, names[column_name(column)]) for column in columns]
    id_at = cells.find(ID_COLUMNS)
    label_at = cells.find(GENRE_FIRST) if label_at is None else label_at
    group_at, split_at = cells.find(GROUP_COLUMNS), cells.find(SPLIT_COLUMNS) if splits else None
    taken = {at for _, at in features} | {id_at, label_at, group_at, split_at}
    others = [(column, at) for at, column in enumerate(cells.columns) if at not in taken and column.strip()]
    sliced = id_at is not None and any(is_slice(row[id_at]) for _, row in cells.rows)
    seen: set[str] = set()
    comma = _has_commas(cells, columns)
    groups = Groups()
    for row_number, row in cells.rows:
        where = f"row {row_number}"
        name = printable(row[id_at].strip()) if id_at is not None else ""
        group = groups.read(row[group_at]) if group_at is not None else ""
        if not group and sliced:
            group = track_of(name)
        values = {column: number(row[at], comma=comma) for column, at in features}
        bad = next(((column, row[at]) for column, at in features if not math.isfinite(values[column])), None)
        unique = name if name and name not in seen else f"{name} ({where})".lstrip()
        seen.add(unique)
        example = Example(
            id=unique,
            row=values,
            group=group or None,
            split=read_split(row[split_at], f"{cells.shown}, {where}") if split_at is not None else None,
            extra={column: printable(row[at]) for column, at in others},
            row_number=row_number,
        )
        yield example, f"{where}, column '{bad[0]}': {_describe(bad[1])}" if bad else ""


def identifying(columns: Sequence[str], features: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of a table that `examples_of` puts into ``extra``; all if a feature column is missing.

    Parameters
    ----------
    columns : sequence of str
        All columns of the table.
    features : sequence of str
        Names of the feature columns of a model.

    Returns
    -------
    tuple of str
        As the table spells them, in its order.
    """
    names = {column_name(column): column for column in columns if column.strip()}
    if not features or any(column_name(feature) not in names for feature in features):
        return tuple(columns)
    aliases = (ID_COLUMNS, GENRE_FIRST, GROUP_COLUMNS, SPLIT_COLUMNS)
    taken = {next((name for name in some if name in names), "") for some in aliases}
    taken |= {column_name(feature) for feature in features}
    return tuple(column for name, column in names.items() if name not in taken)


def _has_commas(cells: Cells, columns: Sequence[str]) -> bool:
    """Return whether the features have decimal commas, judged by the first rows."""
    names = cells.names
    places = [names[column_name(column)] for column in columns]
    return decimal_comma(row[at] for _, row in cells.rows[:_TELLING_ROWS] for at in places)


def _describe(text: str) -> str:
    if not text.strip():
        return "the cell is empty"
    if is_missing(text):
        return f"'{visible(printable(text[:40]))}' means that there is no value"
    return f"'{visible(printable(text[:40]))}' is not a finite number"
