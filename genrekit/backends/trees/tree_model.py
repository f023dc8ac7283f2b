"""Trees of XGBoost as arrays that were checked.

The names are those of XGBoost's model files: https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

MAX_TREE_DEPTH = 64

OBJECTIVES = ("multi:softprob", "binary:logistic")
NODE_ARRAYS: Mapping[str, type[np.generic]] = {
    "left_children": np.int32,
    "right_children": np.int32,
    "split_indices": np.int32,
    "split_conditions": np.float32,
    "default_left": np.uint8,
    "sum_hessian": np.float32,
}
"""Fields of a node that scores and SHAP values need, with their types."""

# XGBoost's kRtEps: a label that no row has starts from this probability.
_LEAST_SHARE = 1e-6


@dataclass(frozen=True, eq=False)
class TreeModel:
    """The trees of a booster, their nodes one below the other.

    Attributes
    ----------
    objective : {'multi:softprob', 'binary:logistic'}
    n_features, n_outputs : int
        ``n_outputs`` is the number of labels of a softmax, else 1.
    base_score : tuple of float
        One for every output: a margin of a softmax, a probability of a yes-or-no model.
    starts : np.ndarray [shape=(n_trees + 1,), dtype=int64]
        Index of the first node of each tree.
    outputs : np.ndarray [shape=(n_trees,), dtype=int32]
        The output that each tree adds to.
    rounds : np.ndarray [shape=(n_rounds + 1,), dtype=int32]
        Index of the first tree of each round.
    nodes : Mapping[str, np.ndarray]
        The arrays of `NODE_ARRAYS`, one value per node; children are counted within their tree, -1 in a leaf, which
        keeps its value in ``split_conditions``.
    version : tuple of int
        The XGBoost that wrote the model.
    """

    objective: str
    n_features: int
    n_outputs: int
    base_score: tuple[float, ...]
    starts: npt.NDArray[np.int64]
    outputs: npt.NDArray[np.int32]
    rounds: npt.NDArray[np.int32]
    nodes: Mapping[str, npt.NDArray[Any]]
    version: tuple[int, int, int]

    @property
    def leaves(self) -> npt.NDArray[np.bool_]:
        """Mask of the nodes that are leaves."""
        return np.asarray(self.nodes["left_children"] == -1)

    @property
    def base_margins(self) -> npt.NDArray[np.float32]:
        """The margin of every output before any tree."""
        if self.objective == "multi:softprob":
            return np.array(self.base_score, dtype=np.float32)
        share = min(max(self.base_score[0], _LEAST_SHARE), 1 - _LEAST_SHARE)
        return np.array([math.log(share / (1 - share))], dtype=np.float32)

    def scaled(self, factor: float) -> TreeModel:
        """Return the same trees with every leaf multiplied, so that they move the margins less or more."""
        thresholds = self.nodes["split_conditions"]
        scaled = np.where(self.leaves, thresholds * np.float32(factor), thresholds)
        return replace(self, nodes={**self.nodes, "split_conditions": scaled})


def check(model: TreeModel) -> None:
    """Check that the arrays of a model fit together.

    Raises
    ------
    ValueError
        If an index in it points nowhere, or a tree is deeper than `MAX_TREE_DEPTH` or meets itself.
    """
    n_trees = len(model.starts) - 1
    sizes = np.diff(model.starts)
    n_nodes = len(model.nodes["left_children"])
    if n_trees < 1 or model.starts[0] != 0 or model.starts[-1] != n_nodes or not np.all(sizes > 0):
        raise ValueError("the trees do not share out the nodes")
    if any(len(values) != n_nodes for values in model.nodes.values()):
        raise ValueError("the arrays of the nodes differ in length")
    left, right = model.nodes["left_children"], model.nodes["right_children"]
    size = np.repeat(sizes, sizes)
    inner = ~model.leaves
    features = model.nodes["split_indices"][inner]
    promises = {
        "1 to 10,000 features and outputs": 1 <= model.n_features <= 10_000
        and 1 <= model.n_outputs <= 10_000,
        "a base score for every output": len(model.base_score) == model.n_outputs
        and all(map(math.isfinite, model.base_score)),
        "an output for every tree": len(model.outputs) == n_trees
        and bool(np.all((model.outputs >= 0) & (model.outputs < model.n_outputs))),
        "rounds that hold all trees": len(model.rounds) > 1
        and (model.rounds[0], model.rounds[-1]) == (0, n_trees)
        and bool(np.all(np.diff(model.rounds) > 0)),
        "two children or none": bool(np.all((right == -1) == ~inner)),
        "children that exist": all(
            bool(np.all((c[inner] > 0) & (c[inner] < size[inner]))) for c in (left, right)
        ),
        "features that exist": bool(np.all((features >= 0) & (features < model.n_features))),
        "finite leaves": bool(np.all(np.isfinite(model.nodes["split_conditions"][~inner]))),
    }
    broken = [promise for promise, kept in promises.items() if not kept]
    if broken:
        raise ValueError(f"the model has not {broken[0]}")
    first = np.repeat(model.starts[:-1], sizes)
    level, seen = model.starts[:-1], n_trees
    for _ in range(MAX_TREE_DEPTH):
        level = level[inner[level]]
        level = np.concatenate([first[level] + left[level], first[level] + right[level]])
        seen += len(level)
        if not len(level) or seen > len(left):
            break
    if len(level):
        raise ValueError(f"a tree is deeper than {MAX_TREE_DEPTH} or meets itself")
