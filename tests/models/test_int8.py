"""Graphs of 8 bits: kept where they are smaller and answer the same."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from typer.testing import CliRunner

from genrekit.cli import app
from genrekit.errors import UsageError
from genrekit.models import quantise


def graph(spread):
    """Return a small network whose labels are decided by differences of a given size."""
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((64, 256)).astype(np.float32)
    last = rng.standard_normal((256, 4)).astype(np.float32) * spread
    nodes = [
        helper.make_node("MatMul", ["windows", "w"], ["a"]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("MatMul", ["b", "v"], ["c"]),
        helper.make_node("Softmax", ["c"], ["scores"], axis=1),
    ]
    made = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("windows", TensorProto.FLOAT, ["n", 64])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 4])],
        [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(last, "v")],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return model.SerializeToString()


def test_a_graph_that_answers_the_same_is_kept():
    rng = np.random.default_rng(1)
    inputs = [rng.standard_normal((3, 64)).astype(np.float32) * 3 for _ in range(40)]
    found = quantise(graph(1.0), inputs)
    assert found.inputs == 20
    assert found.same == 1.0
    assert not found.reason
    assert len(found.graph) == found.size_bytes < 0.5 * len(graph(1.0))
    onnx.checker.check_model(onnx.load_from_string(found.graph))


def test_one_that_does_not_is_refused():
    rng = np.random.default_rng(1)
    # Loud inputs calibrate, quiet ones are compared: their numbers are lost in the steps of the loud ones.
    inputs = [rng.standard_normal((1, 64)).astype(np.float32) * (1000, 0.1)[k % 2] for k in range(40)]
    found = quantise(graph(1.0), inputs)
    assert found.same < 0.99
    assert "answers change" in found.reason
    assert found.graph == b""


def test_few_inputs_measure_nothing():
    with pytest.raises(UsageError, match="19 inputs are too few"):
        quantise(graph(1.0), [np.zeros((1, 64), np.float32)] * 19)


@pytest.mark.parametrize(("model", "said"), [("spotify", "A model of tables"), ("image", "too few")])
def test_the_command_says_why_not(model, said, tmp_path):
    result = CliRunner().invoke(app, ["export", model, "--to", str(tmp_path / "x"), "--int8", str(tmp_path)])
    assert result.exit_code == 2
    assert said in result.stderr
    assert not (tmp_path / "x").exists()
