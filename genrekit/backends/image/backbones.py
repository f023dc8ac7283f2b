"""Torchvision's residual networks over pictures, and the weights that they start from."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from pickle import UnpicklingError  # the class alone: torch's own reader raises it
from urllib.error import URLError

import torch
import torch.nn.functional as F
import torchvision
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from genrekit.backends.base import Progress
from genrekit.errors import ConfigError, TrainingError

# Of torchvision's ResNet, from the input on.
LAYERS = ("conv1", "bn1", "layer1", "layer2", "layer3", "layer4", "fc")
MAX_WEIGHT_BYTES = 1 << 30
_LEAST_VARIANCE = 1e-5  # of a channel that is the same everywhere: its root has no slope at 0
# Of ImageNet, over red, green and blue from 0 to 1: https://pytorch.org/vision/stable/models.html
_MEAN, _SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Pictures(nn.Module):
    """A residual network over pictures of 0 to 255, whose head sees every stage.

    The last stage knows what is in a picture; the earlier ones know its style: how much of every colour, edge and
    texture there is, and how evenly. A cover tells its genre by both.

    Parameters
    ----------
    arch : str
        'resnet18', 'resnet34' or 'resnet50'.
    n_labels : int > 0
    dropout : float in [0, 1)
        Before the last layer.
    """

    mean: Tensor
    sd: Tensor

    def __init__(self, arch: str, n_labels: int, *, dropout: float) -> None:
        super().__init__()
        self.body = torchvision.models.get_model(arch, weights=None)
        # Each stage has twice the channels of the one before; of each channel there are a mean and a deviation.
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
        """The last layer that knows places."""
        last: nn.Module = self.body.layer4
        return last

    def forward(self, windows: Tensor) -> Tensor:
        """Logits [shape=(n, n_labels)] of pictures [shape=(n, 3, height, width)]."""
        body = self.body
        x = body.maxpool(body.relu(body.bn1(body.conv1((windows - self.mean) / self.sd))))
        features = []
        for stage in (body.layer1, body.layer2, body.layer3, body.layer4):
            x = stage(x)
            mean = _mean(x.float())
            variance = _mean((x.float() - mean).square())
            features += [mean.flatten(1), (variance.flatten(1) + _LEAST_VARIANCE).sqrt()]
        with torch.autocast(x.device.type, enabled=False):
            logits: Tensor = body.fc(torch.cat(features, dim=1))
        return logits


def _mean(x: Tensor) -> Tensor:
    """Over all places [shape=(n, n_channels, 1, 1)]; as a pooling, which ONNX Runtime does in its blocked layout."""
    return F.avg_pool2d(x, x.shape[-2:])


class Standardised(nn.BatchNorm1d):
    """Batch normalisation that takes a batch of one example as it comes."""

    def forward(self, features: Tensor) -> Tensor:
        """Features [shape=(n, n_features)] of mean 0 and variance 1."""
        if self.training and len(features) == 1:
            return F.batch_norm(features, self.running_mean, self.running_var, eps=self.eps)
        return super().forward(features)


def load_weights(source: str, arch: str, progress: Progress) -> dict[str, Tensor]:
    """The weights of a network of torchvision, without its last layer.

    Parameters
    ----------
    source : str
        'none', 'imagenet', or the path of a .safetensors, .pth or .pt file; it may lack last layers.
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
            "Give the --set arch= that they were made for, or --set weights=imagenet.",
        )
    return weights


def missing_parts(weights: dict[str, Tensor], network: Pictures) -> list[str]:
    """The layers of a network that the weights do not cover whole: its head."""
    # Old files do not count the batches, and the count means nothing to a network that is in use.
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
            f"Download {weights.url} elsewhere and give --set weights=FILE, or --set weights=none.",
        ) from None
    return state


def _file(path: Path) -> dict[str, Tensor]:
    try:
        if path.stat().st_size > MAX_WEIGHT_BYTES:
            raise ConfigError(f"The weights {path} have more than {MAX_WEIGHT_BYTES} bytes.")
        if path.suffix == ".safetensors":
            loaded: object = load_file(path)
        else:
            with warnings.catch_warnings():  # it wonders about old pickles, and refuses what it does not know
                warnings.simplefilter("ignore")
                loaded = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, SafetensorError, UnpicklingError) as error:
        reason = " ".join(str(error).split())[:160]
        raise ConfigError(
            f"The weights {path} cannot be read: {reason}.",
            "A state dict is read, as .safetensors or as torch.save writes it; nothing else is unpickled.",
        ) from None
    if not isinstance(loaded, dict) or not all(isinstance(value, Tensor) for value in loaded.values()):
        raise ConfigError(f"The weights {path} are no state dict: names with tensors.")
    return loaded
