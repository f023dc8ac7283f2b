"""Distance of windows from everything that was learnt, after Mahalanobis, with limits from examples that were not trained on.

K. Lee, K. Lee, H. Lee, J. Shin, "A Simple Unified Framework for Detecting Out-of-Distribution Samples and Adversarial
Attacks", NeurIPS 2018: one covariance for all classes, the distance to the nearest class. There are more features than a
small data set can tell a covariance of, so beyond the largest components one variance is used for all: M. E. Tipping and
C. M. Bishop, "Probabilistic Principal Component Analysis", Journal of the Royal Statistical Society B 61, 1999.

The distance of an example is the mean over its windows. The more there are, the less it varies, so a limit belongs to a
number of windows: that of many windows would call most short songs unfamiliar.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.model_selection import GroupShuffleSplit
from sklearn.utils.extmath import randomized_svd
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
from torch import Tensor, nn

from genrekit.backends.base import Prepared
from genrekit.backends.neural.network import Network

# Share of the kept examples whose distance is above the limit.
FALSE_ALARMS = 0.05
# The largest of n distances is exceeded by a new one with probability 1 / (n + 1): from 10 on, by less than a tenth.
LEAST_KEPT = 10
# Numbers of windows with a limit of their own.
MOST_WINDOWS = 12
# Windows that the covariance is fitted on, at most; more cost time and change little.
_MOST_FITTED = 3000
_COMPONENTS = 64
_TRIES = 20


class Distance(nn.Module):
    """The distance of features [shape=(n, d)] from the nearest class: about 1 for what was learnt.

    Parameters
    ----------
    centres : Tensor [shape=(n_classes, d)]
    components : Tensor [shape=(d, r)]
        Orthonormal directions of the largest variances.
    deviations : Tensor [shape=(r,)]
        Standard deviations along them.
    rest : Tensor [shape=()]
        Standard deviation in every other direction.
    """

    centres: Tensor
    components: Tensor
    deviations: Tensor
    rest: Tensor

    def __init__(self, centres: Tensor, components: Tensor, deviations: Tensor, rest: Tensor) -> None:
        super().__init__()
        for name, value in (("centres", centres), ("components", components), ("deviations", deviations)):
            self.register_buffer(name, value.float())
        self.register_buffer("rest", rest.float())

    def forward(self, features: Tensor) -> Tensor:
        """Return distances [shape=(n,)]."""
        away = features[:, None] - self.centres
        along = away @ self.components
        beyond = (away.square().sum(dim=2) - along.square().sum(dim=2)).relu() / self.rest.square()
        squares = (along / self.deviations).square().sum(dim=2) + beyond
        return (squares.amin(dim=1) / features.shape[1]).sqrt()


@dataclass(frozen=True)
class Limits:
    """Distances above which an example is unlike anything that was learnt.

    Attributes
    ----------
    of_few : tuple of float
        For examples of 1, 2, 3 ... windows.
    of_many : float
        For examples of more windows.
    n_examples : int
        Kept examples that they were computed from.
    """

    of_few: tuple[float, ...]
    of_many: float
    n_examples: int


def keep(prepared: Prepared, n: int, seed: int) -> tuple[Prepared, Prepared] | None:
    """Divide examples into those to train on and about n to keep, whole groups each.

    Parameters
    ----------
    prepared : Prepared
    n : int
    seed : int

    Returns
    -------
    tuple of Prepared, or None
        None if fewer than `LEAST_KEPT` can be kept without losing a label.
    """
    if not LEAST_KEPT <= n < len(prepared) or len(np.unique(prepared.groups)) < 2:
        return None
    cutter = GroupShuffleSplit(_TRIES, test_size=n / len(prepared), random_state=seed)
    has = prepared.targets > 0
    for trained, kept in cutter.split(has, groups=prepared.groups):
        whole = (has[trained].any(axis=0) == has.any(axis=0)).all()
        if len(kept) >= LEAST_KEPT and len(trained) and whole:
            return prepared.subset(trained), prepared.subset(kept)
    return None


def fit_distance(
    networks: Sequence[Network], train: Prepared, batch_size: int, *, multilabel: bool
) -> Distance:
    """Fit the distance on the features of windows that were trained on.

    Parameters
    ----------
    networks : sequence of Network
        Their features follow one another.
    train : Prepared
    batch_size : int > 0
    multilabel : bool
        Whether all examples are of one class.
    """
    most = max(1, _MOST_FITTED // len(train))
    step = max(1, len(train) // _MOST_FITTED)
    few = [_spread(windows, most) for windows in train.windows[::step]]
    features = np.concatenate(features_of(networks, few, batch_size)).astype(np.float64)
    classes = np.zeros(len(few), dtype=np.intp) if multilabel else train.targets[::step].argmax(axis=1)
    _, of_windows = np.unique(np.repeat(classes, [len(windows) for windows in few]), return_inverse=True)
    centres = np.stack([features[of_windows == k].mean(axis=0) for k in range(of_windows.max() + 1)])
    residuals = features - centres[of_windows]
    n, d = residuals.shape
    rank = max(1, min(_COMPONENTS, d - 1, (n - len(centres)) // 2))
    with threadpool_limits(1):  # the same bytes whatever the number of threads
        _, lengths, components = randomized_svd(residuals, rank, random_state=0)
    freedom = max(1, n - len(centres))
    variances, total = lengths**2 / freedom, (residuals**2).sum() / freedom
    least = max(1e-6 * total / d, 1e-12)  # of features that never vary
    rest = max((total - variances.sum()) / max(1, d - rank), least)
    tensors = (centres, components.T.copy(), np.sqrt(np.maximum(variances, rest)), np.sqrt(rest))
    return Distance(*(torch.as_tensor(value) for value in tensors)).eval()


def fit_limits(
    distance: Distance, networks: Sequence[Network], kept: Prepared, batch_size: int
) -> Limits | None:
    """Return the limits for the distance, from examples that were not trained on; None for fewer than `LEAST_KEPT`."""
    if len(kept) < LEAST_KEPT:
        return None
    parts = features_of(networks, kept.windows, batch_size)
    with torch.inference_mode():
        found = [distance(torch.from_numpy(part)).double().numpy() for part in parts]
    limits = []
    for n in range(1, MOST_WINDOWS + 1):
        means = [_spread(values, n).mean() for values in found if len(values) >= n]
        if len(means) < min(len(found), max(LEAST_KEPT, len(found) // 2)):
            break
        limits.append(_limit(np.array(means)))
    of_many = limits[-1] if limits else _limit(np.array([values.mean() for values in found]))
    return Limits(tuple(limits), of_many, len(kept))


@torch.inference_mode()
def features_of(
    networks: Sequence[Network], windows: Sequence[np.ndarray], batch_size: int
) -> list[np.ndarray]:
    """Return the features [shape=(n_windows, d), dtype=float32] of each example."""
    found = []
    for values in windows:
        every = torch.from_numpy(np.array(values, dtype=np.float32))
        batches = [every[start : start + batch_size] for start in range(0, len(every), batch_size)]
        parts = [torch.cat([network.encode(batch) for network in networks], dim=1) for batch in batches]
        found.append(torch.cat(parts).float().numpy())
    return found


def _spread(values: np.ndarray, n: int) -> np.ndarray:
    """Return at most n items, evenly spread; the middle one for n = 1."""
    if n >= len(values):
        return values
    at = (np.arange(n) + 0.5) * len(values) / n
    spread: np.ndarray = values[at.astype(int)]
    return spread


def _limit(means: np.ndarray) -> float:
    """Return the value that a new example of the same kind exceeds with a probability of at most `FALSE_ALARMS`.

    That of n + 1 equally likely ranks: V. Vovk, A. Gammerman, G. Shafer, *Algorithmic Learning in a Random World*, 2005.
    """
    rank = min(len(means), math.ceil((1 - FALSE_ALARMS) * (len(means) + 1)))
    return float(f"{np.sort(means)[rank - 1]:.4g}")
