"""Epochs of a training as events, with the remaining time."""

from __future__ import annotations

import time
from typing import Any

import lightning.pytorch as L

from genrekit.backends.base import Progress
from genrekit.progress import Epoch


class Watch(L.Callback):
    """A callback that reports the epochs of a training.

    Parameters
    ----------
    progress : callable
        An exception that it raises ends the training.
    part : str
        Prefix of the lines: the network, if there is more than one.

    Attributes
    ----------
    stopped_by : BaseException or None
        The exception of ``progress``.
    """

    def __init__(self, progress: Progress, part: str) -> None:
        self._progress, self._part = progress, part
        self.stopped_by: BaseException | None = None
        self._start_s = 0.0
        self._first = 0

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Start the clock."""
        self._start_s = time.monotonic()
        self._first = trainer.current_epoch
        if self._first:
            self._progress(f"{self._part}resuming after epoch {self._first}")

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: Any) -> None:
        """Report the epoch."""
        done, epochs = trainer.current_epoch + 1, int(trainer.max_epochs or 0)
        names = ("valid_loss", "valid_accuracy", "valid_average_precision")
        metrics = trainer.callback_metrics
        event = Epoch(
            done,
            epochs,
            loss=pl_module.mean_loss(),
            valid={name: float(metrics[name]) for name in names if name in metrics},
            part=self._part,
            left_s=(time.monotonic() - self._start_s) / (done - self._first) * (epochs - done),
        )
        try:
            self._progress(event)
        except BaseException as error:
            self.stopped_by = error
            raise
