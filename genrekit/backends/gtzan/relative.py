"""Features that depend little on how a recording was made: on its level not at all, and less on its bandwidth.

What a narrow recording lacks is estimated from pairs of recordings, one whole and one narrowed (SPLICE: L. Deng, A. Acero, M. Plumpe,
X. Huang, "Large-Vocabulary Speech Recognition under Adverse Acoustic Environments", ICSLP 2000): linear discriminant analysis tells how
probable each narrowing is, and a regression per narrowing estimates the difference to the whole recording.
"""

from __future__ import annotations

import csv
import functools
from dataclasses import dataclass
from importlib import resources
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy.special import softmax
from sklearn.base import BaseEstimator, TransformerMixin

from genrekit.features import GTZAN_COLUMNS

Floats = npt.NDArray[np.float64]

# Descriptors that cannot be negative; their means, like all variances, are compared on a logarithmic scale.
_POSITIVE = ("chroma_stft", "rms", "spectral_centroid", "spectral_bandwidth", "rolloff", "zero_crossing_rate")
LOG_COLUMNS = tuple(
    i
    for i, name in enumerate(GTZAN_COLUMNS)
    if name.endswith("_var") or name == "tempo" or name.removesuffix("_mean") in _POSITIVE
)
LEVEL_COLUMNS = tuple(c for c in GTZAN_COLUMNS if c not in ("rms_mean", "harmony_mean", "perceptr_mean"))
_N_MELS = 128  # of the mel-frequency cepstral coefficients
# Far below the value of any audible clip; the value of digital silence.
LOG_FLOOR = 1e-10


def _level_matrix() -> Floats:
    """Return the matrix [shape=(57, 54)] that takes the level off features with logarithmic columns.

    A gain g multiplies ``rms_mean`` by g and the variances of ``rms``, ``harmony`` and ``perceptr`` by g ** 2, and adds
    sqrt(n_mels) * 20 * log10(g) to ``mfcc1_mean``, the orthonormal sum of the levels of 128 bands. The means of the two
    separated signals, which are offsets of a thousandth of the level, are left out, as ``rms_mean`` is.
    """
    level = GTZAN_COLUMNS.index("rms_mean")
    matrix = np.eye(len(GTZAN_COLUMNS))
    for name in ("rms_var", "harmony_var", "perceptr_var"):
        matrix[level, GTZAN_COLUMNS.index(name)] = -2
    matrix[level, GTZAN_COLUMNS.index("mfcc1_mean")] = -np.sqrt(_N_MELS) * 20 / np.log(10)
    return matrix[:, [GTZAN_COLUMNS.index(name) for name in LEVEL_COLUMNS]]


LEVEL_MATRIX = _level_matrix()


def level_free(X: Floats) -> Floats:
    """Return features that do not change with the level.

    Parameters
    ----------
    X : np.ndarray [shape=(n, 57)]

    Returns
    -------
    np.ndarray [shape=(n, 54), dtype=float64]
        The columns of ``LEVEL_COLUMNS``.
    """
    X = np.array(X, dtype=np.float64)
    X[:, LOG_COLUMNS] = np.log(np.maximum(X[:, LOG_COLUMNS], LOG_FLOOR))
    return np.asarray(X @ LEVEL_MATRIX)


@dataclass(frozen=True, eq=False)
class Bandwidth:
    """Correction of features for the bandwidth of their recording; d features, k narrowings, rank r per regression.

    Attributes
    ----------
    deviations : np.ndarray [shape=(d,)]
        Standard deviation of each level-free feature over many songs.
    gates : np.ndarray [shape=(d + 1, k)]
        Log odds of each narrowing against a whole recording: weights of features in deviations, and a constant.
    inputs : np.ndarray [shape=(d, k * r)]
        Features in deviations, to r numbers per narrowing.
    outputs : np.ndarray [shape=(k * r, d)]
        The same numbers, to the differences that they predict.
    offsets : np.ndarray [shape=(k, d)]
        Differences where these numbers are zero.
    """

    deviations: Floats
    gates: Floats
    inputs: Floats
    outputs: Floats
    offsets: Floats

    @property
    def spread(self) -> Floats:
        """The matrix [shape=(k, k * r)] that repeats the probability of a narrowing for each of its numbers."""
        k = len(self.offsets)
        return np.repeat(np.eye(k), len(self.outputs) // k, axis=1)

    def __call__(self, X: Floats) -> Floats:
        """Return level-free features [shape=(n, d)] as the whole recordings would have them, in deviations."""
        z = X / self.deviations
        odds = z @ self.gates[:-1] + self.gates[-1]
        p = softmax(np.column_stack([np.zeros(len(z)), odds]), axis=1)[:, 1:]
        return np.asarray(z + ((z @ self.inputs) * (p @ self.spread)) @ self.outputs + p @ self.offsets)


@functools.cache
def shipped_bandwidth() -> Bandwidth:
    """Return the correction in the package, which ``benchmarks/gtzan_bandwidth.py`` measured."""
    text = resources.files("genrekit.backends.gtzan").joinpath("bandwidth.csv").read_text("utf-8")
    header, *rows = csv.reader(line for line in text.splitlines() if not line.startswith("#"))
    if tuple(row[0] for row in rows) != (*LEVEL_COLUMNS, "constant"):
        raise RuntimeError("bandwidth.csv is not about the features of this version.")
    values = np.array([row[1:] for row in rows], dtype=np.float64)
    kinds = [name.split()[0] for name in header[1:]]

    def columns(kind: str) -> Floats:
        return values[:, [name == kind for name in kinds]]

    return Bandwidth(
        deviations=columns("deviation")[:-1, 0],
        gates=columns("gate"),
        inputs=columns("input")[:-1],
        outputs=columns("output")[:-1].T,
        offsets=columns("offset")[:-1].T,
    )


class Relative(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Features without the level of the recording, corrected for its bandwidth: 54 numbers in standard deviations."""

    def fit(self, X: Floats, y: Any = None) -> Self:
        """Return the transformer itself: there is nothing to fit."""
        return self

    def transform(self, X: Floats) -> Floats:
        """Turn features [shape=(n, 57)] into relative ones [shape=(n, 54)]; logarithms are of values clipped to ``LOG_FLOOR``."""
        return shipped_bandwidth()(level_free(X))

    def __sklearn_is_fitted__(self) -> bool:
        return True
