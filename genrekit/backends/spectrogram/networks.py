"""Networks over log-mel windows: a residual one with channel attention, a plain one, and a recurrent one."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from genrekit.backends.neural.network import Network
from genrekit.errors import ConfigError

Arch = Literal["resnet", "plain", "crnn"]
STAGES = 4
PLAIN_LAYERS = 4
SHORTENING_LAYERS = 2  # of the recurrent network: those that halve the number of frames as well
EXCITATION_RATIO = 8
BAND_MEAN_OFF = 0.5
LEVEL_VARIANCE_DB = 1.0  # avoids amplifying the noise of a nearly constant window


def build(
    n_labels: int, *, arch: Arch = "resnet", width: int = 16, depth: int = 1, dropout: float = 0.3
) -> Network:
    """Build a network that scores log-mel windows of any length.

    Parameters
    ----------
    n_labels : int
        Number of labels, at least 1.
    arch : {'resnet', 'plain', 'crnn'}
        'resnet': four stages of residual blocks [1]_ with squeeze-and-excitation [2]_, each stage twice as wide
        and at half the resolution of the one before. 'plain': four convolutions, each followed by a maximum pool, the
        baseline of the tagging literature [3]_. 'crnn': the convolutions of 'plain', of which only the first two
        shorten time, and a bidirectional gated recurrent unit over what is left of it [4]_.
    width : int
        Channels of the first stage, at least 4.
    depth : int
        Residual blocks per stage, at least 1; used by the residual network alone.
    dropout : float
        Share of the pooled features that are dropped while training, in [0, 1).

    Returns
    -------
    nn.Module
        Input: float32 (n, n_mels, n_frames) in dB, at least 32 mel bands and 8 frames; output: logits
        (n, n_labels). Every window is normalised first (see `Input`), so its overall level does not matter, and
        a silent window has finite logits.

    Raises
    ------
    ConfigError
        If an argument is outside its range.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition", CVPR 2016.
    .. [2] J. Hu, L. Shen, G. Sun, "Squeeze-and-Excitation Networks", CVPR 2018.
    .. [3] K. Choi, G. Fazekas, M. Sandler, "Automatic Tagging Using Deep Convolutional Neural Networks",
       ISMIR 2016.
    .. [4] K. Choi, G. Fazekas, M. Sandler, K. Cho, "Convolutional Recurrent Neural Networks for Music
       Classification", ICASSP 2017.
    """
    for name, value, least in (("n_labels", n_labels, 1), ("width", width, 4), ("depth", depth, 1)):
        if value < least:
            raise ConfigError(f"{name} is {value}.", f"It must be {least} or more.")
    if not 0 <= dropout < 1:
        raise ConfigError(f"dropout is {dropout}.", "It must be at least 0 and less than 1.")
    if arch == "resnet":
        return ResNet(n_labels, width, depth, dropout)
    if arch == "plain":
        # Twice as fast with the channels last, in bf16 on a CPU; the residual network is not.
        return Plain(n_labels, width, dropout).to(memory_format=torch.channels_last)
    if arch == "crnn":
        return Recurrent(n_labels, width, dropout).to(memory_format=torch.channels_last)
    raise ConfigError(f"There is no architecture '{arch}'.", "Choose 'resnet', 'plain' or 'crnn'.")


class ResNet(Network):
    """A network of residual blocks with channel attention; see `build`."""

    def __init__(self, n_labels: int, width: int, depth: int, dropout: float) -> None:
        super().__init__()
        widths = [width * 2**stage for stage in range(STAGES)]
        self.input = Input()
        self.stem = nn.Sequential(*convolution(Input.CHANNELS, width, size=5, stride=2), nn.ReLU())
        blocks: list[nn.Module] = [Block(width, width, 1) for _ in range(depth)]
        for before, after in pairwise(widths):
            blocks.append(Block(before, after, 2))
            blocks.extend(Block(after, after, 1) for _ in range(depth - 1))
        self.blocks = nn.Sequential(*blocks)
        self.head = Head(widths[-1], n_labels, dropout)

    @property
    def places(self) -> nn.Module:
        """Last layer with spatial positions."""
        return self.blocks

    def encode(self, windows: Tensor) -> Tensor:
        """Return features (n, 2 * channels) of windows (n, n_mels, n_frames) in dB."""
        return self.head.pool(self.blocks(self.stem(self.input(windows))))

    def score(self, features: Tensor) -> Tensor:
        """Return logits (n, n_labels) of features."""
        logits: Tensor = self.head(features)
        return logits


class Plain(Network):
    """A network of four convolutions and pools; see `build`."""

    def __init__(self, n_labels: int, width: int, dropout: float) -> None:
        super().__init__()
        widths = [Input.CHANNELS, *(width * 2**layer for layer in range(PLAIN_LAYERS))]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [*convolution(before, after), nn.ReLU(), nn.MaxPool2d(3, stride=2, padding=1)]
        self.input = Input()
        self.layers = nn.Sequential(*layers)
        self.head = Head(widths[-1], n_labels, dropout)

    @property
    def places(self) -> nn.Module:
        """Last layer with spatial positions."""
        return self.layers

    def encode(self, windows: Tensor) -> Tensor:
        """Return features (n, 2 * channels) of windows (n, n_mels, n_frames) in dB."""
        return self.head.pool(self.layers(self.input(windows)))

    def score(self, features: Tensor) -> Tensor:
        """Return logits (n, n_labels) of features."""
        logits: Tensor = self.head(features)
        return logits


class Recurrent(Network):
    """A network of four convolutions, and a bidirectional gated recurrent unit over time; see `build`."""

    def __init__(self, n_labels: int, width: int, dropout: float) -> None:
        super().__init__()
        widths = [Input.CHANNELS, *(width * 2**layer for layer in range(PLAIN_LAYERS))]
        layers: list[nn.Module] = []
        for number, (before, after) in enumerate(pairwise(widths)):
            shorter = 2 if number < SHORTENING_LAYERS else 1
            layers += [
                *convolution(before, after),
                nn.ReLU(),
                nn.MaxPool2d(3, stride=(2, shorter), padding=1),
            ]
        self.input = Input()
        self.layers = nn.Sequential(*layers)
        self.recurrence = Recurrence(widths[-1], widths[-1] // 2)
        self.head = Head(widths[-1], n_labels, dropout)

    @property
    def places(self) -> nn.Module:
        """Last layer with spatial positions."""
        return self.layers

    def encode(self, windows: Tensor) -> Tensor:
        """Return features (n, 2 * channels) of windows (n, n_mels, n_frames) in dB."""
        frames = self.layers(self.input(windows)).mean(dim=2).transpose(1, 2)
        return self.head.pool(self.recurrence(frames).transpose(1, 2)[:, :, None])

    def score(self, features: Tensor) -> Tensor:
        """Return logits (n, n_labels) of features."""
        logits: Tensor = self.head(features)
        return logits


class Recurrence(nn.GRU):
    """A bidirectional gated recurrent unit whose export is one operator of ONNX.

    The exporter of PyTorch 2.14 takes the unit apart, and fails where the number of frames is variable.
    """

    def __init__(self, n_inputs: int, n_hidden: int) -> None:
        super().__init__(n_inputs, n_hidden, batch_first=True, bidirectional=True)

    def forward(self, frames: Tensor) -> Tensor:  # type: ignore[override]
        """Turn (n, n_frames, n_inputs) into (n, n_frames, 2 * n_hidden)."""
        if not torch.onnx.is_in_onnx_export():
            hidden: Tensor = super().forward(frames)[0]
            return hidden
        both = ("", "_reverse")
        weights, recurrent, from_input, from_hidden = (
            [self._in_order_of_onnx(getattr(self, f"{name}_l0{way}")) for way in both]
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        biases = [torch.cat(pair) for pair in zip(from_input, from_hidden, strict=True)]
        by_time = frames.transpose(0, 1)
        states = torch.onnx.ops.symbolic(
            "GRU",
            (by_time, torch.stack(weights), torch.stack(recurrent), torch.stack(biases)),
            {"hidden_size": self.hidden_size, "direction": "bidirectional", "linear_before_reset": 1},
            dtype=frames.dtype,
            shape=(by_time.shape[0], len(both), by_time.shape[1], self.hidden_size),
        )
        return states.permute(2, 0, 1, 3).flatten(2)

    def _in_order_of_onnx(self, gates: Tensor) -> Tensor:
        """Reorder reset, update and new gates, as PyTorch has them, to update, reset and new."""
        n = self.hidden_size
        return torch.cat((gates[n : 2 * n], gates[:n], gates[2 * n :]))


class Input(nn.Module):
    """Conversion of windows in dB to an image: the normalised level, and the height of each band.

    Half of the mean level of each band over time is subtracted: it depends more on the recording, and so on the
    artist, than on the genre. This is the idea of relaxed instance frequency-wise normalisation (B. Kim,
    S. Yang, J. Kim, H. Park, J. Lee, S. Chang, "Domain Generalization with Relaxed Instance Frequency-wise
    Normalization for Multi-device Acoustic Scene Classification", Interspeech 2022), with means alone. A
    convolution cannot tell a bass line from a hi-hat by position; the second channel enables it (R. Liu et al., "An
    Intriguing Failing of Convolutional Neural Networks and the CoordConv Solution", NeurIPS 2018).
    """

    CHANNELS = 2

    def forward(self, windows: Tensor) -> Tensor:
        """Turn (n, n_mels, n_frames) into (n, 2, n_mels, n_frames)."""
        centred = windows - windows.mean(dim=(1, 2), keepdim=True)
        variance = centred.square().mean(dim=(1, 2), keepdim=True)
        level = centred / (variance + LEVEL_VARIANCE_DB).sqrt()
        level = level - BAND_MEAN_OFF * level.mean(dim=2, keepdim=True)
        height = torch.linspace(-1.0, 1.0, windows.shape[1], dtype=level.dtype, device=level.device)
        return torch.stack((level, height[None, :, None].expand_as(level)), dim=1)


class Block(nn.Module):
    """A residual block: two 3 x 3 convolutions, squeeze and excitation, and the input."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *convolution(before, after, stride=stride),
            nn.ReLU(),
            *convolution(after, after),
            Excitation(after),
        )
        same = before == after and stride == 1
        self.shortcut = nn.Identity() if same else nn.Sequential(*convolution(before, after, 1, stride))
        self.activation = nn.ReLU()

    def forward(self, image: Tensor) -> Tensor:
        """Turn (n, before, height, time) into (n, after, height / stride, time / stride)."""
        activated: Tensor = self.activation(self.body(image) + self.shortcut(image))
        return activated


class Excitation(nn.Module):
    """Channel attention: the means of all channels determine a factor per channel (Hu et al. 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = max(channels // EXCITATION_RATIO, 4)
        self.gate = nn.Sequential(
            nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, channels), nn.Sigmoid()
        )

    def forward(self, image: Tensor) -> Tensor:
        """Scale the channels of (n, channels, height, time)."""
        gate: Tensor = self.gate(image.mean(dim=(2, 3)))
        return image * gate[:, :, None, None]


class Head(nn.Module):
    """Mean over height, mean and maximum over time, dropout, and a linear layer."""

    def __init__(self, channels: int, n_labels: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(2 * channels, n_labels)

    def pool(self, image: Tensor) -> Tensor:
        """Turn (n, channels, height, time) into features (n, 2 * channels)."""
        frames = image.mean(dim=2)
        return torch.cat((frames.mean(dim=2), frames.amax(dim=2)), dim=1)

    def forward(self, features: Tensor) -> Tensor:
        """Turn features (n, 2 * channels) into logits (n, n_labels)."""
        logits: Tensor = self.linear(self.dropout(features))
        return logits


def convolution(before: int, after: int, size: int = 3, stride: int = 1) -> tuple[nn.Module, nn.Module]:
    """Return a convolution that keeps the size (or halves it, rounded up) and its batch normalisation."""
    conv = nn.Conv2d(before, after, size, stride=stride, padding=size // 2, bias=False)
    return conv, nn.BatchNorm2d(after)
