"""The runtime of a bundle: scores windows with its graph in ONNX Runtime, on the CPU.

*Conventions.* A graph has one input ``windows`` (float32, ``(n, *shape)``, any n) and one output ``scores``
(float32, ``(n, n_labels)``, probabilities). The score of an example is the mean over its windows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
import onnxruntime

from genrekit.backends import INPUT, OUTPUT
from genrekit.errors import BundleError

# Input bytes per batch. Larger batches were not faster (ResNet-18 at 224 px, +100 MB).
BATCH_BYTES = 8 << 20
# Tolerance of probabilities outside [0, 1], for rounding.
ROUNDING = 1e-5

# A tensor in another file is named by an entry with the key "location" (ONNX IR, "External Tensor Data").
# Protobuf writes a string right after its length, here 8, a varint that may be padded. Given such a graph as
# bytes, ONNX Runtime 1.31 reads files below the working directory, 1.24 also above it, 1.22 any file (tried).
_EXTERNAL_DATA = re.compile(rb"(?:\x08|\x88\x80{0,8}[\x00-\x7f])location")

onnxruntime.set_default_logger_severity(4)  # fatal only: stderr belongs to genrekit


class Runtime:
    """A graph ready to score windows.

    Parameters
    ----------
    onnx : bytes
        The graph.
    n_labels : int > 0
        Number of labels that the graph must score.
    threads : int > 0, optional
        Threads of one operator; as many as there are cores by default.

    Attributes
    ----------
    input_shape : tuple of int or None
        Shape of one window, None where a length is variable.

    Raises
    ------
    BundleError
        If it is not an ONNX graph, refers to other files, or has other inputs or outputs than a genrekit graph.
    """

    def __init__(self, onnx: bytes, *, n_labels: int, threads: int | None = None) -> None:
        self._session = _session(onnx, threads)
        self._n_labels = n_labels
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        found = f"{_signature(inputs)} -> {_signature(outputs)}"
        wanted = f"{INPUT}: tensor(float)[n, ...] -> {OUTPUT}: tensor(float)[n, {n_labels}]"
        fits = (
            [(i.name, i.type) for i in inputs] == [(INPUT, "tensor(float)")]
            and [(o.name, o.type) for o in outputs] == [(OUTPUT, "tensor(float)")]
            and len(inputs[0].shape) > 1
            and not isinstance(inputs[0].shape[0], int)
            and len(outputs[0].shape) in (0, 2)
            and all(d == n_labels for d in outputs[0].shape[1:] if isinstance(d, int))
        )
        if not fits:
            raise BundleError(f"The graph of the model is {found}; genrekit runs {wanted}.")
        self.input_shape = tuple(d if isinstance(d, int) else None for d in inputs[0].shape[1:])

    def scores(self, values: np.ndarray) -> np.ndarray:
        """Score windows, in batches of bounded memory.

        Parameters
        ----------
        values : np.ndarray [shape=(n, *shape)]
            Windows; converted to float32.

        Returns
        -------
        np.ndarray [shape=(n, n_labels), dtype=float32]
            Probabilities in [0, 1].

        Raises
        ------
        BundleError
            If the windows do not have the input shape of the graph, the graph fails, or its scores are not
            probabilities.
        """
        shape = values.shape[1:]
        if len(shape) != len(self.input_shape) or any(
            want not in (None, have) for want, have in zip(self.input_shape, shape, strict=True)
        ):
            raise BundleError(
                f"The model takes windows of shape {_words(self.input_shape)}; these have {_words(shape)}.",
                "They were prepared by another backend or config than those that the model was trained with.",
            )
        scores = np.empty((len(values), self._n_labels), dtype=np.float32)
        step = max(1, BATCH_BYTES // (4 * max(1, int(np.prod(shape)))))
        for start in range(0, len(values), step):
            batch = np.ascontiguousarray(values[start : start + step], dtype=np.float32)
            scores[start : start + step] = self._run(batch)
        return scores

    def example_scores(self, windows: Sequence[np.ndarray]) -> np.ndarray:
        """Score examples: the mean over the windows of each.

        Parameters
        ----------
        windows : sequence of np.ndarray [shape=(n_windows, *shape)]
            One array per example, with at least one window.

        Returns
        -------
        np.ndarray [shape=(n_examples, n_labels), dtype=float32]
            Probabilities in [0, 1].

        Raises
        ------
        BundleError
            As `scores`.
        ValueError
            If an example has no window.
        """
        counts = np.array([len(values) for values in windows], dtype=np.int64)
        if not len(counts):
            return np.empty((0, self._n_labels), dtype=np.float32)
        if not counts.all():
            raise ValueError(f"example {int(counts.argmin())} has no window")
        scores = np.concatenate([self.scores(np.concatenate(batch)) for batch in _batches(windows)])
        starts = np.cumsum(counts) - counts
        sums = np.add.reduceat(scores, starts, axis=0, dtype=np.float64)
        return (sums / counts[:, None]).astype(np.float32)

    def _run(self, batch: np.ndarray) -> np.ndarray:
        try:
            (scores,) = self._session.run([OUTPUT], {INPUT: batch})
        except Exception as error:  # ONNX Runtime's errors have no common base class
            raise BundleError(f"The graph of the model failed: {_first_line(error)}.") from None
        if scores.shape != (len(batch), self._n_labels):
            raise BundleError(
                f"The model gave scores of shape {_words(scores.shape)} for {len(batch)} windows; "
                f"{_words((len(batch), self._n_labels))} is right."
            )
        sound = ((scores >= -ROUNDING) & (scores <= 1 + ROUNDING)).all(axis=1)  # false also for NaN
        if not sound.all():
            row = int(sound.argmin())
            raise BundleError(
                f"The model gave scores that are not probabilities, such as {_worst(scores[row])}, "
                f"for {int((~sound).sum())} of {len(batch)} windows."
                + ("" if np.isfinite(batch[row]).all() else " Those windows hold a NaN or an infinity.")
            )
        clipped: np.ndarray = np.clip(scores, 0, 1)
        return clipped


def _session(onnx: bytes, threads: int | None) -> onnxruntime.InferenceSession:
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
            f"{_first_line(error)}.",
            "If another genrekit wrote it: pip install -U genrekit onnxruntime. Otherwise the file is damaged; download it again.",
        ) from None


def _batches(windows: Sequence[np.ndarray]) -> Iterator[list[np.ndarray]]:
    """Yield consecutive examples of one window shape, up to the size of a batch."""
    batch: list[np.ndarray] = []
    n_bytes = 0
    for values in windows:
        n_bytes += 4 * values.size
        if batch and (n_bytes > BATCH_BYTES or values.shape[1:] != batch[0].shape[1:]):
            yield batch
            batch, n_bytes = [], 4 * values.size
        batch.append(values)
    yield batch


def _signature(nodes: Sequence[onnxruntime.NodeArg]) -> str:
    return ", ".join(f"{node.name[:40]}: {node.type}{_words(node.shape)}" for node in nodes) or "nothing"


def _words(shape: Sequence[int | str | None]) -> str:
    return "[" + ", ".join("any" if d is None else str(d)[:20] for d in shape) + "]"


def _worst(scores: np.ndarray) -> str:
    return f"{scores[np.argmax(np.abs(np.nan_to_num(scores - 0.5, nan=np.inf)))]:g}"


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300].rstrip(". ")
