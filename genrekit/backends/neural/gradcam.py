"""Grad-CAM explanation images of networks.

R. R. Selvaraju, M. Cogswell, A. Das, R. Vedantam, D. Parikh, D. Batra, "Grad-CAM: Visual Explanations from Deep
Networks via Gradient-based Localization", ICCV 2017. Captum 0.8 implements it too, but requires NumPy 1.
"""

from __future__ import annotations

from io import BytesIO
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
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


def overlay(
    background: np.ndarray,
    cam: np.ndarray,
    title: str,
    *,
    extent: tuple[float, float, float, float] | None = None,
    axes_labels: tuple[str, str] | None = None,
) -> bytes:
    """Draw a map over the input.

    Parameters
    ----------
    background : np.ndarray [shape=(height, width) or (height, width, 3)]
        The input, first row at the top.
    cam : np.ndarray [shape=(height, width), range 0 to 1]
    title : str
    extent : tuple of float, optional
        Left, right, bottom and top of the picture on its axes, with ``axes_labels``; without axes by default.
    axes_labels : tuple of str, optional
        Labels of the horizontal and the vertical axis.

    Returns
    -------
    bytes
        A PNG.
    """
    figure = Figure(figsize=(8, 4) if extent else (5, 5.4), layout="constrained")
    axes = figure.subplots()
    axes.imshow(background, cmap="gray", extent=extent, aspect="auto" if extent else "equal")
    axes.imshow(
        cam, cmap="inferno", alpha=0.45, vmin=0, vmax=1, extent=extent, aspect="auto" if extent else "equal"
    )
    axes.set_title(title, fontsize=9, parse_math=False)
    if axes_labels:
        axes.set(xlabel=axes_labels[0], ylabel=axes_labels[1])
    else:
        axes.set_axis_off()
    stream = BytesIO()
    figure.savefig(stream, format="png", dpi=100, metadata={"Software": None})
    return stream.getvalue()
