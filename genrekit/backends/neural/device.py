"""Which device trains, and in which precision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from genrekit.backends.neural.config import NeuralConfig
from genrekit.distributed import local_rank, local_world_size, world_size
from genrekit.errors import ConfigError


@dataclass(frozen=True)
class Device:
    """What Lightning's trainer is told.

    Attributes
    ----------
    kind : {'cpu', 'cuda', 'mps'}
    index : int
        Which GPU.
    precision : str
        As Lightning spells it.
    """

    kind: str
    index: int
    precision: Any

    @property
    def name(self) -> str:
        """For a person."""
        if self.kind == "cuda":
            return f"{torch.cuda.get_device_name(self.index)} (cuda:{self.index})"
        return self.kind

    @property
    def torch(self) -> torch.device:
        """For tensors."""
        return torch.device(self.kind, self.index) if self.kind == "cuda" else torch.device(self.kind)

    def trainer_settings(self) -> dict[str, Any]:
        """Arguments of the trainer: this device, or under torchrun a device a process."""
        accelerator = {"cpu": "cpu", "cuda": "gpu", "mps": "mps"}[self.kind]
        settings = {"accelerator": accelerator, "precision": self.precision, "strategy": "auto"}
        if world_size() > 1:
            local = local_world_size()
            return settings | {"strategy": "ddp", "devices": local, "num_nodes": world_size() // local}
        return settings | {"devices": [self.index] if self.kind == "cuda" else 1}


def choose(config: NeuralConfig) -> Device:
    """Find the device and the precision that a config asks for.

    Raises
    ------
    ConfigError
        If the device is not there, or the precision is not for it.
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
            "--device auto takes the CPU where there is no GPU.",
        )
    if kind == "mps" and not torch.backends.mps.is_available():
        raise ConfigError("device = 'mps', but this is no Mac with such a GPU.", "Give --device auto.")
    if kind == "cuda" and world_size() > 1:
        index = local_rank()
    return Device(kind, index, _precision(config.precision, kind))


def _precision(asked: str, kind: str) -> str:
    if asked == "fp16" and kind == "cpu":
        raise ConfigError(
            "precision = 'fp16' needs a GPU; this is the CPU.", "Give --set precision=auto, bf16 or 32."
        )
    if asked == "auto":
        fast = torch.cuda.is_bf16_supported() if kind == "cuda" else kind == "cpu" and _cpu_has_bf16()
        asked = "bf16" if fast else "32"
    return {"32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}[asked]


def _cpu_has_bf16() -> bool:
    """Whether the processor multiplies bfloat16 itself; where it does not, bf16 is slower than float32."""
    checks = (
        getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    )
    return any(check() for check in checks if check)


def _free_bytes(index: int) -> int:
    return int(torch.cuda.mem_get_info(index)[0])
