"""Choice of the genre column of a table, as opposed to a column of record companies."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from genrekit.errors import DatasetError
from genrekit.tables import LABEL_COLUMNS, Cells
from genrekit.text import column_name, known, printable, quote_all

GENRE_FIRST = tuple(sorted(LABEL_COLUMNS, key=lambda name: "genre" not in name))
"""The names of `LABEL_COLUMNS`; a column named genre comes before one that may hold record companies."""

# Column names of record companies in music libraries and shops.
_RECORD_COLUMNS = frozenset({"label", "labels"})
# Next to these columns, a column of that name probably holds companies.
_CATALOGUE_COLUMNS = frozenset(
    {"catalognum", "catalog", "catalogue", "catalog_number", "catno", "barcode", "upc", "ean", "copyright"}
)
_COMPANY = re.compile(
    r"\b(?:records?|recordings?|entertainment|music group|productions?|publishing|publishers?|disques|discos|discs"
    r"|schallplatten|tonträger|edizioni|ediciones|éditions|ltd|limited|llc|inc|gmbh|corp|imprint|distribution"
    r"|sony|emi|bmg|warner|universal|umg|wmg)\b|[℗©]|\b(?:no label|not on label|self[- ]released)\b"
)
_COMPANIES = frozenset(
    (
        "4ad, a&m, anti-, arista, asylum, astralwerks, atlantic, big machine, blue note, brainfeeder, capitol, "
        "century media, chess, chrysalis, columbia, concord, creation, decca, def jam, deutsche grammophon, dischord, "
        "domino, dreamworks, drag city, ecm, elektra, epic, epitaph, factory, fat wreck chords, fueled by ramen, "
        "geffen, ghostly, harmonia mundi, hyperion, impulse!, interscope, island, jagjaguwar, jive, kompakt, mca, "
        "matador, mercury, merge, metal blade, motown, mute, naxos, ninja tune, nonesuch, nuclear blast, ovo sound, "
        "parlophone, philips, planet mu, polydor, prestige, rca, reprise, republic, rhino, riverside, roadrunner, "
        "rough trade, rounder, saddle creek, secretly canadian, sire, spinefarm, stax, sub pop, telarc, trojan, "
        "vertigo, verve, virgin, warp, xl, young money"
    ).split(", ")
)
# Smallest share of distinct values that makes a column one of companies; the second next to columns of a catalogue.
_MANY, _SOME = 0.5, 0.2


def find_label_column(source: str, cells: Cells) -> tuple[int | None, tuple[str, ...]]:
    """Find the column of genres of a table.

    Parameters
    ----------
    source : str
        The source as given, for the error message.
    cells : Cells

    Returns
    -------
    position : int or None
    notes : tuple of str
        Columns of a similar name that were not read.

    Raises
    ------
    DatasetError
        As for `choose_label_column`.
    """
    found = [cells.columns[cells.names[name]] for name in GENRE_FIRST if name in cells.names]
    if not found:
        return None, ()
    at = {name: cells.columns.index(name) for name in found}
    chosen = choose_label_column(
        source, found, lambda name: (row[at[name]] for _, row in cells.rows), cells.columns
    )
    others = [name for name in found if name != chosen]
    note = f"'{printable(chosen)}' was read as the label, and {quote_all(others)} was not"
    return at[chosen], (note,) if others else ()


def choose_label_column(
    source: str, found: Sequence[str], values: Callable[[str], Iterable[str]], columns: Sequence[str]
) -> str:
    """Return the first of the possible genre columns that has any value.

    Parameters
    ----------
    source : str
        The source as given, for the error message.
    found : sequence of str
        Names of columns in order of preference; at least one.
    values : callable
        Returns the cells of a column by its name.
    columns : sequence of str
        The names of all columns.

    Raises
    ------
    DatasetError
        If it is named ``label`` and its values look like record companies.
    """
    held = {name: {known(text) for text in set(values(name))} - {""} for name in found}
    chosen = next((name for name in found if held[name]), found[0])
    companies = sorted(value for value in held[chosen] if _is_company(value))
    catalogue = any(column_name(name) in _CATALOGUE_COLUMNS for name in columns)
    least = (_SOME if catalogue else _MANY) * len(held[chosen])
    if column_name(chosen) in _RECORD_COLUMNS and companies and len(companies) >= least:
        raise DatasetError(
            f"The column '{printable(chosen)}' of {printable(source)} seems to hold record companies, not genres: "
            f"{quote_all(companies, limit=3)}.",
            "Name the column of the genres 'genre'; if these are the genres, rename this column to 'genre'.",
        )
    return chosen


def _is_company(value: str) -> bool:
    value = value.casefold()
    return value in _COMPANIES or bool(_COMPANY.search(value))
