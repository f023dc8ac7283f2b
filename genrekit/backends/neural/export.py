"""Networks as a graph for ONNX Runtime."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Mapping

import numpy as np
import onnx
import torch

from genrekit.backends.neural.calibration import Scorer
from genrekit.runtime import INPUT, OUTPUT

_OPSET = 18


def to_onnx(scorer: Scorer, window: np.ndarray, free: Mapping[int, str]) -> bytes:
    """Export networks with their calibration.

    Parameters
    ----------
    scorer : Scorer
        On the CPU.
    window : np.ndarray [shape=shape]
        One example of what it takes.
    free : Mapping of int to str
        The axes of a window whose length may differ, with a name each; the number of windows always may.

    Returns
    -------
    bytes
        A graph from ``windows`` to ``scores`` that names no file of this machine.
    """
    sizes = {0: torch.export.Dim("n"), **{axis + 1: torch.export.Dim(name) for axis, name in free.items()}}
    # Two windows: the exporter takes a length of 1 for a constant.
    example = torch.from_numpy(np.stack([window, window]).astype(np.float32))
    noise = logging.getLogger("torch.onnx")
    level = noise.level
    noise.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")  # of the exporter, about itself
            program = torch.onnx.export(
                scorer.eval(),
                (example,),
                input_names=[INPUT],
                output_names=[OUTPUT],
                dynamic_shapes=(sizes,),
                opset_version=_OPSET,
                dynamo=True,
                verbose=False,
            )
    finally:
        noise.setLevel(level)
    assert program is not None
    model = program.model_proto
    _strip(model)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _strip(model: onnx.ModelProto) -> None:
    """Remove what the exporter notes of the source: stack traces, with the paths of this machine."""
    graph = model.graph
    del model.metadata_props[:], model.functions[:], graph.metadata_props[:], graph.value_info[:]
    model.doc_string = graph.doc_string = ""
    for item in (*graph.node, *graph.input, *graph.output, *graph.initializer):
        item.doc_string = ""
        del item.metadata_props[:]
