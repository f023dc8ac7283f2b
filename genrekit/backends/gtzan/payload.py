"""The fitted arrays of a ``gtzan`` model, without pickle: one ``.safetensors`` file, and one ``.ubj`` file per booster.

The trees of a forest are only in the graph: no training resumes from them, and here they would be twice as large
as everything else.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import xgboost as xgb
from safetensors.numpy import save
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from genrekit.backends.gtzan.estimators import Vote

Array = npt.NDArray[Any]


def dump(vote: Vote) -> dict[str, bytes]:
    """Collect the fitted attributes of a vote under dotted names such as ``0.standardscaler.mean_``."""
    arrays: dict[str, Array] = {"classes": np.asarray(vote.classes)}
    payloads: dict[str, bytes] = {}
    for number, (model, sigmoid) in enumerate(vote.voters):
        arrays[f"{number}.sigmoid"] = np.array([sigmoid.slope, sigmoid.offset])
        for name, value in _walk(model, str(number)):
            if isinstance(value, xgb.Booster):
                payloads[f"{name.removesuffix('_')}.ubj"] = bytes(value.save_raw("ubj"))
            else:
                arrays[name] = np.ascontiguousarray(value)
    return {"estimators.safetensors": save(arrays), **payloads}


def _walk(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, xgb.Booster) or (isinstance(value, np.ndarray) and value.dtype.kind in "fiub"):
        yield name, value
    elif isinstance(value, Pipeline):
        for step, estimator in value.steps:
            yield from _walk(estimator, f"{name}.{step}")
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from _walk(item, f"{name}.{i}")
    elif isinstance(value, BaseEstimator):
        for attribute, fitted in sorted(vars(value).items()):
            if attribute.endswith("_") and not attribute.startswith("_"):
                yield from _walk(fitted, f"{name}.{attribute}")
