"""Registry of backends, by the entry-point group ``genrekit.backends``.

Listing names reads package metadata only. A backend is imported when it is requested; one that cannot be imported,
or is missing a part of the protocol, is listed as unavailable with the reason and does not affect others.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import cache

from genrekit.backends.base import Backend, BackendConfig, BackendInfo
from genrekit.errors import BackendError
from genrekit.plugins import built_in, claims, load, targets

GROUP = "genrekit.backends"


@dataclass(frozen=True)
class Listing:
    """A registered name with its facts, or the reason why it is unavailable."""

    name: str
    target: str
    info: BackendInfo | None
    reason: str = ""


def names() -> tuple[str, ...]:
    """Return the registered names, sorted, without importing any backend."""
    return tuple(claims(GROUP))


@cache
def get(name: str) -> Backend:
    """Return a backend by its name.

    Raises
    ------
    BackendError
        If the name is unknown or claimed by more than one package, its module cannot be imported, or a
        part of the protocol is missing.
    """
    own = built_in(GROUP, name)
    points = {name: (own,)} if own else claims(GROUP)
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
    except Exception as error:  # a third-party module may raise anything
        raise BackendError(
            f"Backend {name!r} ({point.value}) cannot be loaded: {type(error).__name__}: {error}",
            "Reinstall or remove the package that provides it.",
        ) from error
    if missing:
        raise BackendError(
            f"Backend {name!r} ({point.value}) is missing {', '.join(missing)}.",
            "See docs/writing-a-backend.md for the protocol.",
        )
    if not isinstance(backend.info, BackendInfo):
        raise BackendError(f"The info of backend {name!r} ({point.value}) is not a BackendInfo.")
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
    """Return every registered backend with its facts, or the reason why it is unavailable."""
    found = []
    for name, points in claims(GROUP).items():
        try:
            found.append(Listing(name, targets(points), get(name).info))
        except BackendError as error:
            found.append(Listing(name, targets(points), None, error.message))
    return tuple(found)


def table_schemas() -> dict[str, tuple[str, ...]]:
    """Return the feature columns of every available backend that reads tables."""
    return {item.name: item.info.columns for item in listings() if item.info and item.info.columns}
