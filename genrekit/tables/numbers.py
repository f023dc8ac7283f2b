"""Numbers in cells of text, with a point or a comma before the decimals."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

_POINT = re.compile(r"\s*[+-]?\d*\.\d+(?:[eE][+-]?\d+)?\s*", re.ASCII)
_COMMA = re.compile(r"\s*[+-]?\d*,\d+(?:[eE][+-]?\d+)?\s*", re.ASCII)


def decimal_comma(cells: Iterable[str]) -> bool:
    """Return whether numbers have decimal commas: at least one does, and none has a decimal point.

    A spreadsheet writes all columns alike, so cells of more than one column may be passed together.

    Examples
    --------
    >>> decimal_comma(["1", "0,5", "-2,5E-05"]), decimal_comma(["1,5", "0.5"]), decimal_comma(["1"])
    (True, False, False)
    """
    found = False
    for cell in cells:
        if "." in cell and _POINT.fullmatch(cell):
            return False
        found = found or ("," in cell and _COMMA.fullmatch(cell) is not None)
    return found


def number(cell: str, *, comma: bool = False) -> float:
    """Return the number in a cell, NaN if there is none.

    Parameters
    ----------
    cell : str
        Text of a cell.
    comma : bool
        Whether a comma is read as a decimal point; a cell with a point is read as it is.

    Returns
    -------
    float
        May be infinite if the cell says so.

    Examples
    --------
    >>> number("0.5"), number("0,5"), number("0,5", comma=True)
    (0.5, nan, 0.5)
    """
    try:
        return float(cell.replace(",", ".") if comma and "." not in cell else cell)
    except ValueError:
        return math.nan
