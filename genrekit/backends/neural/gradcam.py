"""Grad-CAM explanation images of networks.

R. R. Selvaraju, M. Cogswell, A. Das, R. Vedantam, D. Parikh, D. Batra, "Grad-CAM: Visual Explanations from Deep
Networks via Gradient-based Localization", ICCV 2017. Captum 0.8 implements it too, but requires NumPy 1.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genrekit.backends.neural.calibration import Scorer


class Shows(Protocol):
    """A network with a last layer that has spatial positions."""

    @property
    def places(self) -> nn.Module:
        """The layer, with activations [shape=(n, channels, height, width)]."""
        ...


def grad_cam(scorer: Scorer, window: np.ndarray, label: int) -> np.ndarray:
    """Return how much each position of a window supports a label.

    Parameters
    ----------
    scorer : Scorer
        Scorer of networks with ``places``.
    window : np.ndarray [shape=(..., height, width)]
    label : int

    Returns
    -------
    np.ndarray [shape=(height, width), dtype=float32, range 0 to 1]
        Mean over the networks; 0 everywhere if nothing supports the label.
    """
    maps = [_of_network(network, window, label) for network in scorer.networks]
    mean = torch.stack(maps).mean(dim=0)
    largest = mean.max()
    found: np.ndarray = (mean / largest if largest > 0 else mean).numpy()
    return found


def _of_network(network: nn.Module, window: np.ndarray, label: int) -> Tensor:
    shows: Shows = network  # type: ignore[assignment]
    kept: list[Tensor] = []
    hook = shows.places.register_forward_hook(lambda module, given, activations: kept.append(activations))
    try:
        logits = network(torch.from_numpy(window.astype(np.float32))[None].requires_grad_())
    finally:
        hook.remove()
    (gradient,) = torch.autograd.grad(logits[0, label], kept[0])
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    cam = (weights * kept[0]).sum(dim=1, keepdim=True).relu()
    cam = F.interpolate(cam, size=window.shape[-2:], mode="bilinear", align_corners=False)[0, 0].detach()
    return cam / cam.max().clamp_min(1e-12)
