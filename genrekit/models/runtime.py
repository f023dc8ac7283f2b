"""The runtime of a bundle: scores windows with its graph in ONNX Runtime, on the CPU.

*Conventions.* A graph has one input ``windows`` (float32, ``(n, *shape)``, any n) and the output ``scores``
(float32, ``(n, n_labels)``, probabilities). It may also have the outputs ``embeddings`` (float32, ``(n, d)``) and
``distance`` (float32, ``(n,)``, at least 0: how far a window is from what the model learnt), and no others.
The score of an example is the mean over its windows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from genrekit.backends import DISTANCE, EMBEDDINGS, INPUT, OUTPUT
from genrekit.errors import BundleError
from genrekit.models.manifest import Distance, Embeddings, Outputs
from genrekit.models.session import first_line, open_session, shape_words, signature

# Input bytes per batch. Larger batches were not faster (ResNet-18 at 224 px, +100 MB).
BATCH_BYTES = 8 << 20
# How far outside [0, 1] a probability, or below 0 a distance, may fall by rounding.
ROUNDING = 1e-5

# The least and largest value of each output, and what is said of one outside.
_RANGES = {
    OUTPUT: (0.0, 1.0, "not probabilities"),
    EMBEDDINGS: (-np.inf, np.inf, "not finite"),
    DISTANCE: (0.0, np.inf, "negative or not finite"),
}


class Runtime:
    """A graph ready to score windows.

    Parameters
    ----------
    onnx : bytes
        The graph.
    n_labels : int > 0
        The number of labels that it must score.
    declared : Outputs, optional
        The outputs beside ``scores`` that a manifest declares: the graph must have exactly those, embeddings
        with the declared size. Without it, the graph may have any of them.
    threads : int > 0, optional
        Threads of one operator; as many as there are cores by default.

    Attributes
    ----------
    input_shape : tuple of int or None
        The shape of one window, None where a length is free.
    embedding_size : int or None
        The length of an embedding; None where the graph has no output ``embeddings``.
    has_distance : bool
        Whether the graph has the output ``distance``.

    Raises
    ------
    BundleError
        If it is not an ONNX graph, refers to other files, has other inputs or outputs than a genrekit graph, or
        other outputs than those declared.
    """

    def __init__(
        self, onnx: bytes, *, n_labels: int, declared: Outputs | None = None, threads: int | None = None
    ) -> None:
        self._session = open_session(onnx, threads)
        self._n_labels = n_labels
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        found = f"{signature(inputs)} -> {signature(outputs)}"
        wanted = f"{INPUT}: tensor(float)[n, ...] -> {OUTPUT}: tensor(float)[n, {n_labels}]"
        shapes = {o.name: o.shape for o in outputs if o.type == "tensor(float)"}
        size = _embedding_size(shapes)
        fits = (
            [(i.name, i.type) for i in inputs] == [(INPUT, "tensor(float)")]
            and len(inputs[0].shape) > 1
            and not isinstance(inputs[0].shape[0], int)
            and len(shapes) == len(outputs)
            and OUTPUT in shapes
            and shapes.keys() <= {OUTPUT, EMBEDDINGS, DISTANCE}
            and len(shapes[OUTPUT]) in (0, 2)
            and all(d == n_labels for d in shapes[OUTPUT][1:] if isinstance(d, int))
            and (EMBEDDINGS not in shapes or size is not None)
            and len(shapes.get(DISTANCE, ())) <= 1
        )
        if not fits:
            raise BundleError(
                f"The graph of the model is {found}; genrekit runs {wanted}, and besides {EMBEDDINGS}: "
                f"tensor(float)[n, d] and {DISTANCE}: tensor(float)[n] where a graph has them."
            )
        self.input_shape: tuple[int | None, ...] = tuple(
            d if isinstance(d, int) else None for d in inputs[0].shape[1:]
        )
        self.embedding_size = size
        self.has_distance = DISTANCE in shapes
        if declared is not None:
            self._hold_against(declared)

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
        return self.outputs(values, (OUTPUT,))[OUTPUT]

    def embeddings(self, values: np.ndarray) -> np.ndarray:
        """Return the embeddings of windows, in batches of bounded memory.

        Parameters
        ----------
        values
            As for `scores`.

        Returns
        -------
        np.ndarray [shape=(n, embedding_size), dtype=float32]
            Finite numbers.

        Raises
        ------
        BundleError
            If the graph has no output ``embeddings`` or gives one that is not finite, or as `scores`.
        """
        return self.outputs(values, (EMBEDDINGS,))[EMBEDDINGS]

    def distance(self, values: np.ndarray) -> np.ndarray:
        """Measure how far windows are from what the model learnt, in batches of bounded memory.

        Parameters
        ----------
        values
            As for `scores`.

        Returns
        -------
        np.ndarray [shape=(n,), dtype=float32]
            At least 0; the unit is the model's own.

        Raises
        ------
        BundleError
            If the graph has no output ``distance`` or gives one that is negative or not finite, or as `scores`.
        """
        return self.outputs(values, (DISTANCE,))[DISTANCE]

    def outputs(self, values: np.ndarray, names: Sequence[str]) -> dict[str, np.ndarray]:
        """Return several outputs of one pass over windows.

        Parameters
        ----------
        values
            As for `scores`.
        names : sequence of str
            Any of ``scores``, ``embeddings`` and ``distance``.

        Returns
        -------
        dict of str to np.ndarray
            As `scores`, `embeddings` and `distance` return them.

        Raises
        ------
        BundleError
            As `scores`, `embeddings` and `distance`.
        """
        self._check_names(names)
        shape = values.shape[1:]
        if len(shape) != len(self.input_shape) or any(
            want not in (None, have) for want, have in zip(self.input_shape, shape, strict=True)
        ):
            raise BundleError(
                f"The model takes windows of shape {shape_words(self.input_shape)}; these have {shape_words(shape)}.",
                "They were prepared by another backend or config than those that the model was trained with.",
            )
        found = {name: np.empty((len(values), *self._tail(name)), dtype=np.float32) for name in names}
        step = max(1, BATCH_BYTES // (4 * max(1, int(np.prod(shape)))))
        for start in range(0, len(values), step):
            batch = np.ascontiguousarray(values[start : start + step], dtype=np.float32)
            for name, part in zip(names, self._run(batch, names), strict=True):
                found[name][start : start + step] = part
        return found

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

    def declaration(self, distance_threshold: float | None = None, of_few: tuple[float, ...] = ()) -> Outputs:
        """Declare the outputs beside ``scores`` for a manifest.

        Parameters
        ----------
        distance_threshold : float or None
        of_few : tuple of float
            What `genrekit.models.manifest.Distance` keeps; ignored where the graph has no output ``distance``.
        """
        return Outputs(
            embeddings=Embeddings(size=self.embedding_size) if self.embedding_size else None,
            distance=Distance(threshold=distance_threshold, of_few=of_few) if self.has_distance else None,
        )

    def _hold_against(self, declared: Outputs) -> None:
        size = declared.embeddings.size if declared.embeddings else None
        if (self.embedding_size, self.has_distance) != (size, declared.distance is not None):
            said = _output_words(size, declared.distance is not None)
            raise BundleError(
                f"The graph of the model returns {_output_words(self.embedding_size, self.has_distance)}; "
                f"its manifest declares {said}.",
                "Get the file again, or train the model again.",
            )

    def _check_names(self, names: Sequence[str]) -> None:
        for name in names:
            if (name == EMBEDDINGS and self.embedding_size is None) or (
                name == DISTANCE and not self.has_distance
            ):
                raise BundleError(
                    f"The model has no {name}.",
                    "'genrekit models NAME' lists the outputs that a model has.",
                )

    def _tail(self, name: str) -> tuple[int, ...]:
        return {OUTPUT: (self._n_labels,), EMBEDDINGS: (self.embedding_size or 0,), DISTANCE: ()}[name]

    def _run(self, batch: np.ndarray, names: Sequence[str]) -> list[np.ndarray]:
        try:
            parts = self._session.run(list(names), {INPUT: batch})
        except Exception as error:  # ONNX Runtime's errors have no common base
            raise BundleError(f"The graph of the model failed: {first_line(error)}.") from None
        return [self._checked(name, part, batch) for name, part in zip(names, parts, strict=True)]

    def _checked(self, name: str, part: np.ndarray, batch: np.ndarray) -> np.ndarray:
        """Hold one output against what it promises; NaN breaks every promise."""
        right = (len(batch), *self._tail(name))
        if part.shape != right:
            raise BundleError(
                f"The model gave {name} of shape {shape_words(part.shape)} for {len(batch)} windows; "
                f"{shape_words(right)} is right."
            )
        low, high, promise = _RANGES[name]
        sound = np.isfinite(part) & (part >= low - ROUNDING) & (part <= high + ROUNDING)
        rows = sound.reshape(len(batch), -1).all(axis=1)
        if not rows.all():
            row = int(rows.argmin())
            raise BundleError(
                f"The model gave {name} that are {promise}, such as {_worst(part[row][~sound[row]])}, "
                f"for {int((~rows).sum())} of {len(batch)} windows."
                + ("" if np.isfinite(batch[row]).all() else " Those windows hold a NaN or an infinity.")
            )
        clipped: np.ndarray = np.clip(part, low, high)
        return clipped


def _embedding_size(shapes: dict[str, list[int | str | None]]) -> int | None:
    """Return the length of an embedding, or None if the graph does not declare it."""
    shape = shapes.get(EMBEDDINGS, [])
    return shape[1] if len(shape) == 2 and isinstance(shape[1], int) and shape[1] > 0 else None


def _output_words(size: int | None, distance: bool) -> str:
    return ", ".join(
        [OUTPUT, *([f"{EMBEDDINGS} of {size} numbers"] if size else []), *([DISTANCE] * distance)]
    )


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


def _worst(values: np.ndarray) -> str:
    """Return the largest of some values that break a promise, a NaN before all others."""
    return f"{values[np.argmax(np.nan_to_num(np.abs(values), nan=np.inf))]:g}"
