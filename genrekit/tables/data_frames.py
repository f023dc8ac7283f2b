"""Data frames of pandas as tables: written as Parquet, without importing pandas."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from genrekit.errors import DatasetError
from genrekit.tables.table import Table, open_table

if TYPE_CHECKING:
    import pandas as pd

NAME = "DataFrame"
_COLLECTIONS = (list, tuple, set, frozenset)
# A saved index has a column without a name; it makes no row blank, and is neither a feature nor repeated.
_POSITIONS = ""


def table_of(frame: pd.DataFrame, path: Path) -> Table:
    """Write a data frame as Parquet and open it; row n of the frame, from 0, is row n + 2 of the table.

    Columns become those of the table by their names as text, in several levels joined by points. A named index is a
    column too, unless the frame has one of its name. Paths and mixed values become text, collections of texts
    one text with ``|`` between them. Relative paths in the table start at the current directory.

    Parameters
    ----------
    frame : pd.DataFrame
    path : Path
        The file to write; it must exist for as long as the table is read.

    Raises
    ------
    DatasetError
        If it has no columns, two columns of one name, or values that no table holds.
    """
    columns: dict[str, pa.Array] = {_POSITIONS: pa.array(range(len(frame)), pa.int64())}
    for name, values in _named(frame):
        if name in columns:
            raise DatasetError(
                f"The data frame has two columns with the same name: {name!r}.", "Rename or remove one."
            )
        columns[name] = _array(values)
    if len(columns) == 1:
        raise DatasetError(
            "The data frame has no columns with a name.", "Features, or paths and labels, need column names."
        )
    pq.write_table(pa.table(columns), path)
    return replace(open_table(path), folder=Path(), title=NAME)


def _named(frame: pd.DataFrame) -> Iterator[tuple[str, Any]]:
    names = [_text(name) for name in frame.columns]
    for level, name in enumerate(frame.index.names):
        if name is not None and _text(name).strip() and _text(name) not in names:
            yield _text(name), frame.index.get_level_values(level)
    for at, name in enumerate(names):
        if name.strip():
            yield name, frame.iloc[:, at]


def _text(name: Any) -> str:
    return ".".join(str(part) for part in name if str(part)) if isinstance(name, tuple) else str(name)


def _array(values: Any) -> pa.Array:
    first = next((value for value in values if value is not None), None) if values.dtype == object else None
    try:
        if not isinstance(first, _COLLECTIONS):
            return pa.Array.from_pandas(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        pass
    return pa.array([_cell(value) for value in values], pa.string())


def _cell(value: Any) -> str | None:
    if isinstance(value, _COLLECTIONS):
        parts = sorted(value, key=str) if isinstance(value, set | frozenset) else value
        return "|".join(map(str, parts))
    if value is None or value != value or str(value) in ("<NA>", "NaT"):
        return None
    # A path that is not UTF-8 has surrogates, which Arrow refuses.
    return str(value).encode("utf-8", "backslashreplace").decode("utf-8")
