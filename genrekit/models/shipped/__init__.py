"""Shipped models: the bundles in the package, by name."""

from __future__ import annotations

from pathlib import Path

SUFFIX = ".genrekit"
# Preferred models if more than one takes an input: for songs, the more accurate one on the same test tracks first.
_FIRST = ("encoder", "spectrogram", "gtzan")


def shipped_models() -> dict[str, Path]:
    """Return the paths of shipped bundles by name, in the order of preference."""
    found = {path.name.removesuffix(SUFFIX): path for path in Path(__file__).parent.glob(f"*{SUFFIX}")}
    names = [name for name in _FIRST if name in found] + sorted(set(found) - set(_FIRST))
    return {name: found[name] for name in names}
