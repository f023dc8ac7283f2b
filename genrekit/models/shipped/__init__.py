"""The models in the box: the bundles that ship with the package, found by name."""

from __future__ import annotations

from pathlib import Path

SUFFIX = ".genrekit"
# Who is asked first where several take an input: for songs, who was right more often on the same test tracks.
_FIRST = ("encoder", "spectrogram", "gtzan")


def box() -> dict[str, Path]:
    """The shipped bundles by name, in the order in which they are asked."""
    found = {path.name.removesuffix(SUFFIX): path for path in Path(__file__).parent.glob(f"*{SUFFIX}")}
    names = [name for name in _FIRST if name in found] + sorted(set(found) - set(_FIRST))
    return {name: found[name] for name in names}
