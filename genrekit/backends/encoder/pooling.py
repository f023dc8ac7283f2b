"""Pooling of the outputs of an encoder for the patches of a window into one vector of features."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from genrekit.backends.encoder.facts import Layer

Floats = npt.NDArray[np.float64]

# What is nearer to 0 or 1 counts as this before its log odds are taken.
LEAST = 1e-4
POOLINGS = {"mean": ("mean",), "mean_std": ("mean", "std"), "mean_std_max": ("mean", "std", "max")}


def transform(values: np.ndarray, layer: Layer) -> Floats:
    """Return the features of patches: the log odds of tags, other layers as they are, in float64."""
    doubles = values.astype(np.float64)
    if not layer.names:
        return doubles
    clipped = np.clip(doubles, LEAST, 1 - LEAST)
    return np.asarray(np.log(clipped / (1 - clipped)))


def pool(features: Floats, pooling: str) -> Floats:
    """Pool the features of patches.

    Parameters
    ----------
    features : np.ndarray [shape=(n_patches, d)]
    pooling : {'mean', 'mean_std', 'mean_std_max'}

    Returns
    -------
    np.ndarray [shape=(d, 2 d or 3 d,)]
        The mean over the patches, then their standard deviation and maximum where they are asked for.
    """
    parts = {"mean": features.mean(axis=0), "std": features.std(axis=0), "max": features.max(axis=0)}
    return np.concatenate([parts[kind] for kind in POOLINGS[pooling]])
