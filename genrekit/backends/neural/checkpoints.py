"""Checkpoints: written atomically, read as data only (``weights_only``)."""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path
from pickle import UnpicklingError  # only the class: torch's reader raises it
from typing import Any

import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.plugins.io import TorchCheckpointIO

from genrekit.backends.neural.module import GenreModule
from genrekit.errors import TrainingError

LAST, BEST = "last.ckpt", "best.ckpt"
# Exceptions of torch's reader, and of entries that are missing or of another kind.
_DAMAGE = (
    UnpicklingError, RuntimeError, ValueError, LookupError, EOFError, TypeError, AttributeError, AssertionError,
    OverflowError, OSError,
)  # fmt: skip


class Checkpoint(ModelCheckpoint):
    """A single checkpoint file, replaced at the end of every epoch; its folder may move before training resumes."""

    def __init__(self, folder: Path, name: str, monitor: str | None = None) -> None:
        super().__init__(
            folder,
            filename=name.removesuffix(".ckpt"),
            monitor=monitor,
            save_top_k=1,
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        )

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the best score, with the current path of its file."""
        here = str(Path(str(self.dirpath), f"{self.filename}.ckpt"))
        now = {"dirpath": self.dirpath, "best_model_path": here, "kth_best_model_path": here}
        best = dict(zip([here], state_dict["best_k_models"].values(), strict=False))
        super().load_state_dict({**state_dict, **now, "best_k_models": best})


class WholeFiles(TorchCheckpointIO):
    """Atomic writes next to the file: Lightning would use the temporary folder, which may be on another disk."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | os.PathLike[str], storage_options: Any | None = None
    ) -> None:
        """Write a file, or keep the existing one on failure."""
        stream = io.BytesIO()
        torch.save(checkpoint, stream)
        path = Path(path)
        part = path.with_suffix(".part")
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("wb") as file:
                file.write(stream.getbuffer())
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


def load(path: Path, module: GenreModule) -> dict[str, Any]:
    """Read a checkpoint, and its weights into the module.

    Parameters
    ----------
    path : Path
    module : GenreModule

    Returns
    -------
    dict of str to Any
        The checkpoint.

    Raises
    ------
    TrainingError
        If the file is damaged, or not a checkpoint.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of files that are refused anyway
            loaded: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        module.load_state_dict(loaded["state_dict"])
        loaded["epoch"] + 1, list(loaded["curve"]), loaded["stopped"]
    except _DAMAGE as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:120].rstrip(".")
        raise TrainingError(
            f"The checkpoint {path} is damaged: {reason}.", "Start anew with --overwrite, without --resume."
        ) from None
    return loaded
