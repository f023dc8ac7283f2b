"""Between a booster and its trees, through XGBoost's JSON: read from a booster of this process, written by us.

XGBoost's readers are not made for hostile files: given a few changed bytes of UBJSON, version 3.2 aborted the process,
and asked for more memory than the machine had. So XGBoost only ever gets a text that was written here, from arrays
that were checked. The layout: https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import xgboost as xgb

from genrekit.backends.trees.tree_model import NODE_ARRAYS, OBJECTIVES, TreeModel, check

_NO_PARENT = 2**31 - 1


def from_booster(booster: xgb.Booster) -> TreeModel:
    """Take the trees out of a booster that was trained in this process.

    Raises
    ------
    ValueError
        If it is no model of plain trees of numbers.
    """
    model = _parse(json.loads(bytes(booster.save_raw("json"))))
    check(model)
    return model


def to_booster(model: TreeModel) -> xgb.Booster:
    """Give trees to XGBoost; their gains, which nothing here reads, are 0.

    Parameters
    ----------
    model : TreeModel
        Checked, as `genrekit.backends.trees.tensors.loads` and `from_booster` give it.
    """
    booster = xgb.Booster()
    booster.load_model(bytearray(json.dumps(_document(model), separators=(",", ":")).encode()))
    return booster


def _document(model: TreeModel) -> dict[str, Any]:
    base = ",".join(f"{value:.9E}" for value in model.base_score)
    several = model.version >= (3, 1, 0)  # which brought a base score for every output
    n_classes = model.n_outputs if model.objective == "multi:softprob" else 0
    booster = {
        "cats": {"enc": [], "feature_segments": [], "sorted_idx": []},
        "gbtree_model_param": {
            "num_parallel_tree": str(max(int(model.rounds[1]) // model.n_outputs, 1)),
            "num_trees": str(len(model.outputs)),
        },
        "iteration_indptr": model.rounds.tolist(),
        "tree_info": model.outputs.tolist(),
        "trees": [_tree_document(model, k) for k in range(len(model.outputs))],
    }
    settings = (
        {"softmax_multiclass_param": {"num_class": str(n_classes)}}
        if n_classes
        else {"reg_loss_param": {"scale_pos_weight": "1"}}
    )
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
        "objective": {"name": model.objective, **settings},
    }
    return {"learner": learner, "version": list(model.version)}


def _tree_document(model: TreeModel, k: int) -> dict[str, Any]:
    part = slice(int(model.starts[k]), int(model.starts[k + 1]))
    nodes = {name: values[part] for name, values in model.nodes.items()}
    n = part.stop - part.start
    inner = np.flatnonzero(nodes["left_children"] != -1)
    parents = np.zeros(n, np.int32)
    for children in (nodes["left_children"], nodes["right_children"]):
        parents[children[inner]] = inner
    parents[0] = _NO_PARENT
    nodes["split_indices"] = np.where(nodes["left_children"] == -1, 0, nodes["split_indices"])
    return {
        **{name: values.tolist() for name, values in nodes.items()},
        "base_weights": [0.0] * n,
        "loss_changes": [0.0] * n,
        "parents": parents.tolist(),
        "categories": [],
        "categories_nodes": [],
        "categories_segments": [],
        "categories_sizes": [],
        "id": k,
        "split_type": [0] * n,
        "tree_param": {
            "num_deleted": "0",
            "num_feature": str(model.n_features),
            "num_nodes": str(n),
            "size_leaf_vector": "1",
        },
    }


def _parse(document: Any) -> TreeModel:
    learner, booster = document["learner"], document["learner"]["gradient_booster"]
    if booster["name"] != "gbtree":
        raise ValueError(f"trees are wanted, not {booster['name']!r}")
    trees = booster["model"]["trees"]
    parameters = learner["learner_model_param"]
    objective = learner["objective"]["name"]
    if objective not in OBJECTIVES:
        raise ValueError(f"the objective is {objective!r}")
    n_outputs = int(parameters["num_class"]) if objective == "multi:softprob" else 1
    base = json.loads(parameters["base_score"])
    if any(len(tree.get("categories", ())) or np.any(tree["split_type"]) for tree in trees):
        raise ValueError("a tree splits by categories")
    nodes = {name: [np.array(tree[name], dtype) for tree in trees] for name, dtype in NODE_ARRAYS.items()}
    sizes = [len(part) for part in nodes["left_children"]]
    major, minor, patch = document["version"]
    return TreeModel(
        objective=objective,
        n_features=int(parameters["num_feature"]),
        n_outputs=n_outputs,
        base_score=tuple(float(b) for b in base) if isinstance(base, list) else (float(base),) * n_outputs,
        starts=np.concatenate([[0], np.cumsum(sizes)]),
        outputs=np.array(booster["model"]["tree_info"], np.int32),
        rounds=np.array(booster["model"]["iteration_indptr"], np.int32),
        nodes={name: np.concatenate(parts) for name, parts in nodes.items()},
        version=(major, minor, patch),
    )
