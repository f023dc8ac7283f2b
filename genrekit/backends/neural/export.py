"""Export of networks as a graph for ONNX Runtime.

A graph has the unmodified parameters of a network under their own names: ``networks.0.body.conv1.weight``. ONNX
Runtime folds batch normalisation into convolutions on loading, and a bundle needs no second copy of the parameters.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Mapping
from typing import cast

import numpy as np
import onnx
import onnxscript.optimizer
import torch
from google.protobuf.message import DecodeError
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from genrekit.backends.base import DISTANCE, EMBEDDINGS, INPUT, OUTPUT
from genrekit.backends.neural.calibration import Scorer, probabilities
from genrekit.backends.neural.distance import Distance
from genrekit.backends.neural.network import Network

_OPSET = 18
_WIDE = ".float32"  # of the name of a parameter that is stored in 16 bits, after its cast


class Outputs(nn.Module):
    """All outputs of a graph: scores, embeddings, and a distance if there is one.

    Parameters
    ----------
    scorer : Scorer
        Its networks are `genrekit.backends.neural.network.Network`; their features, one network after the other, are the
        embeddings.
    distance : Distance or None
    """

    def __init__(self, scorer: Scorer, distance: Distance | None) -> None:
        super().__init__()
        self.networks, self.distance = scorer.networks, distance
        self.temperature, self.multilabel = scorer.temperature, scorer.multilabel

    @property
    def names(self) -> list[str]:
        """Names of the outputs."""
        return [OUTPUT, EMBEDDINGS, *([DISTANCE] if self.distance else [])]

    def forward(self, windows: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs for windows [shape=(n, *shape)]."""
        networks = cast("list[Network]", list(self.networks))
        parts = [network.encode(windows) for network in networks]
        logits = [network.score(part) for network, part in zip(networks, parts, strict=True)]
        scores = probabilities(torch.stack(logits), self.temperature, multilabel=self.multilabel)
        embeddings = torch.cat(parts, dim=1)
        return (scores, embeddings, *([self.distance(embeddings)] if self.distance else []))


def to_onnx(
    scorer: Scorer,
    window: np.ndarray,
    free: Mapping[int, str],
    *,
    distance: Distance | None = None,
    half: bool = False,
) -> bytes:
    """Export networks with their calibration.

    Parameters
    ----------
    scorer : Scorer
        Networks on the CPU.
    window : np.ndarray [shape=shape]
        One example window.
    free : Mapping of int to str
        Axes of a window with variable length, with their names; the number of windows is always variable.
    distance : Distance, optional
        Distance of the features of the networks, one after the other.
    half : bool
        Whether to store parameters rounded by `genrekit.backends.neural.native.round_to_half` in 16 bits; computation is in 32.

    Returns
    -------
    bytes
        A graph from ``windows`` to ``scores``, ``embeddings`` and ``distance``, if there is one, that names no file of this machine.
    """
    sizes = {0: torch.export.Dim("n"), **{axis + 1: torch.export.Dim(name) for axis, name in free.items()}}
    # Two windows: the exporter treats a length of 1 as a constant.
    example = torch.from_numpy(np.stack([window, window]).astype(np.float32))
    outputs = Outputs(scorer, distance)
    noise = logging.getLogger("torch.onnx")
    level = noise.level
    noise.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")  # of the exporter, about itself
            program = torch.onnx.export(
                outputs.eval(),
                (example,),
                input_names=[INPUT],
                output_names=outputs.names,
                dynamic_shapes=(sizes,),
                opset_version=_OPSET,
                dynamo=True,
                optimize=False,  # it would fold what ONNX Runtime folds anyway, and lose the parameters
                verbose=False,
            )
            assert program is not None
            onnxscript.optimizer.fold_constants_ir(program.model)
            onnxscript.optimizer.remove_unused_nodes(program.model)
    finally:
        noise.setLevel(level)
    model = program.model_proto
    _strip(model)
    if half:
        _halve(model.graph)
    for output in model.graph.output:  # the exporter names every axis anew
        output.type.tensor_type.shape.dim[0].dim_param = "n"
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _strip(model: onnx.ModelProto) -> None:
    """Remove the exporter's stack traces, which have paths of this machine."""
    graph = model.graph
    del model.metadata_props[:], model.functions[:], graph.metadata_props[:], graph.value_info[:]
    model.doc_string = graph.doc_string = ""
    for item in (*graph.node, *graph.input, *graph.output, *graph.initializer):
        item.doc_string = ""
        del item.metadata_props[:]


def parameters(onnx_bytes: bytes) -> dict[str, np.ndarray]:
    """Return the parameters of the networks in a graph, by name.

    Raises
    ------
    ValueError
        If it is not a graph, or has parameters in other files.
    """
    try:
        graph = onnx.load_from_string(onnx_bytes).graph
    except DecodeError as error:
        raise ValueError(f"not an ONNX graph: {error}") from None
    if any(tensor.data_location == TensorProto.EXTERNAL for tensor in graph.initializer):
        raise ValueError("the graph refers to data in other files")
    return {
        tensor.name: numpy_helper.to_array(tensor)
        for tensor in graph.initializer
        if tensor.name.startswith("networks.")
    }


def _halve(graph: onnx.GraphProto) -> None:
    """Store parameters as float16 where this is lossless, each with a cast, which ONNX Runtime folds on loading."""
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or len(tensor.dims) < 2:
            continue
        values = numpy_helper.to_array(tensor)
        with np.errstate(over="ignore"):
            halved = values.astype(np.float16)
        if np.array_equal(halved, values):
            tensor.CopyFrom(numpy_helper.from_array(halved, tensor.name))
            casts.append(helper.make_node("Cast", [tensor.name], [_wide(tensor.name)], to=TensorProto.FLOAT))
    narrow = {cast.input[0] for cast in casts}
    for node in graph.node:
        for place, name in enumerate(node.input):
            if name in narrow:
                node.input[place] = _wide(name)
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def _wide(name: str) -> str:
    return f"{name}{_WIDE}"
