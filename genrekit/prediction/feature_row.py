"""Rows of features from a bare list of numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from genrekit.errors import UsageError
from genrekit.types import Example

MAX_CHARACTERS = 1_000_000


def read_numbers(text: str, schemas: Mapping[str, Sequence[str]]) -> Example:
    """Read numbers separated by commas, semicolons or white space, with or without brackets.

    Where commas are only before decimals, as spreadsheets of many countries write them, they are read so.

    Parameters
    ----------
    text : str
        At most a million characters.
    schemas : dict of str to sequence of str
        Column names by backend; the number of numbers chooses the schema.

    Returns
    -------
    Example
        An example with the row.

    Raises
    ------
    UsageError
        If a word is not a finite number, or no schema has as many columns.

    Examples
    --------
    >>> read_numbers("[0.5, 2]", {"two": ("a", "b")}).row
    {'a': 0.5, 'b': 2.0}
    >>> read_numbers("0,5; 2", {"two": ("a", "b")}).row
    {'a': 0.5, 'b': 2.0}
    """
    from genrekit.tables import decimal_comma  # brings Arrow, which a server has no use for

    expected = _expected(schemas)
    if len(text) > MAX_CHARACTERS:
        raise UsageError(f"The list of numbers has {len(text):,} characters; {MAX_CHARACTERS:,} are allowed.")
    bare = text.strip().strip("[]()").strip()
    words = [word for word in re.split(r"[,;\s]+", bare) if word]
    cells = [cell for cell in re.split(r"[;\s]+", bare) if cell]
    if len(cells) in map(len, schemas.values()) and decimal_comma(cells):
        words = [cell.replace(",", ".") for cell in cells]
    values = []
    for position, word in enumerate(words, start=1):
        try:
            value = float(word)
        except ValueError:
            raise UsageError(
                f"Value {position} of {len(words)} is not a number: {word[:40]!r}.",
                f"Expected: {expected}.",
            ) from None
        if not math.isfinite(value):
            raise UsageError(
                f"Value {position} of {len(words)} is not a finite number: {word}.",
                f"Expected: {expected}.",
            )
        values.append(value)
    return numbers_row(values, schemas)


def numbers_row(
    values: Sequence[float], schemas: Mapping[str, Sequence[str]], name: str = "numbers"
) -> Example:
    """Return finite numbers as an example of the schema that has as many columns.

    Raises
    ------
    UsageError
        If no schema has as many columns.
    """
    for columns in schemas.values():
        if len(columns) == len(values):
            return Example(id=name, row=dict(zip(columns, values, strict=True)))
    commands = " or ".join(f"genrekit backends {backend} --columns" for backend in schemas)
    raise UsageError(
        f"There are {len(values)} numbers; expected: {_expected(schemas)}.",
        f"The order is that of the columns: {commands}." if commands else "",
    )


def _expected(schemas: Mapping[str, Sequence[str]]) -> str:
    counts = " or ".join(f"{len(columns)} ({name})" for name, columns in schemas.items())
    return counts or "none: no model takes any"
