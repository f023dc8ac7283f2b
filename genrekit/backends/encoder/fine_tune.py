"""Further training of the last layers of an encoder, by the training loop that all networks share.

The network is trained with a linear head over the mean of a few patches, which begins as the logistic regression on
the features of the unchanged encoder. Afterwards only the encoder is kept: its head is chosen on the validation split as always.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Generator, Tensor, nn

from genrekit.backends.base import Prepared, Progress
from genrekit.backends.encoder.backend import EncoderConfig
from genrekit.backends.encoder.facts import EncoderFacts
from genrekit.backends.encoder.heads import Chain, Floats, Linear
from genrekit.backends.encoder.pooling import LEAST
from genrekit.backends.neural.config import NeuralConfig
from genrekit.backends.neural.device import choose
from genrekit.backends.neural.ensemble import quiet, train_ensemble
from genrekit.backends.neural.module import Phase
from genrekit.backends.neural.network import Network

# Patches of a window per step, drawn anew in each epoch: most of the cost, and a change of the input.
_PATCHES = 3
_BATCH = 8


@runtime_checkable
class Tunable(Protocol):
    """An encoder that can be trained further."""

    @property
    def facts(self) -> EncoderFacts:
        """Input and layers."""
        ...

    @property
    def parts(self) -> Mapping[str, Sequence[Sequence[str]]]:
        """For each layer, the prefixes of the parameters of each layer of the network before it, the last first."""
        ...

    def network(self) -> nn.Module:
        """Return the network, from patches [shape=(n, *patch_shape)] to a mapping of layer names to outputs."""
        ...

    def export(self, network: nn.Module) -> bytes:
        """Return a network that was trained further as an ONNX model, as ``graph`` does."""
        ...


class TunedNetwork(Network):
    """An encoder, the mean over the patches of a window, and a linear layer."""

    def __init__(self, encoder: nn.Module, layer: str, head: Linear, *, has_odds: bool) -> None:
        super().__init__()
        self.encoder, self.layer, self.has_odds = encoder, layer, has_odds
        self.head = nn.Linear(*head.weight.shape)
        self.head.load_state_dict(
            {"weight": torch.from_numpy(head.weight.T.copy()), "bias": torch.from_numpy(head.bias.copy())}
        )

    def encode(self, windows: Tensor) -> Tensor:
        """Return features [shape=(n, size)] of windows [shape=(n, n_patches, *patch_shape)]."""
        values = self.encoder(windows.flatten(0, 1))[self.layer]
        if self.has_odds:
            values = values.clamp(LEAST, 1 - LEAST).logit()
        mean: Tensor = values.unflatten(0, windows.shape[:2]).mean(dim=1)
        return mean

    def score(self, features: Tensor) -> Tensor:
        """Return logits [shape=(n, n_labels)]."""
        logits: Tensor = self.head(features)
        return logits


@dataclass(frozen=True)
class TuningRecipe:
    """The network of a config and its training inputs."""

    encoder: Tunable
    layer: str
    head: Linear
    config: EncoderConfig

    def network(self) -> TunedNetwork:
        """Return the network as it is before training."""
        names = self.encoder.facts.layers[self.layer].names
        return TunedNetwork(self.encoder.network(), self.layer, self.head, has_odds=bool(names))

    def bare_network(self) -> TunedNetwork:
        """Return a network to load weights into."""
        return self.network()

    def phases(self) -> list[Phase]:
        """Return the only phase: the head and the last layers."""
        rate = self.config.fine_tune_rate
        parts = self.encoder.parts[self.layer][: self.config.fine_tune]
        rates = {f"encoder.{prefix}": rate for part in parts for prefix in part}
        return [Phase(self.config.fine_tune_epochs, {"head.": rate, **rates}, "fine-tuning")]

    def crop(self, windows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return a few patches of a window [shape=(n_patches, *patch_shape)]."""
        window = windows[rng.integers(len(windows))]
        n = min(_PATCHES, self.config.patches)
        few: np.ndarray = window[rng.choice(len(window), n, replace=len(window) < n)]
        return few

    def augment(self, windows: Tensor, targets: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        """Return a batch as it is."""
        return windows, targets


def fine_tune(
    encoder: Tunable,
    layer: str,
    head: Chain,
    train: Prepared,
    valid: Prepared,
    config: EncoderConfig,
    progress: Progress,
) -> tuple[bytes, dict[str, Any]]:
    """Train the last layers of an encoder further, up to the epoch with the lowest validation loss.

    Parameters
    ----------
    encoder : Tunable
    layer : str
        The layer that the head reads.
    head : Chain
        A linear head over the mean of that layer, to begin with.
    train, valid : Prepared
    config : EncoderConfig
    progress : callable

    Returns
    -------
    bytes
        The encoder as an ONNX model.
    dict
        Facts for the history: the curve, and the number of parameters that were trained.
    """
    settings = NeuralConfig(
        seed=config.seed,
        multilabel=config.multilabel,
        epochs=config.fine_tune_epochs,
        batch_size=_BATCH,
        learning_rate=config.fine_tune_rate,
        dropout=0,
        mixup=0,
        ema=0,
        precision="32",
    )
    recipe = TuningRecipe(encoder, layer, _as_one(head), config)
    device = choose(settings)
    with TemporaryDirectory(prefix="genrekit-") as folder, quiet(), torch.random.fork_rng(devices=[]):
        (tuned,) = train_ensemble(
            recipe,
            Path(folder),
            train,
            _of_one_length(valid, config.patches),
            settings,
            device,
            progress,
            resume=False,
        )
    assert isinstance(tuned.network, TunedNetwork)
    phase = recipe.phases()[0]
    named = tuned.network.encoder.named_parameters(prefix="encoder")
    n = sum(parameter.numel() for name, parameter in named if phase.rate(name) is not None)
    history = {"layers": config.fine_tune, "parameters": n, "device": device.kind, "curve": list(tuned.curve)}
    return encoder.export(tuned.network.encoder), history


def _as_one(head: Chain) -> Linear:
    """Join linear steps."""
    weight: Floats | None = None
    bias: Floats = np.zeros(0)
    for step in head.steps:
        if not isinstance(step, Linear):
            raise TypeError("a head to begin with is linear")
        weight, bias = (
            (step.weight, step.bias)
            if weight is None
            else (weight @ step.weight, bias @ step.weight + step.bias)
        )
    assert weight is not None
    return Linear(weight, bias)


def _of_one_length(prepared: Prepared, n_patches: int) -> Prepared:
    """Repeat the patches of shorter windows, so that windows can be batched."""
    windows = [values[:, np.arange(n_patches) % values.shape[1]] for values in prepared.windows]
    return replace(prepared, windows=windows, encoded=None)
