"""Columns of a table: normal form of their names, lookup by aliases, and checks."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from genrekit.errors import DatasetError
from genrekit.tables.encoding import written_as
from genrekit.text import column_name, printable, quote_all

MAX_COLUMNS = 10_000

PATH_COLUMNS = ("path", "file", "filename", "file_name", "filepath", "file_path")
LABEL_COLUMNS = ("label", "labels", "genre", "genres")
GROUP_COLUMNS = ("group", "artist")
SPLIT_COLUMNS = ("split",)


@dataclass(frozen=True)
class Columns:
    """A table whose columns are known and whose rows are not read yet.

    Attributes
    ----------
    path : Path
        The file.
    columns : tuple of str
        The column names as written; blank ones (a saved index) are ''.
    notes : tuple of str
        Remarks for the user on how the table was read.
    folder : Path, optional
        Folder that relative paths in the table start from; by default the folder of the file.
    title : str, optional
        How messages name the table; by default its path.
    """

    path: Path
    columns: tuple[str, ...]
    notes: tuple[str, ...]
    folder: Path | None = field(default=None, kw_only=True)
    title: str | None = field(default=None, kw_only=True)

    @property
    def shown(self) -> str:
        """The table as messages name it."""
        return printable(self.path if self.title is None else self.title)

    @property
    def base(self) -> Path:
        """Folder where relative paths in the table start."""
        return self.path.parent if self.folder is None else self.folder

    @property
    def names(self) -> dict[str, int]:
        """Position of every named column, by its name in lower case with ``_`` for white space."""
        return {column_name(column): i for i, column in enumerate(self.columns) if column.strip()}

    def find(self, aliases: tuple[str, ...]) -> int | None:
        """Return the position of the first column of ``aliases`` that the table has, or None."""
        names = self.names
        return next((names[alias] for alias in aliases if alias in names), None)

    @property
    def group_note(self) -> tuple[str, ...]:
        """The note that a column of another name than ``group`` was read as the group; empty if none was."""
        at = self.find(GROUP_COLUMNS)
        if at is None or "group" in self.names:
            return ()
        return (f"the column '{printable(self.columns[at])}' was read as the group",)

    def file(self, name: str) -> Path:
        """Return the path that a cell names, relative to ``base``.

        Names that are not UTF-8, in the table or on the disk, are also found by their bytes.
        """
        place = self.base / name
        if not name.isascii() and not os.path.lexists(place):
            raw = written_as(name)
            if raw is not None and os.path.lexists(other := self.base / os.fsdecode(raw)):
                return other
        return place


def check_columns(name: str, columns: Sequence[str]) -> None:
    """Refuse column names that do not make a table.

    Parameters
    ----------
    name : str
        Name of the table, for messages.
    columns : sequence of str

    Raises
    ------
    DatasetError
        If all are blank, there are more than ``MAX_COLUMNS``, or two differ only in upper and lower case
        and white space.
    """
    if not any(column.strip() for column in columns):
        raise DatasetError(f"{name} has no line of column names.", "Write one as its first line.")
    if len(columns) > MAX_COLUMNS:
        raise DatasetError(f"{name} has {len(columns):,} columns; {MAX_COLUMNS:,} are allowed.")
    seen: dict[str, str] = {}
    for column in columns:
        key = column_name(column)
        if key and key in seen:
            raise DatasetError(
                f"{name} has two columns with the same name: {quote_all([seen[key], column])}.",
                "Rename or remove one; upper and lower case are not distinguished.",
            )
        seen[key] = column
