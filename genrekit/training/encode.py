"""Encoding of prepared windows by a backend's pretrained network: once, through the cache."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from genrekit.backends import Backend, BackendConfig, EncodesWindows
from genrekit.hashing import hash_bytes
from genrekit.preparation import ENCODING, Cache
from genrekit.progress import progress
from genrekit.training.prepared_dataset import PreparedDataset
from genrekit.types import Windows

VERSION = "1"


def encoded(
    backend: Backend, config: BackendConfig, prepared: PreparedDataset, cache: Cache
) -> PreparedDataset:
    """Return the data set with its windows encoded, if the backend has a network for that.

    Parameters
    ----------
    backend, config
        The recipe that learns from the encoded windows.
    prepared : PreparedDataset
    cache : Cache
        Keeps encoded windows by the content of the windows.
    """
    if not isinstance(backend, EncodesWindows):
        return prepared
    facts, encode = backend.encoding(config)
    found = {}
    with progress(len(prepared.windows), "encoding") as advance:
        for i, values in prepared.windows.items():
            content = hash_bytes(np.ascontiguousarray(values).tobytes())
            key = cache.key(content, f"{backend.info.name}{ENCODING}", VERSION, facts)
            kept = cache.get(key)
            if kept is None:
                kept = Windows(encode(values))
                cache.put(key, kept)
            found[i] = kept.values
            advance()
    return replace(prepared, encoded=found)
