"""Cells of tables of Spotify features: conversion of text to numbers, and of values to text."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genrekit.text import is_missing

_POINT = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_COMMA = r"^[+-]?(\d+,?\d*|,\d+)([eE][+-]?\d+)?$"
_HAS_COMMA = r"^\s*[+-]?\d*,\d+([eE][+-]?\d+)?\s*$"
_HAS_POINT = r"^\s*[+-]?\d*\.\d"
_THOUSANDS = r"^\s*\d{1,3},\d{3}\s*$"
_NOTE = re.compile(
    r"([a-g])\s?([#♯b♭]?)(?:\s*/\s*[a-g]\s?[#♯b♭]?)?\s*(?:m|min|minor|maj|major)?", re.IGNORECASE
)
_SEMITONES = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
_ACCIDENTALS = {"": 0, "#": 1, "♯": 1, "b": -1, "♭": -1}
_MODES = {"major": 1.0, "maj": 1.0, "minor": 0.0, "min": 0.0}
_BEATS = re.compile(r"(\d{1,2})\s*/\s*\d{1,2}")

Values = npt.NDArray[np.float64]


def read_numbers(column: pa.ChunkedArray, feature: str, comma: bool) -> tuple[Values, dict[int, str]]:
    """Read a column as numbers, in the unit of the column.

    Parameters
    ----------
    column : pa.ChunkedArray
        Text, numbers or booleans.
    feature : str
        The feature, for notations that only one feature has: note names, major and minor, 4/4.
    comma : bool
        Whether text uses a decimal comma.

    Returns
    -------
    values : np.ndarray [shape=(n_rows,), dtype=float64], read-only
        NaN where a cell is empty or a word for "missing" (`genrekit.text.MISSING_WORDS`).
    problems : dict of int to str
        Index to the problem, where a cell is not a number.
    """
    if pa.types.is_nested(column.type):
        given = np.flatnonzero(column.is_valid().to_numpy()).tolist()
        return np.full(len(column), np.nan), dict.fromkeys(given, "a list or an object is not a number")
    if not is_text(column.type):
        try:
            return column.cast(pa.float64(), safe=False).to_numpy(), {}
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
            pass
    texts = as_text(column)
    if not comma:
        try:
            return texts.cast(pa.float64()).to_numpy(), {}
        except pa.ArrowInvalid:
            pass
    texts = pc.utf8_trim_whitespace(texts)
    plain = pc.fill_null(pc.match_substring_regex(texts, _COMMA if comma else _POINT), False)
    kept = pc.if_else(plain, texts, None)
    kept = pc.replace_substring(kept, ",", ".") if comma else kept
    values = np.array(kept.cast(pa.float64()).to_numpy())
    at = np.flatnonzero(~plain.to_numpy() & texts.is_valid().to_numpy())
    odd = texts.take(pa.array(at)).combine_chunks().dictionary_encode()
    read = [_odd(text, feature, comma) for text in odd.dictionary.to_pylist()]
    codes = odd.indices.to_numpy()
    values[at] = np.array([np.nan if isinstance(x, str) else x for x in read], dtype=np.float64)[codes]
    problems = {i: read[code] for i, code in zip(at.tolist(), codes.tolist(), strict=True)}
    return values, {i: problem for i, problem in problems.items() if isinstance(problem, str)}


def decimal_commas(table: pa.Table, columns: Mapping[str, str]) -> frozenset[str]:
    """Return the features written with decimal commas.

    A spreadsheet writes all columns alike, so a column with neither comma nor point follows the others.
    Milliseconds such as 194,754 are the exception: thousands separators, which are refused per row.

    Parameters
    ----------
    table : pa.Table
        The first rows of a table.
    columns : Mapping of str to str
        Feature to column as written.

    Returns
    -------
    frozenset of str
        The features.
    """
    without_point, evident = [], False
    for feature, name in columns.items():
        if not is_text(table.column(name).type):
            continue
        texts = as_text(table.column(name)).drop_null()
        commas = texts.filter(pc.match_substring_regex(texts, _HAS_COMMA))
        thousands = len(commas) and pc.all(pc.match_substring_regex(commas, _THOUSANDS)).as_py()
        if pc.any(pc.match_substring_regex(texts, _HAS_POINT)).as_py():
            continue
        if feature == "duration_ms" and thousands:
            continue
        without_point.append(feature)
        evident = evident or len(commas) > 0
    return frozenset(without_point if evident else ())


def is_text(kind: pa.DataType) -> bool:
    """Return whether a column of this type holds text."""
    if pa.types.is_dictionary(kind):
        return is_text(kind.value_type)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column of any type as text: null and NaN as null, 3.0 as '3', a list with ``|`` between."""
    if pa.types.is_string(column.type):
        return column
    if is_text(column.type):
        return column.cast(pa.string())
    return pa.chunked_array([pa.array([_text(value) for value in column.to_pylist()], pa.string())])


def _text(value: object) -> str | None:
    if isinstance(value, list):
        return "|".join(filter(None, map(_text, value)))
    if isinstance(value, float):
        return None if math.isnan(value) else str(int(value)) if value.is_integer() else repr(value)
    return None if value is None else str(value)


def _odd(text: str, feature: str, comma: bool) -> float | str:
    """Return the number meant by a cell in another notation, or what is wrong with the cell."""
    if is_missing(text):
        return float("nan")
    if feature == "key" and (note := _NOTE.fullmatch(text)):
        return float((_SEMITONES[note[1].lower()] + _ACCIDENTALS[note[2].lower()]) % 12)
    if feature == "mode" and text.casefold() in _MODES:
        return _MODES[text.casefold()]
    if feature == "time_signature" and (beats := _BEATS.fullmatch(text)):
        return float(beats[1])
    shown = repr(text if len(text) <= 40 else text[:40] + "…")
    if comma and "." in text:
        return f"{shown} has a point, but the other numbers of the column have decimal commas"
    if "," in text and re.fullmatch(r"[\d.,+-]+", text):
        return f"{shown} has a comma; use a point for decimals and no thousands separator"
    return f"{shown} is not a number"
