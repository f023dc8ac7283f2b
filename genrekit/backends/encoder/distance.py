"""Distance of a song from everything that was learnt, after Mahalanobis, fitted for the number of patches heard.

K. Lee, K. Lee, H. Lee, J. Shin, "A Simple Unified Framework for Detecting Out-of-Distribution Samples and Adversarial
Attacks", NeurIPS 2018: one covariance for all classes, the distance to the nearest class. The mean over p patches varies
by what differs between songs and by a p-th of what differs between the patches of a song, so both are kept: fitted for ten
patches and used on one, the plain distance calls most songs strange.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.covariance import ledoit_wolf

Floats = npt.NDArray[np.float64]

# Of the variance of the patches within a song: what differs between songs is at least so much in every direction.
_LEAST_BETWEEN = 0.02


@dataclass(frozen=True, eq=False)
class Distance:
    """The distance of pooled features from the nearest class.

    Attributes
    ----------
    basis : np.ndarray [shape=(d, d)]
        Turns features so that patches within a song vary by 1 in every direction and songs independently.
    centres : np.ndarray [shape=(n_classes, d)]
        The classes, turned so.
    between : np.ndarray [shape=(d,)]
        The variance between the songs of a class, turned so.
    """

    basis: Floats
    centres: Floats
    between: Floats

    def __call__(self, means: Floats, n_patches: npt.ArrayLike) -> Floats:
        """Return the distance of means over patches: about 1 for what was learnt from.

        Parameters
        ----------
        means : np.ndarray [shape=(n, d)]
        n_patches : array_like [shape=(n,) or ()]
        """
        turned = means @ self.basis
        variance = self.between + 1 / np.asarray(n_patches, dtype=np.float64).reshape(-1, 1)
        squares = [((turned - centre) ** 2 / variance).mean(axis=1) for centre in self.centres]
        return np.asarray(np.sqrt(np.min(squares, axis=0)))


def fit_distance(patches: Sequence[Floats], classes: npt.NDArray[np.intp]) -> Distance:
    """Fit the distance.

    Parameters
    ----------
    patches : sequence of np.ndarray [shape=(n_patches, d)]
        The features of the patches of each window.
    classes : np.ndarray [shape=(n,)]
        The class of each window; all the same where there are none.
    """
    means = np.stack([window.mean(axis=0) for window in patches])
    known = np.unique(classes)
    centres = np.stack([means[classes == k].mean(axis=0) for k in known])
    residuals = means - centres[np.searchsorted(known, classes)]
    parts = [window - window.mean(axis=0) for window in patches if len(window) > 1]
    # Of one patch a window, nothing is known of how the patches of a song differ.
    within = _covariance(np.concatenate(parts), len(parts)) if parts else _covariance(residuals, len(known))
    values, vectors = np.linalg.eigh(within)
    whitening = vectors / np.sqrt(np.maximum(values, 1e-12 * values.max(initial=1e-300)))
    values, vectors = np.linalg.eigh(_covariance(residuals @ whitening, len(known)))
    basis = whitening @ vectors
    one_patch = float(np.mean([1 / len(window) for window in patches]))
    return Distance(basis, centres @ basis, np.maximum(values - one_patch, _LEAST_BETWEEN))


def _covariance(centred: Floats, n_means: int) -> Floats:
    """Return a covariance that is drawn to a multiple of the identity as far as few rows call for.

    O. Ledoit and M. Wolf, "A well-conditioned estimator for large-dimensional covariance matrices", Journal of
    Multivariate Analysis 88, 2004.
    """
    shrunk, _ = ledoit_wolf(centred, assume_centered=True)
    return np.asarray(shrunk * len(centred) / max(1, len(centred) - n_means))
