"""A small encoder as a user might have one: an ONNX graph of a few nodes."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

HEARS = {"sr": 8000, "patch": 40, "n_fft": 256, "hop_length": 128, "n_mels": 16, "log": "ln", "offset": 0.01}


def linear(shape, size=5, *, opset=17, output="z", seed=0, kind=TensorProto.FLOAT):
    """An encoder: every patch is flattened, multiplied with a matrix, and goes through a hyperbolic tangent."""
    weight = np.random.default_rng(seed).normal(0, 0.05, (int(np.prod(shape)), size)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["x"], ["flat"]),
            helper.make_node("MatMul", ["flat", "w"], ["m"]),
            helper.make_node("Tanh", ["m"], [output]),
        ],
        "g",
        [helper.make_tensor_value_info("x", kind, ["n", *shape])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["n", size])],
        initializer=[numpy_helper.from_array(weight, "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
