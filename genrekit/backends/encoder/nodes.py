"""Writing ONNX nodes one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

OPSET = 18
IR_VERSION = 9


class Nodes:
    """Nodes and constants in the order of their making, under numbered names.

    Parameters
    ----------
    prefix : str
        Prefix of every name.
    opset : int
        The opset that they are written in, 13 or later.
    """

    def __init__(self, prefix: str, opset: int = OPSET) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self._prefix, self._opset = prefix, opset

    def __call__(self, operator: str, *inputs: str | npt.ArrayLike, **attributes: Any) -> str:
        """Add a node and return the name of its output; arrays become constants of their type, integers int64."""
        names = [value if isinstance(value, str) else self.constant(np.asarray(value)) for value in inputs]
        output = f"{self._prefix}{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, names, [output], **attributes))
        return output

    def constant(self, array: np.ndarray) -> str:
        """Add a constant and return its name."""
        name = f"{self._prefix}constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name))
        return name

    def reduce(self, operator: str, x: str, axis: int, *, keep: bool = False) -> str:
        """Reduce one axis; the opset decides whether it is an input or an attribute."""
        if self._opset >= 18 or operator == "ReduceSum":
            return self(operator, x, [axis], keepdims=int(keep))
        return self(operator, x, axes=[axis], keepdims=int(keep))

    def rename(self, made: str, name: str) -> None:
        """Rename the output of the last node."""
        self.nodes.append(helper.make_node("Identity", [made], [name]))


def to_model(
    nodes: Sequence[onnx.NodeProto],
    constants: Sequence[onnx.TensorProto],
    inputs: dict[str, Sequence[int | str]],
    outputs: dict[str, Sequence[int | str]],
    opset_imports: Sequence[onnx.OperatorSetIdProto] = (),
    ir_version: int = IR_VERSION,
) -> bytes:
    """Make a checked model of float32 inputs and outputs, given by name with their shapes."""
    graph = helper.make_graph(
        list(nodes),
        "genrekit",
        [
            helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
            for name, shape in inputs.items()
        ],
        [
            helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
            for name, shape in outputs.items()
        ],
        initializer=list(constants),
    )
    model = helper.make_model(
        graph,
        opset_imports=list(opset_imports) or [helper.make_opsetid("", OPSET)],
        ir_version=ir_version,
        producer_name="genrekit",
    )
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))
