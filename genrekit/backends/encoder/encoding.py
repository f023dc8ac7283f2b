"""Patches through an encoder: once, in small batches."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import onnxruntime

from genrekit.backends.encoder import encoders
from genrekit.backends.encoder.check import encoder_input, open_session
from genrekit.backends.encoder.facts import EncoderFacts

# Larger batches are not faster, and cost 30 MB a patch (musicnn, ONNX Runtime).
BATCH = 4


class PatchEncoder:
    """An encoder that is ready to encode.

    Parameters
    ----------
    encoder : str
        As for `genrekit.backends.encoder.encoders.get`.
    graph : bytes, optional
        The encoder after further training; as it is registered by default.
    """

    def __init__(self, encoder: str, graph: bytes | None = None) -> None:
        self.facts: EncoderFacts = encoders.get(encoder).facts
        self._outputs = [layer.output for layer in self.facts.layers.values()]
        self._session = _session(encoder) if graph is None else open_session(graph)
        self._input = self._session.get_inputs()[0].name

    def __call__(self, windows: np.ndarray) -> np.ndarray:
        """Encode the patches of windows.

        Parameters
        ----------
        windows : np.ndarray [shape=(n, n_patches, *patch_shape)]

        Returns
        -------
        np.ndarray [shape=(n, n_patches, size), dtype=float32]
            All layers behind each other; `layer_of` takes them apart.
        """
        patches = windows.reshape(-1, *self.facts.hears.patch_shape)
        parts = []
        for start in range(0, len(patches), BATCH):
            batch = np.asarray(patches[start : start + BATCH], dtype=np.float32)
            given = {self._input: np.ascontiguousarray(encoder_input(self.facts.hears, batch))}
            parts.append(np.concatenate(self._session.run(self._outputs, given), axis=1))
        encoded: np.ndarray = np.concatenate(parts)
        return encoded.reshape(*windows.shape[:2], -1)

    def layer_of(self, encoded: np.ndarray, layer: str) -> np.ndarray:
        """Return one layer of encoded patches [shape=(n, n_patches, size of the layer)]."""
        start = 0
        for name, facts in self.facts.layers.items():
            if name == layer:
                return encoded[..., start : start + facts.size]
            start += facts.size
        raise KeyError(layer)


@lru_cache(maxsize=2)
def _session(encoder: str) -> onnxruntime.InferenceSession:
    return open_session(encoders.graph(encoder))
