"""Progress lines of a training, one per epoch, with the remaining time."""

from __future__ import annotations

import time
from typing import Any

import lightning.pytorch as L

from genrekit.backends.base import Progress

# Between two progress lines, except for the first and the last epoch.
REPORT_S = 5.0


class Watch(L.Callback):
    """A callback that reports the progress of training.

    Parameters
    ----------
    progress : callable
    what : str
        Prefix of the lines: the network, if there is more than one.
    """

    def __init__(self, progress: Progress, what: str) -> None:
        self._progress, self._what = progress, what
        self._start_s = self._said_s = 0.0
        self._first = 0

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Start the clock."""
        self._start_s = time.monotonic()
        self._first = trainer.current_epoch
        if self._first:
            self._progress(f"{self._what}resuming after epoch {self._first}")

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: Any) -> None:
        """Report the metrics of the epoch."""
        done, epochs = trainer.current_epoch + 1, int(trainer.max_epochs or 0)
        now_s = time.monotonic()
        if now_s - self._said_s < REPORT_S and done not in (1, epochs):
            return
        self._said_s = now_s
        left_s = (now_s - self._start_s) / (done - self._first) * (epochs - done)
        metrics = trainer.callback_metrics
        words = [f"{self._what}epoch {done} of {epochs}: loss {pl_module.mean_loss():.3f}"]
        if "valid_loss" in metrics:
            words.append(f"validation loss {float(metrics['valid_loss']):.3f}")
        if "valid_accuracy" in metrics:
            words.append(f"accuracy {float(metrics['valid_accuracy']):.3f}")
        if "valid_average_precision" in metrics:
            words.append(f"average precision {float(metrics['valid_average_precision']):.3f}")
        words.append(f"{_clock(left_s)} left")
        self._progress(", ".join(words))


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
