"""Bundles that differ only in what they say of themselves."""

from __future__ import annotations

from pathlib import Path

from genrekit.backends import GRAPH_FILE
from genrekit.models import load, save, shipped_models


def write_again(path: Path, name: str, *, of: str = "gtzan", about: str = "") -> str:
    """Write a shipped model under another name or with other words; return its hash."""
    bundle = load(shipped_models()[of])
    manifest = bundle.manifest.model_copy(update={"name": name, "about": about})
    native = {key: value for key, value in bundle.payload.items() if key not in (GRAPH_FILE, "README.md")}
    save(path, manifest, onnx=bundle.onnx, native=native, card=bundle.card, overwrite=True)
    return load(path).sha256
