"""Finding data sets by name over the entry-point group ``genrekit.datasets``, as backends are found.

An entry point names a `genrekit.datasets.source.DataSource`. One that cannot be imported, or is something else, is
unavailable with its reason and breaks nothing else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from genrekit.datasets.source import DataSource
from genrekit.errors import DatasetError, UsageError
from genrekit.plugins import claims, load, targets
from genrekit.text import nearest, quote_all

GROUP = "genrekit.datasets"
# Two letters at least: C:\music is a path.
_NAME = re.compile(r"[a-z][a-z0-9_-]{1,31}")


@dataclass(frozen=True)
class Listing:
    """A registered name with its data set, or with the reason why it is unavailable."""

    name: str
    target: str
    source: DataSource | None
    reason: str = ""


def names() -> tuple[str, ...]:
    """Return the registered names, sorted, without importing any data set."""
    return tuple(name for name in claims(GROUP) if _NAME.fullmatch(name))


@cache
def get(name: str) -> DataSource:
    """Return a data set by its name.

    Raises
    ------
    UsageError
        If the name is unknown.
    DatasetError
        If it is claimed by several packages, or what it names is not a `DataSource` of that name.
    """
    if name not in names():
        guess = nearest(name, names())
        hint = f"Did you mean {guess!r}? " if guess else ""
        raise UsageError(
            f"There is no data set {name!r}; registered are {quote_all(names(), limit=40)}.",
            f"{hint}'genrekit datasets list' shows them.",
        )
    point, *rivals = claims(GROUP)[name]
    if rivals:
        raise DatasetError(
            f"Data set {name!r} is claimed by several packages ({targets(claims(GROUP)[name])}); none is loaded.",
            "Uninstall all of them but one.",
        )
    try:
        source = load(point)
    except Exception as error:  # a module of a third party may raise anything; it must not take genrekit down
        raise DatasetError(
            f"Data set {name!r} ({point.value}) cannot be loaded: {type(error).__name__}: {error}",
            "Reinstall or remove the package that provides it.",
        ) from error
    if not isinstance(source, DataSource):
        raise DatasetError(f"Data set {name!r} ({point.value}) is not a genrekit.datasets.DataSource.")
    if source.name != name:
        raise DatasetError(
            f"Data set {name!r} ({point.value}) calls itself {source.name!r}; both names must be the same."
        )
    return source


def listings() -> tuple[Listing, ...]:
    """Return every registered data set, the unavailable ones with their reason."""
    found = []
    for name in names():
        target = targets(claims(GROUP)[name])
        try:
            found.append(Listing(name, target, get(name)))
        except DatasetError as error:
            found.append(Listing(name, target, None, error.message))
    return tuple(found)
