"""Checks of an encoder's graph against its facts, before anything is learnt from it."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
from google.protobuf.message import DecodeError
from onnx import TensorProto

from genrekit.backends.encoder.facts import EncoderFacts, Hearing

OPSETS = (13, 23)  # what the graph is written in: from the first with Reduce and Squeeze by input


def check_graph(content: bytes, facts: EncoderFacts) -> str:
    """Return the fault of an encoder's graph, or an empty string.

    Parameters
    ----------
    content : bytes
    facts : EncoderFacts

    Returns
    -------
    str
        A clause without a full stop; empty where the graph does what the facts say.
    """
    try:
        model = onnx.load_from_string(content)
        onnx.checker.check_model(model)
    except (DecodeError, onnx.checker.ValidationError, ValueError) as error:
        return f"it is not an ONNX graph ({_first_line(error)})"
    if problem := _check_model(model):
        return problem
    initial = {tensor.name for tensor in model.graph.initializer}
    inputs = [i for i in model.graph.input if i.name not in initial]
    if len(inputs) != 1:
        return f"it has {len(inputs)} inputs; an encoder takes patches and nothing else"
    if inputs[0].type.tensor_type.elem_type != TensorProto.FLOAT:
        return f"its input {inputs[0].name!r} is not float32"
    given = [output.name for output in model.graph.output]
    missing = [layer.output for layer in facts.layers.values() if layer.output not in given]
    if missing:
        return f"it has no output {missing[0]!r}; it has {', '.join(map(repr, given[:10]))}"
    return _run(content, inputs[0].name, facts)


def encoder_input(hears: Hearing, patches: np.ndarray) -> np.ndarray:
    """Bring patches [shape=(n, *patch_shape)] to the axes that an encoder's graph takes."""
    named = [axis for axis in hears.axes[1:] if axis != 1]
    if named == ["mels", "frames"]:
        patches = patches.swapaxes(1, 2)
    return patches.reshape(len(patches), *axes_shape(hears))


def axes_shape(hears: Hearing) -> tuple[int, ...]:
    """Return the lengths of the axes of a graph's input after the first."""
    sizes = {"frames": hears.patch, "mels": hears.n_mels, "samples": hears.patch}
    return tuple(1 if axis == 1 else sizes[axis] for axis in hears.axes[1:])


def open_session(content: bytes, threads: int | None = None) -> onnxruntime.InferenceSession:
    """Open a graph that was checked, on the CPU."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = threads or 0
    options.use_deterministic_compute = True
    options.add_session_config_entry("session.load_model_format", "ONNX")
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(content, options, ["CPUExecutionProvider"], enable_fallback=0)


def _check_model(model: onnx.ModelProto) -> str:
    graphs = [model.graph]
    while graphs:
        graph = graphs.pop()
        if any(tensor.data_location == TensorProto.EXTERNAL for tensor in graph.initializer):
            return "it keeps weights in other files; export it as one file"
        for node in graph.node:
            for attribute in node.attribute:
                graphs += [attribute.g] if attribute.HasField("g") else list(attribute.graphs)
                if attribute.t.data_location == TensorProto.EXTERNAL:
                    return "it keeps weights in other files; export it as one file"
    versions = [entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    if not versions or not OPSETS[0] <= versions[0] <= OPSETS[1]:
        return (
            f"it is of opset {versions[0] if versions else 'none'}; {OPSETS[0]} to {OPSETS[1]} are supported"
        )
    return ""


def _run(content: bytes, name: str, facts: EncoderFacts) -> str:
    """Run it on two patches of noise and on one of silence."""
    try:
        session = open_session(content, threads=1)
        outputs = [layer.output for layer in facts.layers.values()]
        rng = np.random.default_rng(0)
        noise = rng.random((2, *facts.hears.patch_shape)).astype(np.float32)
        both = session.run(outputs, {name: encoder_input(facts.hears, noise)})
        alone = session.run(outputs, {name: encoder_input(facts.hears, noise[1:])})
        silent = session.run(outputs, {name: encoder_input(facts.hears, np.zeros_like(noise[:1]))})
    except Exception as error:  # ONNX Runtime's errors have no common base
        shape = ["n", *axes_shape(facts.hears)]
        return f"it does not run on patches of shape {shape} ({_first_line(error)})"
    for layer, two, one, quiet in zip(facts.layers.values(), both, alone, silent, strict=True):
        if two.shape != (2, layer.size):
            return f"its output {layer.output!r} is of shape {list(two.shape)} for 2 patches, not {[2, layer.size]}"
        if two.dtype != np.float32:
            return f"its output {layer.output!r} is {two.dtype}, not float32"
        if not (np.isfinite(two).all() and np.isfinite(quiet).all()):
            return f"its output {layer.output!r} is not finite for noise or silence"
        if not np.allclose(two[1:], one, atol=1e-3 * float(np.abs(two).max(initial=1))):
            return f"its output {layer.output!r} for a patch depends on the other patches of a batch"
        if layer.names and not ((two >= 0) & (two <= 1)).all():
            return f"its output {layer.output!r} has names, so its values must be from 0 to 1"
    return ""


def _first_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200].rstrip(". ")
