"""The Lightning module of a network: loss, optimiser, schedule, and validation scores."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import lightning.pytorch as L
import numpy as np
import torch
import torch.nn.functional as F
from sklearn.metrics import average_precision_score
from torch import Generator, Tensor, nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR, LinearLR, ReduceLROnPlateau

from genrekit.backends.base import Prepared
from genrekit.backends.neural.config import NeuralConfig
from genrekit.backends.neural.network import Network
from genrekit.errors import TrainingError

# Factor of the learning rate when the validation loss stops improving.
PLATEAU_FACTOR, PLATEAU_PATIENCE = 0.2, 5


@dataclass(frozen=True)
class Phase:
    """A phase of training with its own schedule.

    Attributes
    ----------
    epochs : int > 0
    rates : Mapping of str to float
        Highest learning rate per prefix of parameter names; the longest matching prefix applies. All other parameters
        are frozen, including the statistics of their batch normalisation.
    name : str
        Name for the user, if there is more than one phase.
    """

    epochs: int
    rates: Mapping[str, float]
    name: str = ""

    def rate(self, parameter: str) -> float | None:
        """Return the learning rate of a parameter, None if it is frozen."""
        known = [start for start in self.rates if parameter.startswith(start)]
        return self.rates[max(known, key=len)] if known else None


class Recipe(Protocol):
    """A training recipe: the network, its phases, and random changes of its input."""

    def network(self) -> Network:
        """Return a new network, from windows [shape=(n, *shape)] to logits [shape=(n, n_labels)]."""
        ...

    def bare_network(self) -> Network:
        """Return a network of the same shape, to load weights into."""
        ...

    def phases(self) -> Sequence[Phase]:
        """Return the phases of training in order."""
        ...

    def crop(self, windows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return a random part of an example [shape=(n_windows, *shape)], with the shape of a window.

        Parameters
        ----------
        windows : np.ndarray [shape=(n_windows, *shape), dtype=float32 or uint8]
        rng : np.random.Generator

        Returns
        -------
        np.ndarray [shape=shape, dtype=float32 or uint8]
            Bytes stay bytes until they are on the device: a quarter of the memory to move.
        """
        ...

    def augment(self, windows: Tensor, targets: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        """Return a randomly changed batch; targets in [0, 1].

        Parameters
        ----------
        windows : Tensor [shape=(n, *shape)]
        targets : Tensor [shape=(n, n_labels)]
        generator : Generator
            Source of random numbers.

        Returns
        -------
        tuple of Tensor
            Windows and targets of the same shapes.
        """
        ...


class GenreModule(L.LightningModule):
    """A network with the loss and the optimiser of a phase.

    Parameters
    ----------
    network : nn.Module
    recipe : Recipe
    config : NeuralConfig
    phase : Phase
    valid : Prepared or None
        Examples for the validation scores of an epoch.
    label_weights : Tensor [shape=(n_labels,)] or None
        Weights of the labels in the loss.
    seed : int
        Seed of this network and phase; seeds of epochs and batches are derived from it.
    """

    def __init__(
        self,
        network: nn.Module,
        recipe: Recipe,
        config: NeuralConfig,
        phase: Phase,
        *,
        valid: Prepared | None,
        label_weights: Tensor | None,
        seed: int,
    ) -> None:
        super().__init__()
        self.network = network
        self.curve: list[dict[str, float]] = []
        self._recipe, self._config, self._phase, self._valid, self._seed = recipe, config, phase, valid, seed
        self._label_weights = label_weights
        self._losses: list[Tensor] = []
        self._scores: list[Tensor] = []
        self._owners: list[Tensor] = []
        for name, parameter in network.named_parameters():
            parameter.requires_grad = phase.rate(name) is not None
            parameter.grad = None

    def train(self, mode: bool = True) -> GenreModule:
        """Set the training mode; frozen layers keep their statistics."""
        super().train(mode)
        for part in self.network.modules():
            mine = list(part.parameters(recurse=False))
            if mine and not any(parameter.requires_grad for parameter in mine):
                part.training = False
        return self

    def forward(self, windows: Tensor) -> Tensor:
        """Return logits of windows."""
        logits: Tensor = self.network(windows)
        return logits

    def on_train_epoch_start(self) -> None:
        """Reset the losses, and set which layers are trained."""
        self.train()
        self._losses = []

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Return the loss of a batch.

        Raises
        ------
        TrainingError
            If the loss is not finite.
        """
        # Every batch has seeds of its own, for augmentation and dropout, so that a resumed training draws the same.
        place = (self._seed, self.current_epoch, self.global_rank, batch_idx)
        generator = Generator().manual_seed(_mixed(*place, 0))
        # On the CPU, torch.manual_seed formats a stack trace per kind of accelerator that is absent.
        seed = torch.default_generator.manual_seed if self.device.type == "cpu" else torch.manual_seed
        seed(_mixed(*place, 1))
        windows, targets = batch
        windows, targets = self._recipe.augment(windows.float(), targets, generator)
        loss = self._loss(self(windows), targets)
        self._check_finite(loss)
        self._losses.append(loss.detach())
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Collect the scores of windows."""
        windows, owners = batch
        logits = self(windows).float()
        scores = logits.sigmoid() if self._config.multilabel else logits.softmax(dim=1)
        self._scores.append(scores.cpu())
        self._owners.append(owners.cpu())

    def on_validation_epoch_end(self) -> None:
        """Measure the examples by means over their windows."""
        assert self._valid is not None
        targets = torch.from_numpy(self._valid.targets)
        owners = torch.cat(self._owners)
        means = torch.zeros_like(targets).index_add_(0, owners, torch.cat(self._scores))
        means /= torch.bincount(owners, minlength=len(targets))[:, None]
        self._scores, self._owners = [], []
        self._check_finite(means)
        self.log_dict(measures(means, targets, multilabel=self._config.multilabel))

    def on_train_epoch_end(self) -> None:
        """Add a point to the curve."""
        for weights in self.parameters():
            self._check_finite(weights)
        point = {"epoch": float(self.current_epoch + 1), "loss": self.mean_loss()}
        point |= {key: float(value) for key, value in self.trainer.callback_metrics.items()}
        self.curve.append({key: round(value, 5) for key, value in point.items()})

    def mean_loss(self) -> float:
        """Return the mean loss over the batches of the epoch so far."""
        return float(torch.stack(self._losses).mean())

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Store the curve with the weights, and whether training has ended."""
        checkpoint["curve"], checkpoint["stopped"] = self.curve, bool(self.trainer.should_stop)

    def on_load_checkpoint(self, checkpoint: Mapping[str, Any]) -> None:
        """Restore the curve."""
        self.curve = list(checkpoint["curve"])

    def configure_optimizers(self) -> Any:
        """Return AdamW, without decay of biases and norms, and its learning-rate schedule."""
        config, phase = self._config, self._phase
        groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
        for name, parameter in self.network.named_parameters():
            rate = phase.rate(name)
            if rate is not None:
                groups.setdefault((rate, parameter.ndim > 1), []).append(parameter)
        optimizer = AdamW(
            [
                {"params": members, "lr": rate, "weight_decay": config.weight_decay if decays else 0.0}
                for (rate, decays), members in groups.items()
            ]
        )
        n_steps = int(self.trainer.estimated_stepping_batches)
        n_warmup = round(config.warmup * n_steps)
        if config.schedule == "plateau":
            start = 1 / (n_warmup + 1)
            warmup = LinearLR(optimizer, start_factor=start, total_iters=n_warmup)
            plateau = ReduceLROnPlateau(optimizer, factor=PLATEAU_FACTOR, patience=PLATEAU_PATIENCE)
            return [optimizer], [
                {"scheduler": warmup, "interval": "step"},
                {"scheduler": plateau, "interval": "epoch", "monitor": "valid_loss"},
            ]

        def factor(step: int) -> float:
            if step < n_warmup:
                return (step + 1) / (n_warmup + 1)
            if config.schedule == "constant":
                return 1.0
            done = (step - n_warmup) / max(1, n_steps - n_warmup)
            return 0.5 + 0.5 * math.cos(math.pi * done)

        return [optimizer], [{"scheduler": LambdaLR(optimizer, factor), "interval": "step"}]

    def _loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        smoothing = self._config.label_smoothing
        weights = None if self._label_weights is None else self._label_weights.to(logits.device)
        if self._config.multilabel:
            smoothed = targets * (1 - smoothing) + smoothing / 2
            return F.binary_cross_entropy_with_logits(logits, smoothed, pos_weight=weights)
        return F.cross_entropy(logits, targets, weight=weights, label_smoothing=smoothing)

    def _check_finite(self, values: Tensor) -> None:
        if bool(values.isfinite().all()):
            return
        config, rate = self._config, self._config.learning_rate
        step, epoch = self.global_step + 1, self.current_epoch + 1
        if self.trainer.precision == "16-mixed":
            hint = "fp16 overflows beyond 65,504; bf16 does not: --set precision=bf16"
        elif not config.gradient_clip:
            hint = "Gradients are not clipped: --set gradient_clip=1"
        else:
            hint = f"The learning rate of {rate:g} is likely too high: --set learning_rate={rate / 10:g}"
        raise TrainingError(
            f"The loss is not finite at step {step}, in epoch {epoch} of {self._phase.epochs}.", hint
        )


def measures(scores: Tensor, targets: Tensor, *, multilabel: bool) -> dict[str, float]:
    """Compute the validation metrics of an epoch.

    Parameters
    ----------
    scores : Tensor [shape=(n_examples, n_labels)]
        In [0, 1].
    targets : Tensor [shape=(n_examples, n_labels)]
        0 or 1.
    multilabel : bool

    Returns
    -------
    dict of str to float
        ``valid_loss`` (cross-entropy in nats), and ``valid_accuracy`` or, if multi-label, the mean of
        ``valid_average_precision`` over the labels that occur.
    """
    scores = scores.clamp(1e-7, 1 - 1e-7)
    if not multilabel:
        loss = -(targets * scores.log()).sum(dim=1).mean()
        right = scores.argmax(dim=1) == targets.argmax(dim=1)
        return {"valid_loss": float(loss), "valid_accuracy": float(right.float().mean())}
    loss = F.binary_cross_entropy(scores, targets)
    occurs = targets.sum(dim=0) > 0
    precision = average_precision_score(targets[:, occurs], scores[:, occurs])
    return {"valid_loss": float(loss), "valid_average_precision": float(precision)}


def _mixed(*numbers: int) -> int:
    """Derive one seed from several numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])
