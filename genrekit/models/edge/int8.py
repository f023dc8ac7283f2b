"""A graph with weights and numbers of 8 bits, kept only where its predictions are the same."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from genrekit.errors import GenrekitError, UsageError

LEAST_INPUTS = 20
SAME = 0.99
"""Share of inputs whose best label must stay."""
SMALLER = 0.75
"""Share of the size of the graph that the small one may have."""
_OPERATORS = ["Conv", "MatMul", "Gemm"]
_CALIBRATION_WINDOWS = 8


@dataclass(frozen=True)
class Quantised:
    """Result of quantisation, on inputs that it was not calibrated with.

    Attributes
    ----------
    graph : bytes
        The small graph; empty if it is not worth keeping.
    reason : str
        Why it is not kept; '' if it is.
    inputs : int
        How many were compared.
    same : float
        Share of them with the same best label.
    largest : float
        Largest difference of a score.
    size_bytes : int
        Length of the small graph.
    cpu : float
        CPU time by that of the whole graph, one thread.
    """

    graph: bytes
    reason: str
    inputs: int
    same: float
    largest: float
    size_bytes: int
    cpu: float


def quantise(onnx: bytes, prepared: Sequence[np.ndarray]) -> Quantised:
    """Quantise a graph statically (QDQ, weights per channel), and compare it.

    Parameters
    ----------
    onnx : bytes
    prepared : sequence of np.ndarray
        Windows of each input. Every second one calibrates, the others are compared.

    Raises
    ------
    UsageError
        If there are too few inputs.
    GenrekitError
        If the graph cannot be quantised.
    """
    if len(prepared) < LEAST_INPUTS:
        raise UsageError(f"{len(prepared)} inputs are too few to measure with; {LEAST_INPUTS} are needed.")
    known, unseen = prepared[::2], prepared[1::2]
    small = _quantised(onnx, known)
    whole, whole_s = _scores(onnx, unseen)
    found, small_s = _scores(small, unseen)
    same = float(np.mean(whole.argmax(axis=1) == found.argmax(axis=1)))
    reason = ""
    if len(small) > SMALLER * len(onnx):
        reason = f"it has {len(small) / len(onnx):.0%} of the size"
    elif same < SAME:
        reason = f"{1 - same:.1%} of the answers change"
    largest = float(np.abs(whole - found).max())
    return Quantised(
        b"" if reason else small, reason, len(unseen), same, largest, len(small), small_s / max(whole_s, 1e-9)
    )


def _quantised(onnx: bytes, known: Sequence[np.ndarray]) -> bytes:
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._windows = iter(_few(known))

        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(self._windows, None)

    with tempfile.TemporaryDirectory(prefix="genrekit-") as name:
        folder = Path(name)
        (folder / "whole").write_bytes(onnx)
        try:
            quant_pre_process(str(folder / "whole"), str(folder / "ready"), skip_symbolic_shape=True)
            quantize_static(
                str(folder / "ready"),
                str(folder / "small"),
                Reader(),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                weight_type=QuantType.QInt8,
                activation_type=QuantType.QUInt8,
                op_types_to_quantize=_OPERATORS,
            )
        except Exception as error:  # ONNX Runtime has no common class of errors
            raise GenrekitError(f"The graph cannot be quantised: {type(error).__name__}.") from error
        return (folder / "small").read_bytes()


def _few(known: Sequence[np.ndarray]) -> Iterator[dict[str, np.ndarray]]:
    for windows in known:
        yield {"windows": windows[:_CALIBRATION_WINDOWS].astype(np.float32)}


def _scores(onnx: bytes, inputs: Sequence[np.ndarray]) -> tuple[np.ndarray, float]:
    """Return the scores of inputs [shape=(n, n_labels)], and the CPU time in seconds."""
    import onnxruntime

    options: Any = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
    started_s = time.process_time()
    found = [session.run(["scores"], {"windows": one.astype(np.float32)})[0].mean(axis=0) for one in inputs]
    return np.stack(found), time.process_time() - started_s
