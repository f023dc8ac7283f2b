"""Graphs that run, and graphs that must not."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import NodeProto, TensorProto, helper, numpy_helper

from genrekit.errors import BundleError
from genrekit.models import runtime as module
from genrekit.models.bundle import Manifest, dumps, loads
from genrekit.models.manifest import Distance, Embeddings, Outputs
from genrekit.models.runtime import Runtime
from genrekit.types import Modality

FLOAT = TensorProto.FLOAT
WEIGHTS = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)


def graph(
    nodes: Sequence[NodeProto] | None = None,
    *,
    tensors: Sequence[TensorProto] | None = None,
    shape: Sequence[int | str | None] = ("n", 4),
    answer: Sequence[int | str | None] | None = ("n", 3),
    names: tuple[str, str] = ("windows", "scores"),
    types: tuple[int, int] = (FLOAT, FLOAT),
) -> bytes:
    """A softmax regression of 4 numbers to 3 labels, unless told otherwise."""
    if nodes is None:
        nodes = [
            helper.make_node("MatMul", [names[0], "w"], ["logits"]),
            helper.make_node("Softmax", ["logits"], [names[1]]),
        ]
    made = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(names[0], types[0], shape)],
        [helper.make_tensor_value_info(names[1], types[1], answer)],
        [numpy_helper.from_array(WEIGHTS, "w")] if tensors is None else tensors,
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def same(*shape: int | str) -> bytes:
    """A graph whose scores are its windows."""
    return graph([helper.make_node("Identity", ["windows"], ["scores"])], shape=shape, answer=shape)


def expected(values: np.ndarray) -> np.ndarray:
    powers = np.exp(values @ WEIGHTS)
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def windows(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, 4)).astype(np.float32)


def refusal(onnx_bytes: bytes, n_labels: int = 3) -> str:
    with pytest.raises(BundleError) as caught:
        Runtime(onnx_bytes, n_labels=n_labels)
    return caught.value.message


def test_scores_windows() -> None:
    scores = Runtime(graph(), n_labels=3).scores(windows(7))
    assert scores.shape == (7, 3)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, expected(windows(7)), atol=1e-6)


def test_takes_any_kind_and_order_of_numbers() -> None:
    runtime = Runtime(graph(), n_labels=3)
    want = runtime.scores(windows(6))
    for values in (
        windows(6).astype(np.float64),
        np.asfortranarray(windows(6)),
        np.repeat(windows(6), 2, 0)[::2],
    ):
        np.testing.assert_array_equal(runtime.scores(values), want)


def test_no_windows_have_no_scores() -> None:
    runtime = Runtime(graph(), n_labels=3)
    assert runtime.scores(windows(0)).shape == (0, 3)
    assert runtime.example_scores([]).shape == (0, 3)


@pytest.mark.parametrize("batch", [1, 2, 3, 7, 100])
def test_a_batch_has_a_bounded_size(batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH_BYTES", batch * 4 * 4)
    nodes = [
        helper.make_node("Shape", ["windows"], ["size"], start=0, end=1),
        helper.make_node("Cast", ["size"], ["number"], to=FLOAT),
        helper.make_node("Div", ["number", "hundred"], ["share"]),
        helper.make_node("Concat", ["size", "three"], ["to"], axis=0),
        helper.make_node("Expand", ["share", "to"], ["scores"]),
    ]
    constants = {"hundred": np.float32(100), "three": np.array([3])}
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    scores = Runtime(graph(nodes, tensors=tensors), n_labels=3).scores(windows(7))
    seen = np.round(scores[:, 0] * 100).astype(int).tolist()
    left = 7 % batch
    assert seen == [min(batch, 7)] * (7 - left if batch < 7 else 7) + [left] * (left if batch < 7 else 0)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=8), st.integers(1, 9))
@settings(deadline=None)
def test_an_example_scores_the_mean_of_its_windows(counts: list[int], batch: int) -> None:
    runtime = Runtime(graph(), n_labels=3, threads=1)
    examples = [windows(count, seed=k) for k, count in enumerate(counts)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BATCH_BYTES", batch * 4 * 4)
        scores = runtime.example_scores(examples)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, [expected(values).mean(axis=0) for values in examples], atol=1e-6)


def test_examples_may_have_windows_of_different_lengths() -> None:
    nodes = [
        helper.make_node("ReduceMean", ["windows"], ["means"], axes=[1], keepdims=0),
        helper.make_node("MatMul", ["means", "w"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["scores"]),
    ]
    runtime = Runtime(graph(nodes, shape=("n", "t", 4)), n_labels=3)
    assert runtime.input_shape == (None, 4)
    examples = [np.full((2, length, 4), length / 10, dtype=np.float32) for length in (5, 5, 3, 9)]
    want = [expected(values.mean(axis=1)).mean(axis=0) for values in examples]
    np.testing.assert_allclose(runtime.example_scores(examples), want, atol=1e-6)


def test_an_example_without_windows_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="example 1 has no window"):
        Runtime(graph(), n_labels=3).example_scores([windows(2), windows(0)])


def test_the_same_windows_score_the_same() -> None:
    values = windows(50)
    first, again = (Runtime(graph(), n_labels=3, threads=1).scores(values) for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_runs_the_operators_of_tables() -> None:
    """Operators of the domain ai.onnx.ml, which skl2onnx and onnxmltools write."""
    scaler = helper.make_node(
        "Scaler", ["windows"], ["scaled"], domain="ai.onnx.ml", offset=[0.0] * 4, scale=[2.0] * 4
    )
    rest = [
        helper.make_node("MatMul", ["scaled", "w"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["scores"]),
    ]
    model = onnx.load_model_from_string(graph([scaler, *rest]))
    model.opset_import.append(helper.make_opsetid("ai.onnx.ml", 3))
    scores = Runtime(model.SerializeToString(), n_labels=3).scores(windows(5))
    np.testing.assert_allclose(scores, expected(2 * windows(5)), atol=1e-6)


@pytest.mark.parametrize("shape", [(5,), (5, 3), (5, 5), (5, 4, 1), (0, 3)])
def test_windows_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(BundleError, match=r"takes windows of shape \[4\]; these have \["):
        Runtime(graph(), n_labels=3).scores(np.zeros(shape, dtype=np.float32))


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (graph(names=("input", "scores")), "input: tensor(float)[n, 4] -> scores: tensor(float)[n, 3]"),
        (graph(names=("windows", "output")), "-> output: tensor(float)[n, 3]"),
        (graph(shape=(1, 4)), "windows: tensor(float)[1, 4]"),
        (same("n"), "windows: tensor(float)[n] -> scores: tensor(float)[n]"),
        (
            graph(
                [helper.make_node("Identity", ["windows"], ["scores"])],
                types=(TensorProto.DOUBLE, TensorProto.DOUBLE),
                answer=("n", 4),
            ),
            "tensor(double)",
        ),
        (
            graph(
                [helper.make_node("ArgMax", ["windows"], ["scores"], axis=1)],
                types=(FLOAT, TensorProto.INT64),
                answer=("n", 1),
            ),
            "tensor(int64)",
        ),
        (same("n", "any", 3), "scores: tensor(float)[n, any, 3]"),
    ],
)
def test_a_graph_of_other_inputs_or_outputs_is_refused(content: bytes, found: str) -> None:
    message = refusal(content)
    assert found in message
    assert "genrekit runs windows: tensor(float)[n, ...] -> scores: tensor(float)[n, 3]" in message


def rich(
    *,
    embeddings: Sequence[int | str | None] | None = ("n", 4),
    distance: Sequence[int | str | None] | None = ("n",),
    extra: Sequence[int | str | None] | None = None,
    first: str = "embeddings",
) -> bytes:
    """A graph whose embeddings are its windows and whose distance is their length."""
    nodes = [
        helper.make_node("MatMul", ["windows", "w"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["scores"]),
        helper.make_node("Identity", ["windows"], ["embeddings"]),
        helper.make_node(
            "ReduceL2", ["windows"], ["distance"], axes=[1], keepdims=int(len(distance or ()) == 2)
        ),
        helper.make_node("Identity", ["windows"], ["attention"]),
    ]
    model = onnx.load_model_from_string(graph(nodes))
    shapes = {"embeddings": embeddings, "distance": distance, "attention": extra}
    for name in sorted(shapes, key=lambda name: name != first):
        if shapes[name] is not None:
            model.graph.output.append(helper.make_tensor_value_info(name, FLOAT, shapes[name]))
    return bytes(model.SerializeToString())


DECLARED = Outputs(embeddings=Embeddings(size=4), distance=Distance(threshold=2.0))


@pytest.mark.parametrize("first", ["embeddings", "distance"])
def test_gives_embeddings_and_distances_where_there_are_some(
    first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH_BYTES", 2 * 4 * 4)
    values = windows(5)
    runtime = Runtime(rich(first=first), n_labels=3, declared=DECLARED)
    assert (runtime.embedding_size, runtime.has_distance) == (4, True)
    assert runtime.declaration(2.0) == DECLARED
    np.testing.assert_array_equal(runtime.embeddings(values), values)
    np.testing.assert_allclose(runtime.distance(values), np.linalg.norm(values, axis=1), rtol=1e-6)
    np.testing.assert_allclose(runtime.scores(values), expected(values), atol=1e-6)
    both = runtime.outputs(values, ("distance", "scores"))
    assert list(both) == ["distance", "scores"]
    assert both["distance"].shape == (5,)
    np.testing.assert_array_equal(both["scores"], runtime.scores(values))
    assert runtime.embeddings(values[:0]).shape == (0, 4)


def test_a_graph_of_scores_alone_gives_nothing_else() -> None:
    runtime = Runtime(graph(), n_labels=3)
    assert (runtime.embedding_size, runtime.has_distance) == (None, False)
    assert runtime.declaration() == Outputs() == runtime.declaration(3.0)
    for ask in (runtime.embeddings, runtime.distance):
        with pytest.raises(BundleError, match="has no"):
            ask(windows(2))


@pytest.mark.parametrize(
    ("content", "declared"),
    [
        (rich(), Outputs()),
        (rich(), Outputs(embeddings=Embeddings(size=5), distance=Distance())),
        (rich(), Outputs(embeddings=Embeddings(size=4))),
        (rich(distance=None), DECLARED),
        (rich(embeddings=None), Outputs(embeddings=Embeddings(size=4))),
        (graph(), Outputs(distance=Distance())),
    ],
)
def test_the_outputs_of_a_graph_are_those_declared(content: bytes, declared: Outputs) -> None:
    with pytest.raises(BundleError, match=r"The graph of the model returns .*; its manifest declares scores"):
        Runtime(content, n_labels=3, declared=declared)
    assert Runtime(content, n_labels=3).declaration() != declared


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (rich(extra=("n", 4)), "attention: tensor(float)[n, 4]"),
        (rich(distance=("n", 1)), "distance: tensor(float)[n, 1]"),
    ],
)
def test_outputs_of_other_names_and_shapes_are_refused(content: bytes, found: str) -> None:
    assert found in refusal(content)


@pytest.mark.parametrize(
    ("name", "bad"), [("embeddings", np.nan), ("embeddings", np.inf), ("distance", np.nan)]
)
def test_embeddings_and_distances_are_finite(name: str, bad: float) -> None:
    values = windows(3)
    values[1, 2] = bad
    runtime = Runtime(rich(), n_labels=3)
    with pytest.raises(BundleError, match=rf"gave {name} that are .*for 1 of 3 windows\. Those windows hold"):
        runtime.outputs(values, (name,))


def test_a_distance_is_not_negative_but_for_rounding() -> None:
    nodes = [
        helper.make_node("MatMul", ["windows", "w"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["scores"]),
        helper.make_node("ReduceSum", ["windows", "one"], ["distance"], keepdims=0),
    ]
    tensors = [numpy_helper.from_array(WEIGHTS, "w"), numpy_helper.from_array(np.array([1]), "one")]
    model = onnx.load_model_from_string(graph(nodes, tensors=tensors))
    model.graph.output.append(helper.make_tensor_value_info("distance", FLOAT, ("n",)))
    runtime = Runtime(model.SerializeToString(), n_labels=3)
    assert runtime.distance(np.full((1, 4), -1e-6, np.float32)) == [0]
    with pytest.raises(BundleError, match="negative or not finite, such as -4, for 1 of 2 windows"):
        runtime.distance(np.array([[-1] * 4, [1] * 4], np.float32))


def test_a_graph_of_two_inputs_is_refused() -> None:
    model = onnx.load_model_from_string(graph())
    model.graph.input.append(helper.make_tensor_value_info("more", FLOAT, ["n", 4]))
    assert "more: tensor(float)" in refusal(model.SerializeToString())


def test_a_graph_of_another_number_of_labels_is_refused() -> None:
    assert "scores: tensor(float)[n, 4]" in refusal(graph(), n_labels=4)
    unknown = Runtime(same("n", "any"), n_labels=4)
    with pytest.raises(BundleError, match=r"scores of shape \[2, 3\] for 2 windows; \[2, 4\] is right"):
        unknown.scores(np.zeros((2, 3), dtype=np.float32))


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ([0.2, 1.01, 0], "such as 1.01, for 1 of 3 windows."),
        ([0.2, -0.01, 0], "such as -0.01, for 1 of 3 windows."),
        ([-3, 2, 0.5], "such as -3, for 1 of 3 windows."),
        ([0.2, np.inf, 0], "such as inf, for 1 of 3 windows. Those windows hold a NaN or an infinity."),
        ([np.nan, 9, 0.5], "such as nan, for 1 of 3 windows. Those windows hold a NaN or an infinity."),
    ],
)
def test_scores_that_are_no_probabilities_are_refused(bad: list[float], said: str) -> None:
    values = np.array([[0.2, 0.3, 0.5], bad, [0, 0, 1]], dtype=np.float32)
    with pytest.raises(BundleError, match="not probabilities") as caught:
        Runtime(same("n", 3), n_labels=3).scores(values)
    assert said in caught.value.message


def test_an_overflow_inside_the_graph_is_not_blamed_on_the_windows() -> None:
    runtime = Runtime(graph([helper.make_node("Exp", ["windows"], ["scores"])], shape=("n", 3)), n_labels=3)
    with pytest.raises(BundleError, match=r"such as inf, for 1 of 1 windows\.$"):
        runtime.scores(np.array([[0, 1000, 0]], dtype=np.float32))


def test_a_nan_among_the_windows_is_named() -> None:
    values = windows(3)
    values[1, 2] = np.nan
    with pytest.raises(BundleError, match=r"nan, for 1 of 3 windows\. Those windows hold a NaN"):
        Runtime(graph(), n_labels=3).scores(values)


def test_rounding_stays_within_bounds() -> None:
    nodes = [
        helper.make_node("Softmax", ["windows"], ["soft"]),
        helper.make_node("Add", ["soft", "little"], ["scores"]),
    ]
    little = numpy_helper.from_array(np.float32(2e-6), "little")
    runtime = Runtime(graph(nodes, tensors=[little], shape=("n", 3)), n_labels=3)
    scores = runtime.scores(np.array([[100, 0, 0]], dtype=np.float32))
    assert scores.max() == 1
    assert scores.min() > 0


class Evil:
    """A pickle of this writes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_a_pickle_is_never_loaded(tmp_path: Path) -> None:
    marker = tmp_path / "executed"
    content = pickle.dumps(Evil(marker))
    manifest = Manifest(
        name="evil",
        backend="gtzan",
        modality=Modality.AUDIO,
        labels=("a", "b", "c"),
        config={},
        feature_version="1",
        input_shape=(4,),
        genrekit="0.1.0",
    )
    bundle = loads(dumps(manifest, onnx=content, native={}, card="# evil\n"))
    assert "cannot load the graph" in refusal(bundle.onnx)
    assert not marker.exists()
    pickle.loads(content)  # the pickle is a working one
    assert marker.exists()


@pytest.mark.parametrize("content", [b"", b"\0", b"PK\x03\x04", b"<html>", os.urandom(1000), graph()[:-7]])
def test_what_is_no_graph_is_refused_in_one_line(content: bytes) -> None:
    message = refusal(content)
    assert "cannot load the graph" in message
    assert "\n" not in message
    assert len(message) < 500


def test_a_graph_of_the_future_is_refused() -> None:
    model = onnx.load_model_from_string(graph())
    model.opset_import[0].version = 9999
    assert "cannot load the graph" in refusal(model.SerializeToString())


def external(location: str, where: str) -> onnx.ModelProto:
    """A graph whose tensor stands in another file."""
    tensor = TensorProto(name="w", data_type=FLOAT, dims=[4, 3], data_location=TensorProto.EXTERNAL)
    for key, value in {"location": location, "offset": "0", "length": "48"}.items():
        tensor.external_data.add(key=key, value=value)
    nodes = [
        helper.make_node("MatMul", ["windows", "w"], ["l"]),
        helper.make_node("Softmax", ["l"], ["scores"]),
    ]
    if where == "attribute":
        nodes.insert(0, helper.make_node("Constant", [], ["w"], value=tensor))
    if where == "branch":
        branch = helper.make_graph(
            [helper.make_node("Identity", ["w2"], ["w3"])],
            "branch",
            [],
            [helper.make_tensor_value_info("w3", FLOAT, [4, 3])],
            [TensorProto.FromString(tensor.SerializeToString())],
        )
        branch.initializer[0].name = "w2"
        nodes.insert(0, helper.make_node("If", ["yes"], ["w"], then_branch=branch, else_branch=branch))
        yes = numpy_helper.from_array(np.array(True), "yes")
        return onnx.load_model_from_string(graph(nodes, tensors=[yes]))
    tensors = [tensor] if where == "initializer" else []
    return onnx.load_model_from_string(graph(nodes, tensors=tensors))


@pytest.mark.parametrize("where", ["initializer", "attribute", "branch"])
@pytest.mark.parametrize("location", ["secret.bin", "../secret.bin", "/etc/passwd", "folder/../secret.bin"])
def test_data_in_other_files_is_never_read(
    location: str, where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder" / "folder").mkdir(parents=True)
    for folder in (tmp_path, tmp_path / "folder"):
        (folder / "secret.bin").write_bytes(WEIGHTS.tobytes())
    monkeypatch.chdir(tmp_path / "folder")
    assert "data in other files" in refusal(external(location, where).SerializeToString())


def test_data_in_other_files_would_be_read_without_the_guard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The day this fails, ONNX Runtime guards itself."""
    (tmp_path / "secret.bin").write_bytes(WEIGHTS.tobytes())
    monkeypatch.chdir(tmp_path)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        external("secret.bin", "initializer").SerializeToString(), options, ["CPUExecutionProvider"]
    )
    (scores,) = session.run(None, {"windows": windows(3)})
    np.testing.assert_allclose(scores, expected(windows(3)), atol=1e-6)


@pytest.mark.parametrize("n_padding", range(1, 5))
def test_data_in_other_files_is_found_behind_a_padded_length(n_padding: int) -> None:
    """Protobuf reads 88 80 80 00 as 8, too; a model.onnx may be written by hand."""
    tensor = TensorProto(name="w", data_type=FLOAT, dims=[4, 3], data_location=TensorProto.EXTERNAL)
    plain = tensor.SerializeToString()
    length = b"\x88" + b"\x80" * (n_padding - 1) + b"\x00"
    entry = b"\x0a" + length + b"location" + b"\x12\x0asecret.bin"
    padded = plain + b"\x6a" + bytes([len(entry)]) + entry
    parsed = TensorProto.FromString(padded)
    assert [(e.key, e.value) for e in parsed.external_data] == [("location", "secret.bin")]
    assert "data in other files" in refusal(padded)


def test_the_word_location_alone_harms_nobody() -> None:
    model = onnx.load_model_from_string(graph())
    model.doc_string = "the location of the model"
    model.graph.node[0].name = "/location_head/MatMul"
    assert Runtime(model.SerializeToString(), n_labels=3)


def test_the_runtimes_own_binary_format_is_refused(tmp_path: Path) -> None:
    """Its reader is another parser, with other ways to refer to files; a bundle holds ONNX."""
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "model.ort")
    options.add_session_config_entry("session.save_model_format", "ORT")
    onnxruntime.InferenceSession(graph(), options, ["CPUExecutionProvider"])
    content = (tmp_path / "model.ort").read_bytes()
    assert onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    assert "cannot load the graph" in refusal(content)


def test_failures_leave_both_streams_to_us(capfd: pytest.CaptureFixture[str]) -> None:
    refusal(b"no graph")
    reshape = [helper.make_node("Reshape", ["windows", "to"], ["scores"])]
    to = numpy_helper.from_array(np.array([-1, 3]), "to")
    runtime = Runtime(graph(reshape, tensors=[to], answer=("n", 3)), n_labels=3)
    with pytest.raises(BundleError, match=r"The graph of the model failed: .*Reshape"):
        runtime.scores(np.zeros((1, 4), dtype=np.float32))
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err == ""


def test_needs_no_learning_library() -> None:
    code = (
        "import sys, genrekit.models.runtime\n"
        "heavy = {'onnx', 'pandas', 'scipy', 'sklearn', 'torch', 'xgboost'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
