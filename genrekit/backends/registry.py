"""Finding backends by name over the entry-point group ``genrekit.backends``.

Listing names reads package metadata alone. A backend is imported when it is asked for; one that cannot be
imported, or lacks a part of the protocol, is unavailable with its reason and breaks nothing else.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import cache

from genrekit.backends.base import Backend, BackendConfig, BackendInfo
from genrekit.errors import BackendError
from genrekit.plugins import claims, load, targets

GROUP = "genrekit.backends"


@dataclass(frozen=True)
class Listing:
    """A registered name with its facts, or with the reason why it is unavailable."""

    name: str
    target: str
    info: BackendInfo | None
    reason: str = ""


def names() -> tuple[str, ...]:
    """The registered names, sorted, without importing any backend."""
    return tuple(claims(GROUP))


@cache
def get(name: str) -> Backend:
    """Return a backend by its name.

    Raises
    ------
    BackendError
        If the name is unknown or claimed by several packages, its module cannot be imported, or it lacks a
        part of the protocol.
    """
    points = claims(GROUP)
    if name not in points:
        nearest = difflib.get_close_matches(name, points, n=1)
        hint = f"Did you mean {nearest[0]!r}?" if nearest else "'genrekit backends' lists them."
        raise BackendError(f"There is no backend {name!r}; available: {', '.join(points) or 'none'}.", hint)
    point, *rivals = points[name]
    if rivals:
        raise BackendError(
            f"Backend {name!r} is claimed by several packages ({targets(points[name])}); none is loaded.",
            "Uninstall all of them but one.",
        )
    try:
        backend = load(point)
        missing = [part for part in ("info", "Config", "prepare", "fit") if not hasattr(backend, part)]
    except Exception as error:  # a stranger's module may raise anything; it must not take genrekit down
        raise BackendError(
            f"Backend {name!r} ({point.value}) cannot be loaded: {type(error).__name__}: {error}",
            "Reinstall or remove the package that provides it.",
        ) from error
    if missing:
        raise BackendError(
            f"Backend {name!r} ({point.value}) lacks {', '.join(missing)}.",
            "See docs/writing-a-backend.md for the protocol.",
        )
    if not isinstance(backend.info, BackendInfo):
        raise BackendError(f"The info of backend {name!r} ({point.value}) is no BackendInfo.")
    if not (isinstance(backend.Config, type) and issubclass(backend.Config, BackendConfig)):
        raise BackendError(
            f"The Config of backend {name!r} ({point.value}) does not derive from BackendConfig."
        )
    if backend.info.name != name:
        raise BackendError(
            f"Backend {name!r} ({point.value}) calls itself {backend.info.name!r}; both names must be the same."
        )
    return backend  # type: ignore[no-any-return]


def listings() -> tuple[Listing, ...]:
    """Every registered backend with its facts, the unavailable ones with their reason."""
    found = []
    for name, points in claims(GROUP).items():
        try:
            found.append(Listing(name, targets(points), get(name).info))
        except BackendError as error:
            found.append(Listing(name, targets(points), None, error.message))
    return tuple(found)


def table_schemas() -> dict[str, tuple[str, ...]]:
    """The feature columns of every available backend that reads tables."""
    return {item.name: item.info.columns for item in listings() if item.info and item.info.columns}
