"""Device and precision of training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from genrekit.backends.neural.config import NeuralConfig
from genrekit.distributed import local_rank, local_world_size, world_size
from genrekit.errors import ConfigError


@dataclass(frozen=True)
class Device:
    """Device and precision for Lightning's trainer.

    Attributes
    ----------
    kind : {'cpu', 'cuda', 'mps'}
    index : int
        Index of the GPU.
    precision : str
        Precision in Lightning's notation.
    """

    kind: str
    index: int
    precision: Any

    @property
    def name(self) -> str:
        """Name of the device for the user."""
        if self.kind == "cuda":
            return f"{torch.cuda.get_device_name(self.index)} (cuda:{self.index})"
        return self.kind

    @property
    def torch(self) -> torch.device:
        """Device of tensors."""
        return torch.device(self.kind, self.index) if self.kind == "cuda" else torch.device(self.kind)

    def trainer_settings(self) -> dict[str, Any]:
        """Return arguments of the trainer: this device, or one device per process under torchrun."""
        accelerator = {"cpu": "cpu", "cuda": "gpu", "mps": "mps"}[self.kind]
        settings = {"accelerator": accelerator, "precision": self.precision, "strategy": "auto"}
        if world_size() > 1:
            local = local_world_size()
            return settings | {"strategy": "ddp", "devices": local, "num_nodes": world_size() // local}
        return settings | {"devices": [self.index] if self.kind == "cuda" else 1}


def choose(config: NeuralConfig) -> Device:
    """Return the device and the precision of a config.

    Raises
    ------
    ConfigError
        If the device is not available, or does not support the precision.
    """
    kind, _, number = config.device.partition(":")
    index = int(number or 0)
    n_gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if kind == "auto":
        kind = "cuda" if n_gpus else "cpu"
        index = max(range(n_gpus), key=_free_bytes) if n_gpus else 0
    if kind == "cuda" and index >= n_gpus:
        raise ConfigError(
            f"device = {config.device!r}, but PyTorch {torch.__version__} finds {n_gpus} GPUs here.",
            "--device auto uses the CPU if there is no GPU.",
        )
    if kind == "mps" and not torch.backends.mps.is_available():
        raise ConfigError("device = 'mps', but this is not a Mac with such a GPU.", "Use --device auto.")
    if kind == "cuda" and world_size() > 1:
        index = local_rank()
    return Device(kind, index, _precision(config.precision, kind))


def _precision(asked: str, kind: str) -> str:
    if asked == "fp16" and kind == "cpu":
        raise ConfigError(
            "precision = 'fp16' needs a GPU; this is the CPU.", "Use --set precision=auto, bf16 or 32."
        )
    if asked == "auto":
        fast = torch.cuda.is_bf16_supported() if kind == "cuda" else kind == "cpu" and _cpu_has_bf16()
        asked = "bf16" if fast else "32"
    return {"32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}[asked]


def _cpu_has_bf16() -> bool:
    """Return whether the processor has bfloat16 multiplication; without it, bf16 is slower than float32."""
    checks = (
        getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    )
    return any(check() for check in checks if check)


def _free_bytes(index: int) -> int:
    return int(torch.cuda.mem_get_info(index)[0])
