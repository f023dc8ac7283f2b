"""Training recipe of the ``image`` backend: network, phases and random changes of pictures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from torch import Generator, Tensor, nn
from torchvision.transforms import v2

from genrekit.backends.base import Progress
from genrekit.backends.image.backbones import LAYERS, Pictures, load_weights, missing_parts
from genrekit.backends.image.backend import ImageConfig
from genrekit.backends.neural.module import Phase
from genrekit.types import silent

# Cropping and enlarging shows objects larger in training than later in whole pictures. Training on smaller squares
# compensates for it, and is faster: H. Touvron, A. Vedaldi, M. Douze, H. Jegou, "Fixing the train-test
# resolution discrepancy", NeurIPS 2019.
_LEARNED_SHARE = 7 / 8
# The first layers detect edges and colours, which are the same in all data.
_LEARN_LATER = LAYERS[LAYERS.index("layer2") :]


@dataclass(frozen=True)
class ImageRecipe:
    """Networks of a config and their training inputs.

    Attributes
    ----------
    config : ImageConfig
    n_labels : int > 0
    progress : callable
        Receives a line if weights are downloaded.
    """

    config: ImageConfig
    n_labels: int
    progress: Progress = field(default=silent, repr=False)

    @cached_property
    def weights(self) -> dict[str, Tensor]:
        """Initial weights, without those of the last layer; empty if there are none."""
        return load_weights(self.config.weights, self.config.arch, self.progress)

    def network(self) -> Pictures:
        """Return a network with the initial weights."""
        network = self.bare_network()
        network.body.load_state_dict(self.weights, strict=False)
        return network

    def bare_network(self) -> Pictures:
        """Return a network of the same shape, without initial weights."""
        return Pictures(self.config.arch, self.n_labels, dropout=self.config.dropout)

    def phases(self) -> list[Phase]:
        """Return the phases: the head alone, then also layers 2 to 4 at lower rates; without weights, everything at once."""
        config = self.config
        rate = config.learning_rate
        if not self.weights:
            return [Phase(config.head_epochs + config.epochs, {"": rate})]
        head = missing_parts(self.weights, self.bare_network())
        rates = {f"body.{part}.": rate * config.fine_rate for part in head}
        learned = [layer for layer in _LEARN_LATER if layer not in head]
        for depth, layer in enumerate(reversed(learned), start=1):
            rates[f"body.{layer}."] = rate * config.fine_rate * config.layer_decay**depth
        phases = [Phase(config.epochs, rates, "all layers")]
        if config.head_epochs:
            first = Phase(config.head_epochs, {f"body.{part}.": rate for part in head}, "the head")
            phases.insert(0, first)
        return phases

    def crop(self, windows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return a random part of a picture [shape=(n_windows, 3, size, size), dtype=uint8], scaled and changed."""
        window = windows[rng.integers(len(windows))]
        with _drawing(int(rng.integers(2**62))):
            changed: np.ndarray = self._transform(torch.from_numpy(np.array(window))).numpy()
        return changed

    def augment(self, windows: Tensor, targets: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        """Blend half of the batches and paste parts in the other half, if both are enabled."""
        config = self.config
        mixers = []
        if config.mixup:
            mixers.append(v2.MixUp(alpha=config.mixup, num_classes=self.n_labels))
        if config.cutmix:
            mixers.append(v2.CutMix(alpha=config.cutmix, num_classes=self.n_labels))
        if not mixers or len(windows) < 2:
            return windows, targets
        with _drawing(int(torch.randint(2**62, (), generator=generator))):
            mixed: tuple[Tensor, Tensor] = v2.RandomChoice(mixers)(windows, targets)
        return mixed

    @cached_property
    def _transform(self) -> v2.Transform:
        config = self.config
        size = round(config.image_size * _LEARNED_SHARE)
        steps: list[nn.Module] = [
            v2.RandomResizedCrop(size, scale=(config.crop_scale, 1.0), antialias=True),
            v2.RandomHorizontalFlip(),
        ]
        if config.randaugment:
            steps.append(v2.RandAugment(num_ops=2, magnitude=config.randaugment))
        if config.erasing:
            steps.append(v2.RandomErasing(p=config.erasing, value=127.0))
        return v2.Compose(steps)


@contextmanager
def _drawing(seed: int) -> Iterator[None]:
    """Seed torch's global generator, which torchvision uses, and restore it afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield
