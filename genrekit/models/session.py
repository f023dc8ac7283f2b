"""Sessions of ONNX Runtime: a graph of a bundle, checked for references to other files."""

from __future__ import annotations

import re
from collections.abc import Sequence

import onnxruntime

from genrekit.errors import BundleError

# A tensor in another file is named by an entry with the key "location" (ONNX IR, "External Tensor Data").
# Protobuf writes a string right after its length, here 8, a varint that may be padded. Given such a graph as
# bytes, ONNX Runtime 1.31 reads files below the working directory, 1.24 also above it, 1.22 any file (tried).
_EXTERNAL_DATA = re.compile(rb"(?:\x08|\x88\x80{0,8}[\x00-\x7f])location")

onnxruntime.set_default_logger_severity(4)  # fatal only: stderr belongs to genrekit


def open_session(onnx: bytes, threads: int | None) -> onnxruntime.InferenceSession:
    """Open a graph that holds all of its data, on the CPU and without messages.

    Parameters
    ----------
    onnx : bytes
        The graph.
    threads : int > 0, optional
        Threads of one operator; as many as there are cores by default.

    Raises
    ------
    BundleError
        If it is not an ONNX graph, or refers to other files.
    """
    if b"location" in onnx and _EXTERNAL_DATA.search(onnx):
        raise BundleError(
            "The graph of the model refers to data in other files; a bundle holds all of its own."
        )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = threads or 0
    options.use_deterministic_compute = True
    # Never ONNX Runtime's own flatbuffers.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    # As fast as with spinning, and leaves cores for `prepare`.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if b"ai.onnx.ml" in onnx:
        # Graph optimisation pays for networks. A graph from skl2onnx is not faster with it (57 features, SVM: 125 ms for
        # 500 rows either way) but starts in 50 instead of 240 ms without it.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        # enable_fallback would print to stdout when a graph fails.
        return onnxruntime.InferenceSession(onnx, options, ["CPUExecutionProvider"], enable_fallback=0)
    except Exception as error:  # ONNX Runtime's errors have no common base class
        raise BundleError(
            f"ONNX Runtime {onnxruntime.__version__} cannot load the graph of the model: "
            f"{first_line(error)}.",
            "If another genrekit wrote it: pip install -U genrekit onnxruntime. Otherwise the file is damaged; download it again.",
        ) from None


def signature(nodes: Sequence[onnxruntime.NodeArg]) -> str:
    """Return the names, types and shapes of inputs or outputs, for error messages."""
    return ", ".join(f"{node.name[:40]}: {node.type}{shape_words(node.shape)}" for node in nodes) or "nothing"


def shape_words(shape: Sequence[int | str | None]) -> str:
    """Return a shape as ``[n, 57]``, for error messages."""
    return "[" + ", ".join("any" if d is None else str(d)[:20] for d in shape) + "]"


def first_line(error: Exception) -> str:
    """Return at most 300 characters of an error of ONNX Runtime, in one line."""
    return " ".join(str(error).split())[:300].rstrip(". ")
