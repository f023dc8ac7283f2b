"""One graph of an encoder and a head: patches in; scores, embeddings and a distance out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, compose, helper, numpy_helper

from genrekit.backends.encoder.check import axes_shape
from genrekit.backends.encoder.distance import Distance
from genrekit.backends.encoder.facts import EncoderFacts, Hearing, Layer
from genrekit.backends.encoder.heads import Calibration, Chain, Linear, Rbf, Relu
from genrekit.backends.encoder.movement import LEAST_DB, decibels, stretch
from genrekit.backends.encoder.nodes import IR_VERSION, Nodes, to_model
from genrekit.backends.encoder.pooling import LEAST, POOLINGS

WINDOWS, SCORES, EMBEDDINGS, DISTANCE = "windows", "scores", "embeddings", "distance"
_PREFIX = "encoder_"

Members = Sequence[tuple[Chain, Calibration]]
LIMIT = 1.0


@dataclass(frozen=True, eq=False)
class Limit:
    """A distance of the features of a layer, and the value above which it is too far."""

    layer: str
    distance: Distance
    threshold: float


def write_graph(
    encoder: bytes,
    facts: EncoderFacts,
    *,
    layer: str,
    pooling: str,
    members: Members,
    n_labels: int,
    limits: Sequence[Limit],
) -> bytes:
    """Write the graph of a model.

    Parameters
    ----------
    encoder : bytes
        The encoder's own graph, which was checked.
    facts : EncoderFacts
    layer : str
        The layer that the head takes.
    pooling : str
        As for `genrekit.backends.encoder.pooling.pool`.
    members : sequence of (Chain, Calibration)
        Heads whose probabilities are averaged, at least one.
    n_labels : int
    limits : sequence of Limit
        Of layers; a sound is as far away as the layer says that sees it farthest, or as its want of movement
        (`genrekit.backends.encoder.movement`) says. Without any, the graph has no output ``distance``.

    Returns
    -------
    bytes
        A graph from ``windows`` [float32, (n, n_patches, *patch_shape)] to ``scores`` [float32, (n, n_labels)],
        ``embeddings`` [float32, (n, size)], and ``distance`` [float32, (n,)] where there is one: above `LIMIT`, a sound
        is unlike anything that was learnt.
    """
    model = onnx.load_from_string(encoder)
    imports = list(model.opset_import)
    opset = next(entry.version for entry in imports if entry.domain in ("", "ai.onnx"))
    before, after = Nodes("patches_", opset), Nodes("head_", opset)
    n_windows, n_patches = _lengths(before)
    flat = before("Reshape", WINDOWS, [-1, *facts.hears.patch_shape])
    if [axis for axis in facts.hears.axes[1:] if axis != 1] == ["mels", "frames"]:
        flat = before("Transpose", flat, perm=[0, 2, 1])
    if axes_shape(facts.hears) != facts.hears.patch_shape:
        flat = before("Reshape", flat, [-1, *axes_shape(facts.hears)])
    encode = _one_by_one(model, facts, flat)
    found = facts.layers[layer]
    features = _as_doubles(after, _per_window(after, found, n_windows, n_patches), found)
    mean = after.reduce("ReduceMean", features, 1)
    _scores(after, _pooled(after, features, mean, pooling), members)
    embedding = facts.embedding_layer
    parts = _per_window(after, embedding, n_windows, n_patches)
    after.rename(after.reduce("ReduceMean", parts, 1), EMBEDDINGS)
    outputs: dict[str, Sequence[int | str]] = {SCORES: ("n", n_labels), EMBEDDINGS: ("n", embedding.size)}
    if limits:
        fars: list[str] = []
        for limit in limits:
            seen = facts.layers[limit.layer]
            values = _as_doubles(after, _per_window(after, seen, n_windows, n_patches), seen)
            centre = after.reduce("ReduceMean", values, 1)
            fars.append(
                after("Div", _distance(after, centre, n_patches, limit.distance), np.float64(limit.threshold))
            )
        if decibels(facts.hears):
            moved = after("Max", _movement(after, facts.hears), np.float64(LEAST_DB / 100))
            fars.append(after("Div", np.float64(LEAST_DB), moved))
        far = after("Max", *fars)
        after.rename(after("Cast", far, to=TensorProto.FLOAT), DISTANCE)
        outputs[DISTANCE] = ("n",)
    return to_model(
        [*before.nodes, encode, *after.nodes],
        [*before.constants, *after.constants],
        {WINDOWS: ("n", "n_patches", *facts.hears.patch_shape)},
        outputs,
        imports,
        max(model.ir_version, IR_VERSION),
    )


def _one_by_one(model: onnx.ModelProto, facts: EncoderFacts, patches: str) -> onnx.NodeProto:
    """Return a node that runs the encoder on one patch after the other: as fast as in batches, in a fifth of the memory."""
    graph = compose.add_prefix_graph(model.graph, _PREFIX, rename_nodes=True)
    initial = {tensor.name for tensor in graph.initializer}
    (whole,) = (i.name for i in graph.input if i.name not in initial)
    first, one = f"{_PREFIX}first_axis", f"{_PREFIX}patch"
    sizes = {layer.output: layer.size for layer in facts.layers.values()}
    body = helper.make_graph(
        [
            helper.make_node("Unsqueeze", [one, first], [whole]),
            *graph.node,
            *(
                helper.make_node("Squeeze", [_PREFIX + name, first], [f"{_PREFIX}one_{name}"])
                for name in sizes
            ),
        ],
        "one_patch",
        [helper.make_tensor_value_info(one, TensorProto.FLOAT, axes_shape(facts.hears))],
        [
            helper.make_tensor_value_info(f"{_PREFIX}one_{name}", TensorProto.FLOAT, [size])
            for name, size in sizes.items()
        ],
        initializer=[*graph.initializer, numpy_helper.from_array(np.array([0]), first)],
    )
    outputs = [f"{_PREFIX}all_{name}" for name in sizes]
    return helper.make_node("Scan", [patches], outputs, body=body, num_scan_inputs=1)


def _lengths(add: Nodes) -> tuple[str, str]:
    """Add the numbers of windows and of patches a window, each [shape=(1,)]."""
    shape = add("Shape", WINDOWS)
    return add("Slice", shape, [0], [1]), add("Slice", shape, [1], [2])


def _per_window(add: Nodes, layer: Layer, n_windows: str, n_patches: str) -> str:
    """Add a layer's output as (n_windows, n_patches, size)."""
    return add(
        "Reshape", f"{_PREFIX}all_{layer.output}", add("Concat", n_windows, n_patches, [layer.size], axis=0)
    )


def _as_doubles(add: Nodes, values: str, layer: Layer) -> str:
    """Add the nodes of `genrekit.backends.encoder.pooling.transform`."""
    values = add("Cast", values, to=TensorProto.DOUBLE)
    if not layer.names:
        return values
    clipped = add("Min", add("Max", values, np.float64(LEAST)), np.float64(1 - LEAST))
    return add("Log", add("Div", clipped, add("Sub", np.float64(1), clipped)))


def _pooled(add: Nodes, features: str, mean: str, pooling: str) -> str:
    """Add the nodes of `genrekit.backends.encoder.pooling.pool`."""
    parts = [mean]
    kinds = POOLINGS[pooling]
    if "std" in kinds:
        centred = add("Sub", features, add("Unsqueeze", mean, [1]))
        parts.append(add("Sqrt", add.reduce("ReduceMean", add("Mul", centred, centred), 1)))
    if "max" in kinds:
        parts.append(add.reduce("ReduceMax", features, 1))
    return add("Concat", *parts, axis=1) if parts[1:] else mean


def _scores(add: Nodes, x: str, members: Members) -> None:
    voices = []
    for chain, calibration in members:
        margins = _chain(add, chain, x)
        odds = add("Add", add("Mul", margins, np.float64(calibration.slope)), np.float64(calibration.offset))
        if calibration.multilabel:
            voices.append(add("Sigmoid", odds))
        else:
            # Neither exponential overflows, however far a window is from what was learnt.
            small = add("Exp", add("Neg", add("Abs", odds)))
            log_sigmoid = add(
                "Sub", add("Min", odds, np.float64(0)), add("Log", add("Add", np.float64(1), small))
            )
            voices.append(add("Softmax", log_sigmoid, axis=1))
    mean = voices[0]
    for voice in voices[1:]:
        mean = add("Add", mean, voice)
    if voices[1:]:
        mean = add("Div", mean, np.float64(len(voices)))
    add.rename(add("Cast", mean, to=TensorProto.FLOAT), SCORES)


def _chain(add: Nodes, chain: Chain, x: str) -> str:
    for step in chain.steps:
        if isinstance(step, Linear):
            x = add("Add", add("MatMul", x, step.weight.astype(np.float64)), step.bias.astype(np.float64))
        elif isinstance(step, Relu):
            x = add("Max", x, np.float64(0))
        else:
            x = _rbf(add, step, x)
    return x


def _rbf(add: Nodes, step: Rbf, x: str) -> str:
    own = add.reduce("ReduceSum", add("Mul", x, x), 1, keep=True)
    cross = add("MatMul", x, -2 * step.centres.T)
    squares = add("Max", add("Add", add("Add", own, cross), (step.centres**2).sum(axis=1)), np.float64(0))
    return add("Exp", add("Mul", squares, np.float64(-step.gamma)))


def _distance(add: Nodes, mean: str, n_patches: str, distance: Distance) -> str:
    """Add the nodes of `genrekit.backends.encoder.distance.Distance`."""
    one = add("Div", np.float64(1), add("Cast", n_patches, to=TensorProto.DOUBLE))
    deviation = add("Sqrt", add("Add", distance.between, one))
    turned = add("Unsqueeze", add("MatMul", mean, distance.basis), [1])
    away = add("Div", add("Sub", turned, distance.centres), deviation)
    nearest = add.reduce("ReduceMin", add.reduce("ReduceMean", add("Mul", away, away), 2), 1)
    return add("Sqrt", nearest)


def _movement(add: Nodes, hears: Hearing) -> str:
    """Add the nodes of `genrekit.backends.encoder.movement.movement`."""
    length = stretch(hears)
    n_stretches = hears.patch // length
    whole = add("Slice", WINDOWS, [0], [n_stretches * length], [2])
    parts = add("Reshape", whole, [0, -1, length, hears.n_mels])
    levels = add("Cast", add.reduce("ReduceMean", parts, 2), to=TensorProto.DOUBLE)
    levels = add("Sub", levels, add.reduce("ReduceMean", levels, 2, keep=True))
    centred = add("Sub", levels, add.reduce("ReduceMean", levels, 1, keep=True))
    deviation = add("Sqrt", add.reduce("ReduceMean", add("Mul", centred, centred), 1))
    return add("Mul", add.reduce("ReduceMean", deviation, 1), np.float64(decibels(hears)))
