"""The network MSD_musicnn in PyTorch, equal to the original TensorFlow graph.

J. Pons and X. Serra, "musicnn: Pre-trained convolutional neural networks for music audio tagging", ISMIR 2019 late-breaking
demo, https://arxiv.org/abs/1909.06654. Batch normalisation is folded into what follows or precedes it, which changes
nothing but the rounding: the original normalises after the ReLU and then takes the maximum over the bands, and
``max(a * relu(x)) = |a| * max(sign(a) * relu(x))``, so that filters of a negative scale are negated here and only the
maximum of each is normalised. This saves two passes over the largest tensors.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

FRAMES, BANDS = 187, 96
N_TAGS, N_PENULTIMATE = 50, 200
TIMBRAL = ((7, 38), (7, 67))
TEMPORAL = (128, 64, 32)
N_TIMBRAL, N_TEMPORAL, N_MID, MID_WIDTH, N_MIDS = 204, 51, 64, 7, 3
N_FRONT = N_TIMBRAL * len(TIMBRAL) + N_TEMPORAL * len(TEMPORAL)
N_POOLED = N_FRONT + N_MID * N_MIDS
NORM_EPS = 1e-3

Arrays = Mapping[str, np.ndarray]


class Musicnn(nn.Module):
    """From log-mel patches to tags and to the layer before them.

    Takes float32 patches [shape=(n, 187, 96)], ``log10(10000 * mel + 1)`` at 16 kHz, n_fft 512, hop 256; gives ``tags``
    [shape=(n, 50), range 0 to 1] and ``penultimate`` [shape=(n, 200)].
    """

    def __init__(self) -> None:
        super().__init__()
        self.input = Affine(1)
        self.timbral = nn.ModuleList(Bank(N_TIMBRAL, size, (size[0] // 2, size[0] // 2)) for size in TIMBRAL)
        # TensorFlow's SAME for an even kernel: one more zero behind than before.
        self.temporal = nn.ModuleList(Bank(N_TEMPORAL, (k, 1), ((k - 1) // 2, k // 2)) for k in TEMPORAL)
        self.mid = nn.ModuleList(Mid(N_FRONT if i == 0 else N_MID) for i in range(N_MIDS))
        self.dense = nn.Linear(2 * N_POOLED, N_PENULTIMATE)
        self.dense_norm = Affine(N_PENULTIMATE)
        self.output = nn.Linear(N_PENULTIMATE, N_TAGS)

    def forward(self, patches: Tensor) -> tuple[Tensor, Tensor]:
        """Return (tags, penultimate)."""
        image = self.input(patches.unsqueeze(-1)).permute(0, 3, 1, 2)
        front = torch.cat([bank(image) for bank in (*self.timbral, *self.temporal)], dim=1)
        first = self.mid[0](front)
        second = self.mid[1](first) + first
        third = self.mid[2](second) + second
        pooled = torch.cat((front, first, second, third), dim=1)
        # The original interleaves: maximum and mean of the first channel, of the second, and so on.
        pooled = torch.stack((pooled.amax(dim=2), pooled.mean(dim=2)), dim=2).flatten(1)
        penultimate = self.dense_norm(self.dense(pooled).relu())
        return self.output(penultimate).sigmoid(), penultimate


class Affine(nn.Module):
    """A scale and a shift of every channel, the last axis."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.scale, self.shift = nn.Parameter(torch.ones(n)), nn.Parameter(torch.zeros(n))

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x * scale + shift``."""
        return x * self.scale + self.shift


class Bank(nn.Module):
    """A bank of filters, its maximum over the bands, ReLU and normalisation."""

    def __init__(self, n: int, size: tuple[int, int], padding: tuple[int, int]) -> None:
        super().__init__()
        self.padding = (0, 0, *padding)
        self.conv = nn.Conv2d(1, n, size)
        self.sign: Tensor
        self.register_buffer("sign", torch.ones(n, 1))
        self.scale, self.shift = nn.Parameter(torch.ones(n, 1)), nn.Parameter(torch.zeros(n, 1))

    def forward(self, image: Tensor) -> Tensor:
        """Turn (n, 1, frames, bands) into (n, filters, frames)."""
        loudest = self.conv(F.pad(image, self.padding)).amax(dim=3)
        normalised: Tensor = (loudest * self.sign).relu() * self.scale + self.shift
        return normalised


class Mid(nn.Module):
    """A convolution along time, ReLU and normalisation."""

    def __init__(self, before: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(before, N_MID, MID_WIDTH, padding=MID_WIDTH // 2)
        self.scale, self.shift = nn.Parameter(torch.ones(N_MID, 1)), nn.Parameter(torch.zeros(N_MID, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Turn (n, before, frames) into (n, 64, frames)."""
        normalised: Tensor = self.conv(x).relu() * self.scale + self.shift
        return normalised


def load(weights: Arrays) -> Musicnn:
    """Make the network of its published weights.

    Parameters
    ----------
    weights : Mapping of str to np.ndarray
        Under the names of the original's layers in PyTorch's layout, batch normalisation with its statistics.

    Raises
    ------
    LookupError, RuntimeError
        If tensors are missing or have another shape.
    """
    network = Musicnn()
    known: dict[str, np.ndarray] = {}
    known["input.scale"], known["input.shift"] = _norm(weights, "input_norm")
    for name, banks in (("timbral", TIMBRAL), ("temporal", TEMPORAL)):
        for i in range(len(banks)):
            scale, shift = _norm(weights, f"{name}.{i}.norm")
            sign = np.where(scale < 0, -1.0, 1.0)
            known[f"{name}.{i}.conv.weight"] = weights[f"{name}.{i}.conv.weight"] * sign[:, None, None, None]
            known[f"{name}.{i}.conv.bias"] = weights[f"{name}.{i}.conv.bias"] * sign
            for key, value in (("sign", sign), ("scale", scale), ("shift", shift)):
                known[f"{name}.{i}.{key}"] = value[:, None]
    for i in range(N_MIDS):
        scale, shift = _norm(weights, f"mid.{i}.norm")
        known[f"mid.{i}.conv.weight"] = weights[f"mid.{i}.conv.weight"][:, 0].swapaxes(1, 2)
        known[f"mid.{i}.conv.bias"] = weights[f"mid.{i}.conv.bias"]
        known[f"mid.{i}.scale"], known[f"mid.{i}.shift"] = scale[:, None], shift[:, None]
    scale, shift = _norm(weights, "pool_norm")
    dense = weights["dense.weight"].astype(np.float64)
    known["dense.weight"], known["dense.bias"] = dense * scale, weights["dense.bias"] + dense @ shift
    known["dense_norm.scale"], known["dense_norm.shift"] = _norm(weights, "dense_norm")
    known |= {name: weights[name] for name in ("output.weight", "output.bias")}
    state = {name: torch.from_numpy(np.ascontiguousarray(v, np.float32)) for name, v in known.items()}
    network.load_state_dict(state)
    return network.eval()


def _norm(weights: Arrays, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Scale and shift of a batch normalisation in use, in float64."""
    weight, bias, mean, variance = (
        weights[f"{name}.{key}"].astype(np.float64)
        for key in ("weight", "bias", "running_mean", "running_var")
    )
    scale = weight / np.sqrt(variance + NORM_EPS)
    return scale, bias - mean * scale
