"""Between a booster and its trees: JSON read from a booster of this process, UBJSON written here.

XGBoost's readers are not made for hostile files: given a few changed bytes of UBJSON, version 3.2 aborted the process,
and asked for more memory than the machine had. So XGBoost only ever gets bytes that were written here, from arrays
that were checked: UBJSON (https://ubjson.org), whose arrays it reads ten times as fast as JSON's. The layout of both:
https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html.
"""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import xgboost as xgb

from genrekit.backends.trees.tree_model import NODE_ARRAYS, OBJECTIVES, TreeModel, check

_NO_PARENT = 2**31 - 1
_TYPE_MARKS = {"float32": b"d", "int32": b"l", "int64": b"L", "uint8": b"U"}


def from_booster(booster: xgb.Booster) -> TreeModel:
    """Take the trees out of a booster that was trained in this process.

    Raises
    ------
    ValueError
        If it is not a model of plain trees of numbers.
    """
    model = _parse(json.loads(bytes(booster.save_raw("json"))))
    check(model)
    return model


def to_booster(model: TreeModel) -> xgb.Booster:
    """Load trees into XGBoost; their gains, which nothing here reads, are 0.

    Parameters
    ----------
    model : TreeModel
        Checked, as `genrekit.backends.trees.tensors.loads` and `from_booster` give it.
    """
    booster = xgb.Booster()
    booster.load_model(bytearray(_ubjson(_document(model))))
    return booster


def _ubjson(value: Any) -> bytes:
    """Return a document of dicts, lists, texts, whole numbers and arrays as UBJSON."""
    if isinstance(value, dict):
        return b"{%b}" % b"".join(_ubjson(key)[1:] + _ubjson(item) for key, item in value.items())
    if isinstance(value, list):
        return b"[%b]" % b"".join(map(_ubjson, value))
    if isinstance(value, np.ndarray):
        data = value.astype(value.dtype.newbyteorder(">"), copy=False).tobytes()
        return b"[$%b#L%b%b" % (_TYPE_MARKS[value.dtype.name], struct.pack(">q", len(value)), data)
    if isinstance(value, str):
        return b"SL%b%b" % (struct.pack(">q", len(value.encode())), value.encode())
    return b"L" + struct.pack(">q", value)


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
        "trees": _tree_documents(model),
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


def _tree_documents(model: TreeModel) -> list[dict[str, Any]]:
    left, right = model.nodes["left_children"], model.nodes["right_children"]
    sizes = np.diff(model.starts)
    first = np.repeat(model.starts[:-1], sizes)
    inner = np.flatnonzero(left != -1)
    parents = np.zeros(len(left), np.int32)
    for children in (left, right):
        parents[first[inner] + children[inner]] = inner - first[inner]
    parents[model.starts[:-1]] = _NO_PARENT
    arrays = {
        **model.nodes,
        "split_indices": np.where(left == -1, 0, model.nodes["split_indices"]).astype(np.int32),
        "parents": parents,
        "base_weights": np.zeros(len(left), np.float32),
        "loss_changes": np.zeros(len(left), np.float32),
        "split_type": np.zeros(len(left), np.uint8),
    }
    arrays = {name: values.astype(values.dtype.newbyteorder(">")) for name, values in arrays.items()}
    none = {
        "categories": np.empty(0, np.int32),
        "categories_nodes": np.empty(0, np.int32),
        "categories_segments": np.empty(0, np.int64),
        "categories_sizes": np.empty(0, np.int64),
    }
    return [
        {
            **{name: values[start : start + size] for name, values in arrays.items()},
            **none,
            "id": k,
            "tree_param": {
                "num_deleted": "0",
                "num_feature": str(model.n_features),
                "num_nodes": str(size),
                "size_leaf_vector": "1",
            },
        }
        for k, (start, size) in enumerate(zip(model.starts[:-1].tolist(), sizes.tolist(), strict=True))
    ]


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
