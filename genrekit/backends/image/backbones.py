"""Torchvision's residual networks over pictures, and their initial weights."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from pickle import UnpicklingError  # only the class: torch's reader raises it
from urllib.error import URLError

import torch
import torch.nn.functional as F
import torchvision
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from genrekit.backends.base import Progress
from genrekit.backends.neural.network import Network
from genrekit.errors import ConfigError, TrainingError

# Layers of torchvision's ResNet, from input to output.
LAYERS = ("conv1", "bn1", "layer1", "layer2", "layer3", "layer4", "fc")
MAX_WEIGHT_BYTES = 1 << 30
_LEAST_VARIANCE = 1e-5  # lower bound for constant channels: the square root has no gradient at 0
# Statistics of ImageNet, over red, green and blue from 0 to 1: https://pytorch.org/vision/stable/models.html
_MEAN, _SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Pictures(Network):
    """A residual network over pictures with values from 0 to 255, with a head that reads every stage.

    The last stage recognises objects; the earlier ones measure style: how much of every colour, edge and texture
    there is, and how evenly. Both tell the genre of a cover.

    Parameters
    ----------
    arch : str
        'resnet18', 'resnet34' or 'resnet50'.
    n_labels : int > 0
    dropout : float in [0, 1)
        Dropout rate before the last layer.
    """

    mean: Tensor
    sd: Tensor

    def __init__(self, arch: str, n_labels: int, *, dropout: float) -> None:
        super().__init__()
        self.body = torchvision.models.get_model(arch, weights=None)
        # Each stage has twice the channels of the one before; each channel contributes a mean and a deviation.
        last = self.body.fc.in_features
        n_features = 2 * (last // 8 + last // 4 + last // 2 + last)
        linear = nn.Linear(n_features, n_labels)
        nn.init.zeros_(linear.weight)
        self.body.fc = nn.Sequential(Standardised(n_features, affine=False), nn.Dropout(dropout), linear)
        self.register_buffer("mean", 255 * torch.tensor(_MEAN)[:, None, None], persistent=False)
        self.register_buffer("sd", 255 * torch.tensor(_SD)[:, None, None], persistent=False)
        self.to(memory_format=torch.channels_last)  # faster by a third, in bf16 on a CPU

    @property
    def places(self) -> nn.Module:
        """Last layer with spatial positions."""
        last: nn.Module = self.body.layer4
        return last

    def encode(self, windows: Tensor) -> Tensor:
        """Return standardised features [shape=(n, n_features)] of pictures [shape=(n, 3, height, width)]."""
        body = self.body
        x = body.maxpool(body.relu(body.bn1(body.conv1((windows - self.mean) / self.sd))))
        features = []
        for stage in (body.layer1, body.layer2, body.layer3, body.layer4):
            x = stage(x)
            mean = _mean(x.float())
            variance = _mean((x.float() - mean).square())
            features += [mean.flatten(1), (variance.flatten(1) + _LEAST_VARIANCE).sqrt()]
        with torch.autocast(x.device.type, enabled=False):
            standardised: Tensor = body.fc[0](torch.cat(features, dim=1))
        return standardised

    def score(self, features: Tensor) -> Tensor:
        """Return logits [shape=(n, n_labels)] of features."""
        with torch.autocast(features.device.type, enabled=False):
            logits: Tensor = self.body.fc[1:](features)
        return logits


def _mean(x: Tensor) -> Tensor:
    """Average over all positions [shape=(n, n_channels, 1, 1)], as a pooling, which ONNX Runtime computes in its blocked layout."""
    return F.avg_pool2d(x, x.shape[-2:])


class Standardised(nn.BatchNorm1d):
    """Batch normalisation that passes a batch of one example unchanged."""

    def forward(self, features: Tensor) -> Tensor:
        """Return features [shape=(n, n_features)] of mean 0 and variance 1."""
        if self.training and len(features) == 1:
            return F.batch_norm(features, self.running_mean, self.running_var, eps=self.eps)
        return super().forward(features)


def load_weights(source: str, arch: str, progress: Progress) -> dict[str, Tensor]:
    """Load the weights of a network of torchvision, without its last layer.

    Parameters
    ----------
    source : str
        'none', 'imagenet', or the path of a .safetensors, .pth or .pt file; last layers may be missing.
    arch : str
    progress : callable

    Raises
    ------
    ConfigError
        If they cannot be downloaded or read, or belong to another network.
    """
    if source == "none":
        return {}
    found = _imagenet(arch, progress) if source == "imagenet" else _file(Path(source))
    weights = {name: value for name, value in found.items() if not name.startswith("fc.")}
    shapes = {name: value.shape for name, value in torchvision.models.get_model(arch).state_dict().items()}
    wrong = [name for name, value in weights.items() if shapes.get(name) != value.shape]
    if wrong or "conv1.weight" not in weights:
        what = f"{wrong[0]} does not belong there" if wrong else "conv1.weight is missing"
        raise ConfigError(
            f"weights = {source!r} are not those of a {arch} of torchvision: {what}.",
            "Pass the --set arch= that they were made for, or --set weights=imagenet.",
        )
    return weights


def missing_parts(weights: dict[str, Tensor], network: Pictures) -> list[str]:
    """Return the layers of a network that the weights do not cover completely: its head.

    Parameters
    ----------
    weights : dict of str to Tensor
    network : Pictures

    Returns
    -------
    list of str
        Prefixes of parameter names.
    """
    # Old files have no counts of batches, which are irrelevant for inference.
    names = {n for n in network.body.state_dict() if not n.endswith(".num_batches_tracked")} - set(weights)
    return [layer for layer in LAYERS if any(name.startswith(f"{layer}.") for name in names)]


def _imagenet(arch: str, progress: Progress) -> dict[str, Tensor]:
    weights = torchvision.models.get_model_weights(arch).DEFAULT
    progress(f"{weights} of torchvision, downloaded on first use")
    try:
        state: dict[str, Tensor] = weights.get_state_dict(progress=sys.stderr.isatty(), check_hash=True)
    except (URLError, OSError, RuntimeError) as error:
        raise TrainingError(
            f"The ImageNet weights of {arch} cannot be downloaded: {error}.",
            f"Download {weights.url} elsewhere and use --set weights=FILE, or --set weights=none.",
        ) from None
    return state


def _file(path: Path) -> dict[str, Tensor]:
    try:
        if path.stat().st_size > MAX_WEIGHT_BYTES:
            raise ConfigError(f"The weights {path} have more than {MAX_WEIGHT_BYTES} bytes.")
        if path.suffix == ".safetensors":
            loaded: object = load_file(path)
        else:
            with warnings.catch_warnings():  # torch warns about old pickles, and refuses unknown classes
                warnings.simplefilter("ignore")
                loaded = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, SafetensorError, UnpicklingError) as error:
        reason = " ".join(str(error).split())[:160]
        raise ConfigError(
            f"The weights {path} cannot be read: {reason}.",
            "Only state dicts are read, from .safetensors files or as written by torch.save; nothing else is unpickled.",
        ) from None
    if not isinstance(loaded, dict) or not all(isinstance(value, Tensor) for value in loaded.values()):
        raise ConfigError(f"The weights {path} are not a state dict: names with tensors.")
    return loaded
