"""Images of the parts of a window that led to a label, by occlusion."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from genrekit.backends.base import GRAPH_FILE
from genrekit.backends.capabilities import ImageExplainer
from genrekit.backends.encoder.check import open_session
from genrekit.backends.encoder.facts import Hearing
from genrekit.backends.encoder.graph import SCORES, WINDOWS
from genrekit.backends.occlusion import occlusion
from genrekit.backends.overlay import overlay
from genrekit.errors import BundleError

# Parts of a patch, along its bands and along time.
_BLOCKS = (6, 3)
_BATCH = 4
_GAP = 4  # columns between two patches


def image_explainer(members: Mapping[str, bytes], hears: Hearing) -> ImageExplainer:
    """Return a function from a window [shape=(n_patches, frames, mels)], the index of a label and a title to a PNG.

    Raises
    ------
    BundleError
        If the encoder takes samples, for which there are no images, or the graph is damaged.
    """
    if hears.input != "mel":
        raise BundleError(
            "The encoder of the model takes samples and not a spectrogram; there are no saliency images for it."
        )
    try:
        session = open_session(members[GRAPH_FILE])
    except Exception as error:  # ONNX Runtime's errors have no common base
        raise BundleError(f"The graph of the model cannot be run: {str(error)[:200]}") from None

    def score(patches: np.ndarray, label: int) -> np.ndarray:
        """Score patches [shape=(n, mels, frames)] one by one, each a window of its own."""
        windows = np.ascontiguousarray(patches.swapaxes(1, 2)[:, None], dtype=np.float32)
        parts = [
            session.run([SCORES], {WINDOWS: windows[i : i + _BATCH]})[0][:, label]
            for i in range(0, len(windows), _BATCH)
        ]
        return np.concatenate(parts)

    def draw(window: np.ndarray, label: int, title: str) -> bytes:
        images = window.swapaxes(1, 2).astype(np.float32)  # bands up, time to the right
        maps = [
            occlusion(
                lambda patches: score(patches, label), image, image.mean(axis=1, keepdims=True), _BLOCKS
            )
            for image in images
        ]
        gap = np.full((images.shape[1], _GAP), images.min(), dtype=np.float32)
        sound = np.concatenate([part for image in images for part in (image, gap)][:-1], axis=1)
        lost = np.concatenate([part for found in maps for part in (found, 0 * gap)][:-1], axis=1)
        largest = lost.max()
        cam = lost / largest if largest > 0 else lost
        extent = (0.0, len(images) * hears.patch_s, 0.0, float(images.shape[1]))
        what = f"{len(images)} patches of {hears.patch_s:.1f} s, in seconds"
        return overlay(sound[::-1], cam[::-1], title, extent=extent, axes_labels=(what, "mel band"))

    return draw
