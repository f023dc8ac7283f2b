"""XGBoost's tree models as arrays: read without trusting them, scaled, and given back to XGBoost.

Only what a model of plain numeric trees needs is taken from a file, and every index in it is checked; XGBoost
then gets a file that was written here. The layout: https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import xgboost as xgb

from genrekit.backends.trees import ubj

MAX_TREE_DEPTH = 64

_OBJECTIVES = {
    "multi:softprob": lambda n: {"softmax_multiclass_param": {"num_class": str(n)}},
    "binary:logistic": lambda n: {"reg_loss_param": {"scale_pos_weight": "1"}},
}
_NODE_ARRAYS = {
    "left_children": np.int32,
    "right_children": np.int32,
    "split_indices": np.int32,
    "split_conditions": np.float32,
    "default_left": np.uint8,
    "base_weights": np.float32,
    "loss_changes": np.float32,
    "sum_hessian": np.float32,
}
_NO_PARENT = 2**31 - 1
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
        Where the nodes of each tree begin.
    outputs : np.ndarray [shape=(n_trees,), dtype=int32]
        The output that each tree adds to.
    rounds : np.ndarray [shape=(n_rounds + 1,), dtype=int32]
        Where the trees of each round begin.
    nodes : Mapping[str, np.ndarray]
        XGBoost's arrays, one value a node; children are counted within their tree, -1 in a leaf, which keeps its
        value in ``split_conditions``.
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
        """The same trees with every leaf multiplied, so that they move the margins less or more."""
        thresholds, weights = self.nodes["split_conditions"], self.nodes["base_weights"]
        scaled = np.where(self.leaves, thresholds * np.float32(factor), thresholds)
        return replace(
            self,
            nodes={**self.nodes, "split_conditions": scaled, "base_weights": weights * np.float32(factor)},
        )


def read(data: bytes) -> TreeModel:
    """Read a model file (``.ubj``), whoever wrote it.

    Raises
    ------
    ValueError
        If it is no model of plain trees, or an index in it points nowhere.
    """
    try:
        model = _parse(ubj.loads(data))
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"no model of trees: {type(error).__name__} {error}") from error
    _check(model)
    return model


def write(model: TreeModel) -> bytes:
    """Write a model as XGBoost's ``.ubj``."""
    trees = [_tree_document(model, k) for k in range(len(model.outputs))]
    base = ",".join(f"{value:.9E}" for value in model.base_score)
    several = model.version >= (3, 1, 0)  # which brought a base score for every output
    booster = {
        "cats": {"enc": [], "feature_segments": np.zeros(0, np.int32), "sorted_idx": np.zeros(0, np.int32)},
        "gbtree_model_param": {
            "num_parallel_tree": str(max(int(model.rounds[1]) // model.n_outputs, 1)),
            "num_trees": str(len(trees)),
        },
        "iteration_indptr": [int(at) for at in model.rounds],
        "tree_info": [int(output) for output in model.outputs],
        "trees": trees,
    }
    n_classes = model.n_outputs if model.objective == "multi:softprob" else 0
    learner = {
        "attributes": {},
        "feature_names": [],
        "feature_types": [],
        "gradient_booster": {"model": booster, "name": "gbtree"},
        "learner_model_param": {
            "base_score": f"[{base}]" if several else base.split(",")[0],
            "boost_from_average": "1",
            "num_class": str(n_classes),
            "num_feature": str(model.n_features),
            "num_target": "1",
        },
        "objective": {"name": model.objective, **_OBJECTIVES[model.objective](n_classes)},
    }
    return ubj.dumps({"learner": learner, "version": list(model.version)})


def to_booster(model: TreeModel) -> xgb.Booster:
    """Give a model back to XGBoost."""
    booster = xgb.Booster()
    booster.load_model(bytearray(write(model)))
    return booster


def _parse(document: Any) -> TreeModel:
    learner, booster = document["learner"], document["learner"]["gradient_booster"]
    if booster["name"] != "gbtree":
        raise ValueError(f"trees are wanted, not {booster['name']!r}")
    trees = booster["model"]["trees"]
    parameters = learner["learner_model_param"]
    objective = learner["objective"]["name"]
    if objective not in _OBJECTIVES:
        raise ValueError(f"the objective is {objective!r}")
    n_outputs = _integer(parameters["num_class"]) if objective == "multi:softprob" else 1
    base = json.loads(parameters["base_score"])
    if any(len(tree.get("categories", ())) or np.any(tree["split_type"]) for tree in trees):
        raise ValueError("a tree splits by categories")
    nodes = {name: [_array(tree[name], dtype) for tree in trees] for name, dtype in _NODE_ARRAYS.items()}
    sizes = [len(part) for part in nodes["left_children"]]
    if any([len(part) for part in parts] != sizes for parts in nodes.values()) or 0 in sizes or not sizes:
        raise ValueError("the arrays of a tree differ in length")
    version = tuple(_integer(part) for part in document["version"])
    if len(version) != 3:
        raise ValueError("the version has not three parts")
    return TreeModel(
        objective=objective,
        n_features=_integer(parameters["num_feature"]),
        n_outputs=n_outputs,
        base_score=tuple(float(b) for b in base) if isinstance(base, list) else (float(base),) * n_outputs,
        starts=np.concatenate([[0], np.cumsum(sizes)]),
        outputs=_array(booster["model"]["tree_info"], np.int32),
        rounds=_array(booster["model"]["iteration_indptr"], np.int32),
        nodes={name: np.concatenate(parts) for name, parts in nodes.items()},
        version=version,
    )


def _check(model: TreeModel) -> None:
    n_trees = len(model.starts) - 1
    sizes = np.diff(model.starts)
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


def _tree_document(model: TreeModel, k: int) -> dict[str, Any]:
    part = slice(int(model.starts[k]), int(model.starts[k + 1]))
    nodes = {name: values[part] for name, values in model.nodes.items()}
    n = part.stop - part.start
    inner = np.flatnonzero(nodes["left_children"] != -1)
    parents = np.zeros(n, np.int32)
    for children in (nodes["left_children"], nodes["right_children"]):
        parents[children[inner]] = inner
    parents[0] = _NO_PARENT
    nothing, nowhere = np.zeros(0, np.int32), np.zeros(0, np.int64)
    return {
        **nodes,
        "split_indices": np.where(nodes["left_children"] == -1, 0, nodes["split_indices"]),
        "parents": parents,
        "categories": nothing,
        "categories_nodes": nothing,
        "categories_segments": nowhere,
        "categories_sizes": nowhere,
        "id": k,
        "split_type": np.zeros(n, np.uint8),
        "tree_param": {
            "num_deleted": "0",
            "num_feature": str(model.n_features),
            "num_nodes": str(n),
            "size_leaf_vector": "1",
        },
    }


def _array(values: Any, dtype: Any) -> npt.NDArray[Any]:
    array = np.asarray(values)
    if array.ndim != 1 or array.dtype.kind not in ("f" if dtype is np.float32 else "iu"):
        raise ValueError("an array of numbers is wanted")
    converted = array.astype(dtype)
    if dtype is not np.float32 and not np.array_equal(converted, array):
        raise ValueError("a number is too large")
    return converted


def _integer(value: Any) -> int:
    if isinstance(value, str) and not (value.isascii() and value.isdigit() and len(value) < 10):
        raise ValueError(f"a whole number is wanted, not {value[:20]!r}")
    return int(value)
