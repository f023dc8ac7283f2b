"""A bare list of numbers as a row of features."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from genrekit.errors import UsageError
from genrekit.types import Example

MAX_CHARACTERS = 1_000_000


def read_numbers(text: str, schemas: Mapping[str, Sequence[str]]) -> Example:
    """Read numbers between commas, semicolons or white space, in or without brackets.

    Parameters
    ----------
    text : str
        At most a million characters.
    schemas : dict of str to sequence of str
        Column names by backend; the number of numbers chooses the schema.

    Returns
    -------
    Example
        With the row.

    Raises
    ------
    UsageError
        If a word is no finite number, or no schema has as many columns.

    Examples
    --------
    >>> read_numbers("[0.5, 2]", {"two": ("a", "b")}).row
    {'a': 0.5, 'b': 2.0}
    """
    expected = (
        " or ".join(f"{len(columns)} ({name})" for name, columns in schemas.items())
        or "none: no model takes any"
    )
    if len(text) > MAX_CHARACTERS:
        raise UsageError(f"The list of numbers has {len(text):,} characters; {MAX_CHARACTERS:,} are allowed.")
    words = [word for word in re.split(r"[,;\s]+", text.strip().strip("[]()").strip()) if word]
    values = []
    for position, word in enumerate(words, start=1):
        try:
            value = float(word)
        except ValueError:
            raise UsageError(
                f"Number {position} of {len(words)} is {word[:40]!r}, which is no number.",
                f"Expected: {expected}.",
            ) from None
        if not math.isfinite(value):
            raise UsageError(
                f"Number {position} of {len(words)} is {word}; finite numbers are needed.",
                f"Expected: {expected}.",
            )
        values.append(value)
    for columns in schemas.values():
        if len(columns) == len(values):
            return Example(id="numbers", row=dict(zip(columns, values, strict=True)))
    raise UsageError(
        f"There are {len(values)} numbers; expected: {expected}.",
        "Their order is that of the columns: genrekit backends NAME --columns",
    )
