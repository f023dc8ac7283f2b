"""The ``gtzan`` estimators as one ONNX graph, in float64 up to the trees.

Converters of skl2onnx 1.20 were measured first: in float64 the power transform does not convert, one-vs-rest
support vector machines are off by 2; in float32 an error of 1e-7 before a forest moves a whole tree's vote.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import PowerTransformer, StandardScaler

from genrekit.backends.base import INPUT, OUTPUT
from genrekit.backends.gtzan.estimators import (
    LEAST_PROBABILITY,
    Boosting,
    Vote,
    WithinClassWhitening,
)
from genrekit.backends.gtzan.relative import LEVEL_MATRIX, LOG_COLUMNS, LOG_FLOOR, Relative, shipped_bandwidth
from genrekit.backends.trees import onnx as xgboost_onnx
from genrekit.backends.trees import xgboost_json
from genrekit.features import GTZAN_COLUMNS

_OPSET, _ML_OPSET, _IR_VERSION = 18, 3, 9


class Graph:
    """A graph under construction: nodes and constants in order of creation, with numbered names."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def __call__(self, operator: str, *inputs: str | npt.ArrayLike, **attributes: Any) -> str:
        """Add a node and return the name of its output; arrays and numbers become float64 constants."""
        names = [value if isinstance(value, str) else self.constant(value) for value in inputs]
        output = f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, names, [output], **attributes))
        return output

    def constant(self, value: npt.ArrayLike) -> str:
        """Add a constant: boolean and integer arrays unchanged, all others as float64."""
        array = np.asarray(value)
        name = f"constant_{len(self.constants)}"
        array = array if array.dtype.kind in "bi" and array.ndim else array.astype(np.float64)
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def cast(self, x: str, to: int) -> str:
        """Cast to an ONNX type."""
        return self("Cast", x, to=to)


def to_onnx(vote: Vote, n_features: int) -> bytes:
    """Export a fitted vote as a genrekit graph.

    Parameters
    ----------
    vote : Vote
    n_features : int
        Columns of a window.

    Returns
    -------
    bytes
        A graph from ``windows`` [float32, (n, n_features)] to ``scores`` [float32, (n, n_labels)].
    """
    graph = Graph()
    x = graph.cast(INPUT, TensorProto.DOUBLE)
    voices = [
        _sigmoid(graph, _log_odds(graph, model, x), sigmoid.slope, sigmoid.offset)
        for model, sigmoid in vote.voters
    ]
    mean = graph("Div", graph("Sum", *voices), float(len(voices)))
    if len(vote.classes) < vote.n_labels:
        mean = graph("MatMul", mean, np.eye(vote.n_labels)[vote.classes])
    graph.nodes.append(helper.make_node("Cast", [mean], [OUTPUT], to=TensorProto.FLOAT))
    made = helper.make_graph(
        graph.nodes,
        "gtzan",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["n", n_features])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["n", vote.n_labels])],
        initializer=graph.constants,
    )
    opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid("ai.onnx.ml", _ML_OPSET)]
    exported = helper.make_model(made, opset_imports=opsets, ir_version=_IR_VERSION, producer_name="genrekit")
    onnx.checker.check_model(exported)
    return bytes(exported.SerializeToString())


def _sigmoid(graph: Graph, odds: str, slope: float, offset: float) -> str:
    t = graph("Add", graph("Mul", odds, slope), offset)
    return graph("Softmax", graph("Neg", graph("Softplus", graph("Neg", t))), axis=1)


def _log_odds(graph: Graph, model: Pipeline, x: str) -> str:
    *steps, (_, classifier) = model.steps
    for _, step in steps:
        x = _TRANSFORMS[type(step)](graph, step, x)
    if isinstance(classifier, OneVsRestClassifier):
        return _support_vectors(graph, classifier, x)
    p = _PROBABILITIES[type(classifier)](graph, classifier, x)
    p = graph("Min", graph("Max", p, LEAST_PROBABILITY), 1 - LEAST_PROBABILITY)
    return graph("Sub", graph("Log", p), graph("Log", graph("Sub", 1.0, p)))


def _relative(graph: Graph, step: Relative, x: str) -> str:
    positive = np.zeros(len(GTZAN_COLUMNS), dtype=bool)
    positive[list(LOG_COLUMNS)] = True
    logs = graph("Where", positive, graph("Log", graph("Max", x, LOG_FLOOR)), x)
    bandwidth = shipped_bandwidth()
    z = graph("MatMul", logs, LEVEL_MATRIX / bandwidth.deviations)
    whole = np.pad(bandwidth.gates, ((0, 0), (1, 0)))
    p = graph("Softmax", graph("Add", graph("MatMul", z, whole[:-1]), whole[-1]), axis=1)
    shares = graph("MatMul", p, np.pad(bandwidth.spread, ((1, 0), (0, 0))))
    parts = graph("Mul", graph("MatMul", z, bandwidth.inputs), shares)
    offsets = graph("MatMul", p, np.pad(bandwidth.offsets, ((1, 0), (0, 0))))
    return graph("Sum", z, graph("MatMul", parts, bandwidth.outputs), offsets)


def _standard(graph: Graph, step: StandardScaler, x: str) -> str:
    return graph("Div", graph("Sub", x, step.mean_), step.scale_)


def _power(graph: Graph, step: PowerTransformer, x: str) -> str:
    """Export a power transform (Yeo and Johnson, Biometrika 87, 2000): one Box-Cox curve above zero, another below; each is 0 at zero."""

    def curve(side: str, exponents: npt.NDArray[np.float64]) -> str:
        log = graph("Log", graph("Add", side, 1.0))
        flat = np.abs(exponents) < np.spacing(1.0)
        safe = np.where(flat, 1.0, exponents)
        bent = graph("Div", graph("Sub", graph("Exp", graph("Mul", log, safe)), 1.0), safe)
        return graph("Where", flat, log, bent)

    above = curve(graph("Max", x, 0.0), step.lambdas_)
    below = curve(graph("Max", graph("Neg", x), 0.0), 2 - step.lambdas_)
    return graph("Sub", above, below)


def _whitening(graph: Graph, step: WithinClassWhitening, x: str) -> str:
    return graph("MatMul", graph("Sub", x, step.mean_), step.rotation_)


def _linear(graph: Graph, model: LogisticRegression | LinearDiscriminantAnalysis, x: str) -> str:
    weights, bias = model.coef_.T, model.intercept_
    if len(bias) == 1:
        weights, bias = np.hstack([np.zeros_like(weights), weights]), np.append(0.0, bias)
    return graph("Softmax", graph("Add", graph("MatMul", x, weights), bias), axis=1)


def _support_vectors(graph: Graph, model: OneVsRestClassifier, x: str) -> str:
    """Export one kernel matrix for all classes: they share their support vectors."""
    machines = model.estimators_
    vectors = {
        int(row): vector for m in machines for row, vector in zip(m.support_, m.support_vectors_, strict=True)
    }
    place = {row: i for i, row in enumerate(vectors)}
    weights = np.zeros((len(vectors), len(machines)))
    for k, machine in enumerate(machines):
        weights[[place[int(row)] for row in machine.support_], k] = machine.dual_coef_[0]
    bias = np.concatenate([machine.intercept_ for machine in machines])
    if len(machines) == 1:
        weights, bias = np.hstack([-weights, weights]), np.append(-bias, bias)
    stacked = np.stack(list(vectors.values()))
    norms = graph("ReduceSum", graph("Mul", x, x), np.array([1]), keepdims=1)
    products = graph("MatMul", x, 2 * stacked.T)
    squares = graph("Max", graph("Sub", graph("Add", norms, (stacked**2).sum(axis=1)), products), 0.0)
    kernel = graph("Exp", graph("Mul", squares, -float(machines[0].gamma)))
    return graph("Add", graph("MatMul", kernel, weights), bias)


def _forest(graph: Graph, model: RandomForestClassifier, x: str) -> str:
    """Export the trees as one regressor with one target per class, so that leaves store only the classes in them."""
    keys = ("treeids", "nodeids", "modes", "featureids", "values", "truenodeids", "falsenodeids")
    nodes: dict[str, list[Any]] = {f"nodes_{key}": [] for key in keys}
    leaves: dict[str, list[Any]] = {f"target_{key}": [] for key in ("treeids", "nodeids", "ids", "weights")}
    for number, estimator in enumerate(model.estimators_):
        tree = estimator.tree_
        leaf = tree.children_left == -1
        nodes["nodes_treeids"] += [number] * len(leaf)
        nodes["nodes_nodeids"] += range(len(leaf))
        nodes["nodes_modes"] += np.where(leaf, "LEAF", "BRANCH_LEQ").tolist()
        nodes["nodes_featureids"] += np.maximum(tree.feature, 0).tolist()
        nodes["nodes_values"] += np.where(leaf, np.float32(0), _at_most(tree.threshold)).tolist()
        nodes["nodes_truenodeids"] += np.maximum(tree.children_left, 0).tolist()
        nodes["nodes_falsenodeids"] += np.maximum(tree.children_right, 0).tolist()
        counts = tree.value[:, 0, :]
        shares = counts / counts.sum(axis=1, keepdims=True) / len(model.estimators_)
        at, classes = np.nonzero(shares * leaf[:, None])
        leaves["target_treeids"] += [number] * len(at)
        leaves["target_nodeids"] += at.tolist()
        leaves["target_ids"] += classes.tolist()
        leaves["target_weights"] += shares[at, classes].tolist()
    votes = graph(
        "TreeEnsembleRegressor",
        graph.cast(x, TensorProto.FLOAT),
        domain="ai.onnx.ml",
        n_targets=len(model.classes_),
        **nodes,
        **leaves,
    )
    return graph.cast(votes, TensorProto.DOUBLE)


def _at_most(thresholds: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Return the largest float32 not above each threshold: a float32 value is at most the one iff at most the other."""
    single = thresholds.astype(np.float32)
    return np.where(single > thresholds, np.nextafter(single, np.float32(-np.inf)), single)


def _boosting(graph: Graph, model: Boosting, x: str) -> str:
    trees = xgboost_json.from_booster(model.booster_)
    exported = onnx.load_model_from_string(xgboost_onnx.to_onnx([trees]))
    (ensemble,) = (node for node in exported.graph.node if node.op_type == "TreeEnsembleRegressor")
    ensemble.input[:] = [graph.cast(x, TensorProto.FLOAT)]
    ensemble.output[:] = [f"margins_{len(graph.nodes)}"]
    graph.nodes.append(ensemble)
    return graph("Softmax", graph.cast(ensemble.output[0], TensorProto.DOUBLE), axis=1)


Emit = Callable[[Graph, Any, str], str]
_TRANSFORMS: dict[type, Emit] = {
    Relative: _relative,
    StandardScaler: _standard,
    PowerTransformer: _power,
    WithinClassWhitening: _whitening,
}
_PROBABILITIES: dict[type, Emit] = {
    LinearDiscriminantAnalysis: _linear,
    LogisticRegression: _linear,
    RandomForestClassifier: _forest,
    Boosting: _boosting,
}
