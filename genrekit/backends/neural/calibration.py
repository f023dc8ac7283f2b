"""Calibration of scores: one temperature, fitted on examples that were not used for training.

C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On Calibration of Modern Neural Networks", ICML 2017. The scores of an
example are calibrated: the mean over its windows and over the networks.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from torch import Tensor, nn

from genrekit.backends.base import Prepared
from genrekit.backends.neural.batches import measuring_loader

_LARGEST = 20.0  # and its inverse: scores beyond are almost constant
# Prior deviation of the logarithm: a few examples must not make scores overconfident.
_SD = 0.5


class Scorer(nn.Module):
    """A module that averages the probabilities of networks.

    Parameters
    ----------
    networks : sequence of nn.Module
        Networks from windows to logits.
    temperature : float > 0
        Divisor of the logits.
    multilabel : bool
        Whether to use sigmoids instead of a softmax.
    """

    def __init__(self, networks: Sequence[nn.Module], *, temperature: float, multilabel: bool) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.temperature, self.multilabel = temperature, multilabel

    def forward(self, windows: Tensor) -> Tensor:
        """Return probabilities [shape=(n, n_labels)]."""
        logits = [network(windows) for network in self.networks]
        return probabilities(torch.stack(logits), self.temperature, multilabel=self.multilabel)


def probabilities(logits: Tensor, temperature: float, *, multilabel: bool) -> Tensor:
    """Return the mean probabilities over networks from their logits [shape=(n_networks, n, n_labels)].

    Parameters
    ----------
    logits : Tensor [shape=(n_networks, n, n_labels)]
    temperature : float > 0
    multilabel : bool

    Returns
    -------
    Tensor [shape=(n, n_labels)]
    """
    logits = logits / temperature
    scores = logits.sigmoid() if multilabel else logits.softmax(dim=-1)
    return scores.mean(dim=0)


@torch.inference_mode()
def window_logits(
    networks: Sequence[nn.Module], prepared: Prepared, batch_size: int
) -> tuple[Tensor, Tensor]:
    """Return logits of all windows [shape=(n_networks, n_windows, n_labels)], and the example of each window.

    Parameters
    ----------
    networks : sequence of nn.Module
    prepared : Prepared
    batch_size : int > 0

    Returns
    -------
    tuple of Tensor
    """
    logits, owners = [], []
    for windows, owner in measuring_loader(prepared, batch_size):
        logits.append(torch.stack([network(windows) for network in networks]))
        owners.append(owner)
    return torch.cat(logits, dim=1), torch.cat(owners)


def example_scores(
    logits: Tensor, owners: Tensor, n_examples: int, temperature: float, *, multilabel: bool
) -> np.ndarray:
    """Return probabilities of examples [shape=(n_examples, n_labels), dtype=float64]: means over their windows.

    Parameters
    ----------
    logits, owners : Tensor
        As returned by `window_logits`.
    n_examples : int > 0
    temperature : float > 0
    multilabel : bool

    Returns
    -------
    np.ndarray [shape=(n_examples, n_labels), dtype=float64]
    """
    scores = probabilities(logits.double(), temperature, multilabel=multilabel)
    sums = torch.zeros((n_examples, scores.shape[1]), dtype=torch.float64).index_add_(0, owners, scores)
    means: np.ndarray = (sums / torch.bincount(owners, minlength=n_examples)[:, None]).numpy()
    return means


def fit_temperature(logits: Tensor, owners: Tensor, targets: np.ndarray, *, multilabel: bool) -> float:
    """Return the temperature with the lowest log loss, near 1 for few examples.

    Parameters
    ----------
    logits, owners
        As returned by `window_logits`.
    targets : np.ndarray [shape=(n_examples, n_labels)]
        0 or 1.
    multilabel : bool

    Returns
    -------
    float
        From 0.05 to 20, rounded to four digits, because further digits depend on the number of threads.
    """

    def loss(log_temperature: float) -> float:
        temperature = float(np.exp(log_temperature))
        scores = example_scores(logits, owners, len(targets), temperature, multilabel=multilabel)
        scores = scores.clip(1e-12, 1 - 1e-12)
        right = targets * np.log(scores)
        wrong = (1 - targets) * np.log1p(-scores) if multilabel else 0.0
        return -float((right + wrong).sum()) + (log_temperature / _SD) ** 2 / 2

    limit = np.log(_LARGEST)
    found = minimize_scalar(loss, bounds=(-limit, limit), method="bounded", options={"xatol": 1e-6})
    return float(f"{np.exp(found.x):.4g}")
