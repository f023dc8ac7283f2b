"""The network MSD_musicnn in PyTorch, equal to the original TensorFlow graph, to train it further.

`genrekit.backends.encoder.musicnn_weights` says where it comes from, and why its normalisations are where they are.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genrekit.backends.encoder.musicnn_weights import (
    BANDS,
    BANKS,
    MID_WIDTH,
    N_FRONT,
    N_MID,
    N_MIDS,
    N_PENULTIMATE,
    N_POOLED,
    N_TAGS,
    N_TEMPORAL,
    N_TIMBRAL,
    fold,
)


class Musicnn(nn.Module):
    """Network that turns log-mel patches into tags, and the layer before them.

    Takes float32 patches [shape=(n, 187, 96)], ``log10(10000 * mel + 1)`` at 16 kHz, n_fft 512, hop 256; gives ``tags``
    [shape=(n, 50), range 0 to 1] and ``penultimate`` [shape=(n, 200)].
    """

    def __init__(self) -> None:
        super().__init__()
        self.input = Affine((1,))
        banks: dict[str, list[nn.Module]] = {"timbral": [], "temporal": []}
        for name, size, padding in BANKS:
            kind = name.split(".")[0]
            banks[kind].append(Bank(N_TIMBRAL if kind == "timbral" else N_TEMPORAL, size, padding))
        self.timbral, self.temporal = nn.ModuleList(banks["timbral"]), nn.ModuleList(banks["temporal"])
        self.mid = nn.ModuleList(Mid(N_FRONT if i == 0 else N_MID) for i in range(N_MIDS))
        self.dense = nn.Linear(2 * N_POOLED, N_PENULTIMATE)
        self.dense_norm = Affine((N_PENULTIMATE,))
        self.output = nn.Linear(N_PENULTIMATE, N_TAGS)

    def forward(self, patches: Tensor) -> dict[str, Tensor]:
        """Return the layers by name."""
        image = self.input(patches).unsqueeze(1)
        front = torch.cat([bank(image) for bank in (*self.timbral, *self.temporal)], dim=1)
        first = self.mid[0](front)
        second = self.mid[1](first) + first
        third = self.mid[2](second) + second
        pooled = torch.cat((front, first, second, third), dim=1)
        pooled = torch.stack((pooled.amax(dim=2), pooled.mean(dim=2)), dim=2).flatten(1)
        penultimate = self.dense_norm(self.dense(pooled).relu())
        return {"tags": self.output(penultimate).sigmoid(), "penultimate": penultimate}


class Affine(nn.Module):
    """A scale and a shift."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.scale, self.shift = nn.Parameter(torch.ones(shape)), nn.Parameter(torch.zeros(shape))

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x * scale + shift``."""
        return x * self.scale + self.shift


class Bank(Affine):
    """A bank of filters, its maximum over the bands, ReLU and normalisation."""

    def __init__(self, n: int, size: tuple[int, int], padding: tuple[int, int]) -> None:
        super().__init__((n, 1))
        self.padding, self.n_places = (0, 0, *padding), BANDS - size[1] + 1
        self.conv = nn.Conv2d(1, n, size)
        self.sign: Tensor
        self.register_buffer("sign", torch.ones(n, 1))

    def forward(self, image: Tensor) -> Tensor:
        """Turn (n, 1, frames, bands) into (n, filters, frames)."""
        loudest = self.conv(F.pad(image, self.padding)).amax(dim=3)
        return super().forward((loudest * self.sign).relu())


class Mid(Affine):
    """A convolution along time, ReLU and normalisation."""

    def __init__(self, before: int) -> None:
        super().__init__((N_MID, 1))
        self.conv = nn.Conv1d(before, N_MID, MID_WIDTH, padding=MID_WIDTH // 2)

    def forward(self, x: Tensor) -> Tensor:
        """Turn (n, before, frames) into (n, 64, frames)."""
        return super().forward(self.conv(x).relu())


def load(content: bytes) -> Musicnn:
    """Make the network of its published weights, a safetensors file.

    Raises
    ------
    LookupError, RuntimeError
        If tensors are missing or have another shape.
    """
    network = Musicnn()
    network.load_state_dict({name: torch.from_numpy(value) for name, value in fold(content).items()})
    return network.eval()
