"""The dialect of delimited text, read from its first lines."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from typing import TextIO

from genrekit.errors import DatasetError

MAX_HEADER_CHARACTERS = 2**18

# Spreadsheet programs write this line for each other: https://support.microsoft.com/office/c250a2bd
_SEPARATOR_LINE = re.compile(r'"?sep=([^\w"\r\n])"?[,;\t| ]*', re.IGNORECASE | re.ASCII)


@dataclass(frozen=True)
class Dialect:
    """The form of delimited text.

    Attributes
    ----------
    columns : tuple of str
        The column names as written; empty if every line is blank.
    delimiter : str
        One ASCII character.
    n_lines : int
        Number of lines above the first row: the header, any lines above it, and blank lines.
    has_rows : bool
        Whether the header is followed by anything.
    """

    columns: tuple[str, ...]
    delimiter: str
    n_lines: int
    has_rows: bool


def read_dialect(name: str, file: TextIO, *, tabs: bool = False, n_headers: int = 1) -> Dialect:
    """Determine the dialect from the first lines of a text.

    A line ``sep=;`` above the header names the delimiter. Otherwise it is the one of comma, semicolon, tab and
    ``|`` that splits the header into most cells; among equals, the one that splits the first row into as many.

    Parameters
    ----------
    name : str
        Name of the table, for messages.
    file : text file
        Opened with ``newline=""``, at its start.
    tabs : bool
        Whether the tab is the delimiter if the header contains one, or contains no delimiter.
    n_headers : int >= 1
        Number of lines of column names. Names of one column in more than one line are joined by points.

    Raises
    ------
    DatasetError
        If one of the lines has more than ``MAX_HEADER_CHARACTERS`` characters.
    csv.Error
        If the header has a cell of more than 131,072 characters.
    """
    n_lines, given = 0, ""
    for line in iter(lambda: file.readline(MAX_HEADER_CHARACTERS), ""):
        n_lines += 1
        _check_length(name, line)
        if not line.strip():
            continue
        if not given and (found := _SEPARATOR_LINE.fullmatch(line.rstrip("\r\n"))):
            given = found[1]
            continue
        headers = [line, *(file.readline(MAX_HEADER_CHARACTERS) for _ in range(n_headers - 1))]
        for other in headers:
            _check_length(name, other)
        row = file.readline(MAX_HEADER_CHARACTERS)
        delimiter = given or _delimiter(line, row, tabs=tabs)
        cells = [_split(header, delimiter) for header in headers]
        columns = cells[0] if n_headers == 1 else list(map(_joined, zip(*cells, strict=False)))
        return Dialect(tuple(columns), delimiter, n_lines + n_headers - 1, bool(row))
    return Dialect((), ",", n_lines, False)


def _delimiter(header: str, row: str, *, tabs: bool) -> str:
    if tabs and "\t" in header:
        return "\t"
    n_cells = {delimiter: len(_split(header, delimiter)) for delimiter in ("\t,;|" if tabs else ",;\t|")}
    most = max(n_cells.values())
    likely = [delimiter for delimiter, n in n_cells.items() if n == most]
    if most == 1 or len(likely) == 1 or len(row) == MAX_HEADER_CHARACTERS:
        return likely[0]
    return next((delimiter for delimiter in likely if len(_split(row, delimiter)) == most), likely[0])


def _split(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter), [])


def _joined(parts: tuple[str, ...]) -> str:
    return ".".join(part.strip() for part in parts if part.strip())


def _check_length(name: str, line: str) -> None:
    if len(line) == MAX_HEADER_CHARACTERS:
        raise DatasetError(
            f"The first line of {name} has more than {MAX_HEADER_CHARACTERS:,} characters.",
            "A table starts with a line of column names.",
        )
