"""Spotify audio features as numbers: units, note names, decimal commas and missing values of tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genrekit.errors import DatasetError
from genrekit.features.schema import SPOTIFY_COLUMNS
from genrekit.features.spotify_cells import Values, decimal_commas, read_numbers
from genrekit.features.spotify_schema import (
    MIN_COLUMNS,
    RANGES,
    UNKNOWN,
    find_columns,
    is_milliseconds,
    is_percent,
    twins,
)
from genrekit.text import counted

NO_FEATURE = "has no audio feature"

_UNITS = {"minutes": 60_000.0, "seconds": 1000.0, "milliseconds": 1.0}
# A track of an hour is rare, and so is one of ten seconds: values below 60 are minutes, above 10,000 milliseconds.
_MOST_MINUTES, _LEAST_MS = 60.0, 10_000.0
_NEVER_TINY = {"danceability", "energy", "valence"}
# In a column with both units, a value below 1,000 is not a duration in milliseconds.
_MIXED_MS = 1000.0


@dataclass(frozen=True, eq=False)
class SpotifyRows:
    """Rows of a table as numbers.

    Attributes
    ----------
    numbers : np.ndarray [shape=(n_rows,), dtype=int64]
        Row numbers.
    values : np.ndarray [shape=(n_rows, 13), dtype=float64]
        The features in the order of ``SPOTIFY_COLUMNS``, in Spotify's units; NaN where missing or wrong.
    errors : dict of int to str
        Index into ``values`` to the reason why the row cannot be used: the column as written and its value.
    """

    numbers: npt.NDArray[np.int64]
    values: Values
    errors: dict[int, str]


@dataclass(frozen=True)
class SpotifyTable:
    """Interpretation of a table, inferred from its first rows.

    Attributes
    ----------
    columns : Mapping of str to str
        Feature to column as written.
    missing : tuple of str
        The features without a column.
    notes : tuple of str
        Notes for the user: missing columns, and the interpretation chosen in ambiguous cases.
    decimal_comma : frozenset of str
        Features whose text uses a decimal comma.
    scales : Mapping of str to float
        Factors of written numbers, where not 1.
    mixed_duration : bool
        Whether the duration column mixes minutes and milliseconds.
    """

    columns: Mapping[str, str]
    missing: tuple[str, ...]
    notes: tuple[str, ...]
    decimal_comma: frozenset[str]
    scales: Mapping[str, float]
    mixed_duration: bool

    def read(self, table: pa.Table, numbers: npt.NDArray[np.int64]) -> SpotifyRows:
        """Read rows.

        Parameters
        ----------
        table : pa.Table
            Rows of the same table: text, numbers or booleans.
        numbers : np.ndarray [shape=(n_rows,), dtype=int64]
            Their row numbers.

        Returns
        -------
        SpotifyRows
            All rows; a cell that is not a number or out of `RANGES`, and a row without any feature, is an error.
        """
        values = np.full((len(SPOTIFY_COLUMNS), table.num_rows), np.nan).T
        errors: dict[int, str] = {}
        for at, feature in enumerate(SPOTIFY_COLUMNS):
            if feature in self.columns:
                name = self.columns[feature]
                written, problems = read_numbers(table.column(name), feature, feature in self.decimal_comma)
                values[:, at], outside = self._in_units(written, feature)
                for i, problem in {**problems, **outside}.items():
                    errors.setdefault(i, f"column {name!r}: {problem}")
        for i in np.flatnonzero(np.isnan(values).all(axis=1)).tolist():
            errors.setdefault(i, NO_FEATURE)
        return SpotifyRows(numbers, values, errors)

    def _in_units(self, written: Values, feature: str) -> tuple[Values, dict[int, str]]:
        """Return one column in Spotify's units, and the problems of values out of range."""
        low, high = RANGES[feature]
        scale = self.scales.get(feature, 1.0)
        values = written
        for unknown in UNKNOWN[feature]:
            values = np.where(values == unknown, np.nan, values)
        if feature == "duration_ms" and self.mixed_duration:
            values = np.where(values < _MIXED_MS, values * _UNITS["minutes"], values)
        elif scale != 1:
            values = values * scale
        outside = np.flatnonzero((values < low) | (values > high))
        limits = f"{_shown(low / scale)} to {_shown(high / scale)}"
        problems = {i: f"{_shown(float(written[i]))} is outside {limits}" for i in outside.tolist()}
        if problems:
            values = values.copy()
            values[outside] = np.nan
        return values, problems


def understand(table: pa.Table) -> SpotifyTable:
    """Infer from the first rows of a table how to read all of it.

    Parameters
    ----------
    table : pa.Table
        The first rows, text, numbers or booleans; more rows give better evidence.

    Raises
    ------
    DatasetError
        If fewer than `MIN_COLUMNS` of the 13 features have a column, or two columns mean one feature.
    """
    columns = find_columns(table.column_names)
    missing = tuple(feature for feature in SPOTIFY_COLUMNS if feature not in columns)
    if len(columns) < MIN_COLUMNS:
        raise DatasetError(
            f"The table has {len(columns)} of Spotify's 13 audio features"
            + (f", {_quoted(list(columns.values()))}" if columns else "")
            + f"; at least {MIN_COLUMNS} are needed. Missing: {_quoted(missing)}.",
            "Add the missing columns; upper and lower case, spaces and other columns do not matter.",
        )
    notes = []
    if missing:
        notes.append(f"there is no column for {_quoted(missing)}: missing values to the model")
    comma = decimal_commas(table, columns)
    if comma:
        notes.append("numbers were read with a decimal comma")
    named = {feature: column for feature, column in columns.items() if is_percent(column)}
    fractions = _fractions(table, named, comma)
    scales = {feature: 0.01 for feature in named if feature not in fractions}
    if scales:
        notes.append(f"{_quoted([named[feature] for feature in scales])} were read as percentages")
    if fractions:
        notes.append(
            f"{_quoted([named[feature] for feature in named if feature in fractions])}: named as percentages, but read as "
            "fractions, by the values"
        )
    mixed = False
    if "duration_ms" in columns:
        unit, mixed, note = _unit(table, columns["duration_ms"], "duration_ms" in comma)
        scales["duration_ms"] = _UNITS[unit]
        notes += [note] if note else []
    notes += [
        f"{columns['duration_ms']!r} was read as the duration, and {twin!r} was not"
        for twin in twins(table.column_names)
    ]
    return SpotifyTable(columns, missing, tuple(notes), comma, scales, mixed)


def model_input(values: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Return the features that a model reads.

    Parameters
    ----------
    values : array_like [shape=(n, 13)]
        Features in the order of ``SPOTIFY_COLUMNS``, NaN where missing.

    Returns
    -------
    np.ndarray [shape=(n, 15), dtype=float32]
        The columns of ``MODEL_COLUMNS``: the 13, then

        - ``tempo_fraction``, the fractional part of the tempo, in [0, 1): near 0 for music that was produced at a whole
          number of beats per minute. A table with rounded tempos has 0 everywhere, so tables of different rounding must
          not be merged for training;
        - ``energy_over_loudness``, the energy divided by the loudness as an amplitude, ``10 ** (loudness / 20)``:
          density of a sound relative to its level.

        NaN where an operand is.
    """
    values = np.asarray(values, dtype=np.float64)
    column = {name: values[:, at] for at, name in enumerate(SPOTIFY_COLUMNS)}
    out = np.empty((len(values), len(SPOTIFY_COLUMNS) + 2), dtype=np.float32)
    out[:, :-2] = values
    out[:, -2] = column["tempo"] - np.floor(column["tempo"])
    out[:, -1] = column["energy"] / 10 ** (column["loudness"] / 20)
    return out


def _unit(table: pa.Table, name: str, comma: bool) -> tuple[str, bool, str]:
    """Return the unit of the durations, whether minutes and milliseconds are mixed, and a note."""
    values, _ = read_numbers(table.column(name), "duration_ms", comma)
    values = values[np.isfinite(values) & (values > 0)]
    short, long = int((values < _MOST_MINUTES).sum()), int((values > _LEAST_MS).sum())
    if min(short, long) > len(values) - short - long:
        return (
            "milliseconds",
            True,
            f"the column {name!r} mixes minutes and milliseconds ({short:,} and {long:,} of the first "
            f"{counted(table.num_rows, 'row')}): values below {_MIXED_MS:,.0f} were read as minutes. Check where the "
            "units come from: if they differ by genre, the unit betrays the genre, and a model learns that",
        )
    if is_milliseconds(name) or not len(values):
        return "milliseconds", False, ""
    middle = float(np.median(values))
    unit = "minutes" if middle < 30 else "seconds" if middle <= _LEAST_MS else "milliseconds"
    return unit, False, f"the column {name!r} was read as {unit}, by its values"


def _fractions(table: pa.Table, named: Mapping[str, str], comma: frozenset[str]) -> set[str]:
    """Return the features named as percentages whose values are fractions: none above 1, some below.

    A per cent of danceability, energy or valence is next to impossible in a whole column; for the others it is not,
    and they are fractions only if no column named as a percentage has percentages.
    """
    low, high = set(), set()
    for feature, column in named.items():
        values, _ = read_numbers(table.column(column), feature, feature in comma)
        values = values[np.isfinite(values)]
        if (values > 1).any():
            high.add(feature)
        elif ((values > 0) & (values < 1)).any():
            low.add(feature)
    return low & _NEVER_TINY if high else low


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)


def _shown(value: float) -> str:
    return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else f"{value:.6g}"
