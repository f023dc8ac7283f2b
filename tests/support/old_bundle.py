"""Bundles as older formats had them."""

from __future__ import annotations

import json

from genrekit.backends import GRAPH_FILE
from genrekit.hashing import hash_bytes
from genrekit.models.bundle import CARD, MANIFEST, Bundle
from genrekit.models.container import pack


def as_format_1(bundle: Bundle) -> bytes:
    """The bytes of a bundle of format 1: no outputs in its manifest, a graph of scores alone, a payload in UBJSON."""
    facts = bundle.manifest.model_dump(mode="json")
    del facts["outputs"]
    members = {GRAPH_FILE: bundle.onnx, CARD: bundle.card.encode(), "model.ubj": b"{i\x01}"}
    files = {name: {"sha256": hash_bytes(data), "size": len(data)} for name, data in members.items()}
    facts |= {"format": 1, "files": files}
    return pack({**members, MANIFEST: json.dumps(facts).encode()})
