"""A backend of two columns that learns in no time, one label an example or several."""

from typing import ClassVar

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from pydantic import Field

from genrekit.backends.base import BackendConfig, BackendInfo, Fitted
from genrekit.types import Modality, Windows


class LinearConfig(BackendConfig):
    """Settings of the ``linear`` backend."""

    multilabel: bool = Field(False, description="Whether examples may have several labels.")


class LinearBackend:
    """Scores grow towards the mean of a label's rows."""

    info: ClassVar = BackendInfo(
        name="linear",
        summary="A linear model of two columns.",
        modality=Modality.TABLE,
        feature_version="1",
        columns=("x", "y"),
        multilabel=True,
    )
    Config: ClassVar = LinearConfig

    def prepare(self, example, config):
        """Take the row as it is."""
        return Windows(np.array([[example.row["x"], example.row["y"]]], dtype=np.float32))

    def fit(self, train, valid, labels, config, progress):
        """Point at the mean of every label's rows."""
        rows = np.concatenate(train.windows)
        centre = rows.mean(axis=0)
        means = np.stack([rows[has].mean(axis=0) for has in train.targets.T > 0], axis=1)
        weights = (4 * (means - centre[:, None])).astype(np.float32)
        bias = (-centre @ weights).astype(np.float32)
        last = "Sigmoid" if config.multilabel else "Softmax"
        graph = helper.make_graph(
            [
                helper.make_node("MatMul", ["windows", "w"], ["products"]),
                helper.make_node("Add", ["products", "b"], ["logits"]),
                helper.make_node(last, ["logits"], ["scores"]),
            ],
            "linear",
            [helper.make_tensor_value_info("windows", TensorProto.FLOAT, ("n", 2))],
            [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ("n", len(labels)))],
            [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(bias, "b")],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        powers = np.exp(rows @ weights + bias)
        scores = powers / (1 + powers if config.multilabel else powers.sum(axis=1, keepdims=True))
        return Fitted(
            onnx=model.SerializeToString(),
            native={},
            check_windows=rows,
            check_scores=scores,
            thresholds=dict.fromkeys(labels, 0.4) if config.multilabel else {},
        )
