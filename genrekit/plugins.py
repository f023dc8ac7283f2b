"""Entry points: the packages that register a name, and the loading of one without harm from broken packages."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, PackageNotFoundError, distribution, entry_points
from typing import Any


@cache
def claims(group: str) -> dict[str, tuple[EntryPoint, ...]]:
    """Return who claims each name of a group, sorted by name, without importing anything.

    If one of them is built in, it is the only one returned, so that no package can take its place.
    """
    found: dict[str, dict[str, EntryPoint]] = {}
    for point in sorted(entry_points(group=group), key=lambda p: (p.name, p.value)):
        found.setdefault(point.name, {})[point.value] = point
    return {
        name: tuple(p for p in points.values() if p.value.startswith("genrekit.")) or tuple(points.values())
        for name, points in found.items()
    }


@cache
def built_in(group: str, name: str) -> EntryPoint | None:
    """Return genrekit's own entry point of a name; None if there is not exactly one.

    Reads the metadata of one package, where `claims` reads those of all that are installed.
    """
    try:
        points = set(distribution("genrekit").entry_points.select(group=group, name=name))
    except PackageNotFoundError:
        return None
    own = [point for point in points if point.value.startswith("genrekit.")]
    return own[0] if len(own) == 1 else None


def targets(points: tuple[EntryPoint, ...]) -> str:
    """Return what the entry points name, with commas between."""
    return ", ".join(point.value for point in points)


def load(point: EntryPoint) -> Any:
    """Import what an entry point names; a class is called.

    Raises
    ------
    Exception
        Any error of the third party's module; the caller reports it.
    """
    loaded: Any = point.load()
    return loaded() if isinstance(loaded, type) else loaded
