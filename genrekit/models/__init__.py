"""The models in the box: the bundles that ship with the package, found by name."""

from __future__ import annotations

from pathlib import Path

SUFFIX = ".genrekit"


def box() -> dict[str, Path]:
    """The shipped bundles by name, in the order in which they are asked."""
    return {path.name.removesuffix(SUFFIX): path for path in sorted(Path(__file__).parent.glob(f"*{SUFFIX}"))}
