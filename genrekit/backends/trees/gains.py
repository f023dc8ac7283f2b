"""Gain of every feature, computed again from the leaves and the weights of the nodes.

A bundle keeps no gains. XGBoost's leaf is w = -G / (H + lambda), times a constant (learning rate, calibration), and a split gains
G_left² / (H_left + lambda) + G_right² / (H_right + lambda) - G² / (H + lambda) (Chen & Guestrin, *XGBoost*, KDD 2016,
equations 5 and 7). G and H of a node are the sums of those of its leaves, so that gains follow up to a constant, which shares of
gain do not depend on.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from genrekit.backends.trees.tree_model import TreeModel


def gain_shares(model: TreeModel, reg_lambda: float) -> npt.NDArray[np.float64]:
    """Return the share of the total gain that splits on each feature have.

    Parameters
    ----------
    model : TreeModel
        Trained without an L1 penalty (``reg_alpha`` 0), with which leaves do not determine G.
    reg_lambda : float >= 0
        The L2 penalty of the training.

    Returns
    -------
    np.ndarray [shape=(n_features,), dtype=float64]
        At least 0, sum 1; all 0 for a model without a split.
    """
    sizes = np.diff(model.starts)
    first = np.repeat(model.starts[:-1], sizes)
    left, right = model.nodes["left_children"], model.nodes["right_children"]
    leaves = model.leaves
    hessian = model.nodes["sum_hessian"].astype(np.float64) + reg_lambda
    gradient = np.where(leaves, -model.nodes["split_conditions"].astype(np.float64) * hessian, 0.0)
    levels = [model.starts[:-1]]
    while len(inner := levels[-1][~leaves[levels[-1]]]):
        levels.append(np.concatenate([first[inner] + left[inner], first[inner] + right[inner]]))
    gains = np.zeros(model.n_features)
    for level in reversed(levels):
        inner = level[~leaves[level]]
        one, other = first[inner] + left[inner], first[inner] + right[inner]
        gradient[inner] = gradient[one] + gradient[other]
        quality = [gradient[nodes] ** 2 / np.maximum(hessian[nodes], 1e-12) for nodes in (one, other, inner)]
        gain = np.maximum(quality[0] + quality[1] - quality[2], 0.0)
        gains += np.bincount(model.nodes["split_indices"][inner], gain, model.n_features)
    total = gains.sum()
    return gains / total if total > 0 else gains
