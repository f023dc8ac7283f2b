"""Encoding of prepared windows by a backend's pretrained network: once, through the cache."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from genrekit.backends import Backend, BackendConfig
from genrekit.backends.capabilities import EncodesWindows
from genrekit.hashing import hash_bytes
from genrekit.preparation import Cache
from genrekit.progress import progress
from genrekit.training.prepared_dataset import Material
from genrekit.types import Windows

VERSION = "1"


def encoded(backend: Backend, config: BackendConfig, material: Material, cache: Cache) -> Material:
    """Return the material with its windows encoded, where the backend has a network for it.

    Parameters
    ----------
    backend, config
        What learns from them.
    material : Material
    cache : Cache
        Where encodings are looked up by the content of the windows, and kept.
    """
    if not isinstance(backend, EncodesWindows):
        return material
    facts, encode = backend.encoding(config)
    found = {}
    with progress(len(material.windows), "encoding") as advance:
        for i, values in material.windows.items():
            content = hash_bytes(np.ascontiguousarray(values).tobytes())
            key = cache.key(content, f"{backend.info.name} encoding", VERSION, facts)
            kept = cache.get(key)
            if kept is None:
                kept = Windows(encode(values))
                cache.put(key, kept)
            found[i] = kept.values
            advance()
    return replace(material, encoded=found)
