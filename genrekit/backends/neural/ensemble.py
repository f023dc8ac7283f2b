"""Training of an ensemble of networks, one after the other from different seeds, by Lightning's trainer.

Checkpoints are written to the run folder only.
"""

from __future__ import annotations

import logging
import signal
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import lightning.pytorch as L
import numpy as np
import torch
from lightning.pytorch.callbacks import EarlyStopping, WeightAveraging
from torch import Tensor

from genrekit.backends.base import Prepared, Progress
from genrekit.backends.neural.batches import Batches, measuring_loader, training_loader
from genrekit.backends.neural.checkpoints import BEST, LAST, Checkpoint, WholeFiles, load
from genrekit.backends.neural.config import NeuralConfig
from genrekit.backends.neural.device import Device
from genrekit.backends.neural.module import GenreModule, Phase, Recipe
from genrekit.backends.neural.network import Network
from genrekit.backends.neural.watching import Watch
from genrekit.distributed import rank, world_size
from genrekit.errors import TrainingError

# Distance between the seeds of two phases of one network; the networks of an ensemble have consecutive seeds.
_SEEDS = 1000


@dataclass(frozen=True, eq=False)
class Trained:
    """A network on the CPU, ready to score, and its learning curve."""

    network: Network
    curve: Sequence[Mapping[str, float]]


def train_ensemble(
    recipe: Recipe,
    folder: Path,
    train: Prepared,
    valid: Prepared | None,
    config: NeuralConfig,
    device: Device,
    progress: Progress,
    *,
    resume: bool,
) -> list[Trained]:
    """Train ``config.members`` networks.

    Parameters
    ----------
    recipe, folder, train, valid, config, progress, resume
        As for `genrekit.backends.neural.fitting.fit`.
    device : Device

    Raises
    ------
    TrainingError
        If the loss is not finite, the memory is too small, or the disk is full.
    """
    trained = []
    for number in range(config.members):
        what = f"network {number + 1} of {config.members}: " if config.members > 1 else ""
        seed = config.seed + number
        torch.manual_seed(seed)
        network = recipe.network()
        curve: list[dict[str, float]] = []
        for step, phase in enumerate(recipe.phases()):
            place = folder / f"network-{number + 1}" / f"phase-{step + 1}"
            watch = Watch(progress, what + (f"{phase.name}, " if phase.name else ""))
            with _explained(config, watch):
                points = _train(
                    network,
                    phase,
                    recipe,
                    place,
                    train,
                    valid,
                    config,
                    device,
                    watch,
                    seed=seed + step * _SEEDS,
                    resume=resume,
                )
            curve += [{**point, "epoch": point["epoch"] + len(curve)} for point in points]
        trained.append(Trained(network, curve))
    return trained


def _train(
    network: Network,
    phase: Phase,
    recipe: Recipe,
    folder: Path,
    train: Prepared,
    valid: Prepared | None,
    config: NeuralConfig,
    device: Device,
    watch: Watch,
    *,
    seed: int,
    resume: bool,
) -> list[dict[str, float]]:
    """Train a network in place; afterwards it is on the CPU, ready to score."""
    module = GenreModule(
        network,
        recipe,
        config,
        phase,
        valid=valid,
        label_weights=_label_weights(train, config),
        seed=seed,
    )
    on_gpu = device.kind == "cuda"
    batches = Batches(
        len(train),
        config.batch_size,
        seed,
        weights=_example_weights(train) if config.balance == "sampler" else None,
        rank=rank(),
        world_size=world_size(),
    )
    keep_best = config.keep == "best" and valid is not None
    callbacks: list[L.Callback] = [watch]
    if config.ema:
        callbacks.append(WeightAveraging(avg_fn=_moving_average(config.ema)))
    if config.patience:
        callbacks.append(EarlyStopping("valid_loss", patience=config.patience, check_finite=False))
    if keep_best:
        callbacks.append(Checkpoint(folder, BEST, monitor="valid_loss"))
    # After the best checkpoint is on the disk: a process may be killed between the two.
    callbacks.append(Checkpoint(folder, LAST))
    trainer = L.Trainer(
        **device.trainer_settings(),
        max_epochs=phase.epochs,
        gradient_clip_val=config.gradient_clip or None,
        callbacks=callbacks,
        plugins=[WholeFiles()],
        default_root_dir=folder,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
    )
    last = folder / LAST
    before = load(last, module) if resume and last.exists() else None
    if before:  # the trainer fetches the first batches before it sets the epoch
        batches.set_epoch(before["epoch"] + 1)
    if before and before["stopped"]:  # the trainer does not store this, and would train one more epoch
        module.on_load_checkpoint(before)
    else:
        trainer.fit(
            module,
            training_loader(train, recipe.crop, batches, on_gpu=on_gpu),
            measuring_loader(valid, config.batch_size) if valid else None,
            ckpt_path=last if before else None,
            weights_only=True,
        )
    load(folder / (BEST if keep_best else LAST), module)
    network.cpu().eval()
    return module.curve


def _moving_average(decay: float) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """Return an exponential moving average with a smaller decay in the first steps, so that the initial weights are forgotten."""

    def average(old: Tensor, new: Tensor, n_averaged: Tensor) -> Tensor:
        n = float(n_averaged)
        return old + (new - old) * (1 - min(decay, (1 + n) / (10 + n)))

    return average


def _label_weights(prepared: Prepared, config: NeuralConfig) -> Tensor | None:
    """Return weights of the labels in the loss: of mean 1 over the examples, or negatives per positive if multi-label."""
    if config.balance != "weights":
        return None
    counts = prepared.targets.sum(axis=0)
    known = np.maximum(counts, 1)
    ratios = (len(prepared) - counts) / known if config.multilabel else len(prepared) / known
    # A label that all examples have would have weight 0, and be unlearned.
    weights = np.where((counts > 0) & (ratios > 0), ratios, 1) ** config.balance_power
    if not config.multilabel:
        weights *= len(prepared) / (weights * counts).sum()
    return torch.from_numpy(weights.astype(np.float32))


def _example_weights(prepared: Prepared) -> np.ndarray:
    """Return weights of the examples, by the rarest of their labels."""
    counts = np.maximum(prepared.targets.sum(axis=0), 1)
    weights: np.ndarray = np.maximum((prepared.targets / counts).max(axis=1), 1 / len(prepared))
    return weights


@contextmanager
def _explained(config: NeuralConfig, watch: Watch) -> Iterator[None]:
    """Convert exceptions of the trainer to errors with hints; that of a caller who stops it stays as it is."""
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as stop:  # Lightning's reaction to an interrupt
        if isinstance(stop.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        raise
    except (RuntimeError, MemoryError) as error:
        if error is watch.stopped_by:
            raise
        if isinstance(error, torch.OutOfMemoryError | MemoryError) or "allocate memory" in str(error):
            smaller = max(1, config.batch_size // 2)
            raise TrainingError(
                f"The memory is too small for batches of {config.batch_size}.",
                f"Use --set batch_size={smaller}, with --resume to continue after the last complete epoch."
                if config.batch_size > 1
                else "Make the network narrower (width) or the input shorter.",
            ) from None
        raise
    except OSError as error:
        if error is watch.stopped_by:
            raise
        raise TrainingError(
            f"A checkpoint cannot be written: {error.strerror or error}.",
            "Free some space, and run the same command with --resume.",
        ) from None
    finally:
        if handler is not None and signal.getsignal(signal.SIGINT) is not handler:
            signal.signal(signal.SIGINT, handler)


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress Lightning's advertisements and advice."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"lightning\.")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
