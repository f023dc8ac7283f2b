"""Trees as safetensors: writing, and reading of untrusted content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, save

from genrekit.backends.trees.tree_model import NODE_ARRAYS, OBJECTIVES, TreeModel, check

MAX_MODELS = 10_000

_ARRAYS: Mapping[str, type[np.generic]] = {
    **NODE_ARRAYS,
    "objective": np.uint8,  # its place in OBJECTIVES
    "n_features": np.int32,
    "base_score": np.float64,
    "starts": np.int64,
    "outputs": np.int32,
    "rounds": np.int32,
    "version": np.int32,
}
_ONE_NUMBER = ("objective", "n_features")


def dumps(models: Sequence[TreeModel]) -> bytes:
    """Write models into one file, the arrays of the second under ``1.left_children`` and so on."""
    tensors: dict[str, np.ndarray] = {}
    for k, model in enumerate(models):
        arrays = {
            **model.nodes,
            "objective": [OBJECTIVES.index(model.objective)],
            "n_features": [model.n_features],
            "base_score": model.base_score,
            "starts": model.starts,
            "outputs": model.outputs,
            "rounds": model.rounds,
            "version": model.version,
        }
        tensors |= {
            f"{k}.{name}": np.ascontiguousarray(arrays[name], dtype) for name, dtype in _ARRAYS.items()
        }
    return bytes(save(tensors))


def loads(data: bytes) -> list[TreeModel]:
    """Read what `dumps` wrote, whoever wrote it.

    Raises
    ------
    ValueError
        If it is not such a file, or an index in it points nowhere.
    """
    try:
        tensors = load(data)
    except (SafetensorError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise ValueError(f"no safetensors: {str(error)[:200]}") from None
    n, rest = divmod(len(tensors), len(_ARRAYS))
    if rest or not 1 <= n <= MAX_MODELS:
        raise ValueError(f"{len(tensors)} arrays are not those of some models")
    models = [
        _model({name: _array(tensors, f"{k}.{name}", _ARRAYS[name]) for name in _ARRAYS}) for k in range(n)
    ]
    for model in models:
        check(model)
    return models


def _model(arrays: Mapping[str, npt.NDArray[Any]]) -> TreeModel:
    if any(len(arrays[name]) != 1 for name in _ONE_NUMBER) or len(arrays["version"]) != 3:
        raise ValueError("a number has another length than it should")
    (objective,), (n_features,) = (arrays[name].tolist() for name in _ONE_NUMBER)
    if not objective < len(OBJECTIVES):
        raise ValueError(f"the objective is number {objective}")
    major, minor, patch = arrays["version"].tolist()
    softmax = OBJECTIVES[objective] == "multi:softprob"
    return TreeModel(
        objective=OBJECTIVES[objective],
        n_features=n_features,
        n_outputs=len(arrays["base_score"]) if softmax else 1,
        base_score=tuple(arrays["base_score"].tolist()),
        starts=arrays["starts"],
        outputs=arrays["outputs"],
        rounds=arrays["rounds"],
        nodes={name: arrays[name] for name in NODE_ARRAYS},
        version=(major, minor, patch),
    )


def _array(tensors: Mapping[str, np.ndarray], name: str, dtype: type[np.generic]) -> npt.NDArray[Any]:
    array = tensors.get(name)
    if array is None or array.dtype != dtype or array.ndim != 1:
        raise ValueError(f"{name} is not an array of {np.dtype(dtype)}")
    return array
