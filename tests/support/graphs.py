"""Exports of networks, made once per run: an export takes longer than the training of a small network."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
from torch import nn

from genrekit.backends.neural.calibration import Scorer
from genrekit.backends.neural.distance import Distance
from genrekit.backends.neural.export import to_onnx
from support.once import SharedFolder


class Exporter:
    """`to_onnx`, which exports equal networks once.

    Parameters
    ----------
    shared : SharedFolder
        Keeps the graphs.
    """

    def __init__(self, shared: SharedFolder) -> None:
        self._shared = shared

    def __call__(
        self,
        scorer: Scorer,
        window: np.ndarray,
        free: Mapping[int, str],
        *,
        distance: Distance | None = None,
        half: bool = False,
    ) -> bytes:
        key = _key(scorer, window, free, distance, half)
        folder = self._shared.once(
            f"graph-{key}",
            lambda folder: (folder / "graph").write_bytes(
                to_onnx(scorer, window, free, distance=distance, half=half)
            ),
        )
        return (folder / "graph").read_bytes()


def _key(
    scorer: Scorer, window: np.ndarray, free: Mapping[int, str], distance: Distance | None, half: bool
) -> str:
    """Hash all that a graph depends on: the modules, their settings and their values."""
    key = hashlib.sha256(repr((scorer, window.shape, window.dtype, sorted(free.items()), half)).encode())
    key.update(window.tobytes())
    modules = nn.ModuleList([scorer, *([distance] if distance else [])])
    for name, module in modules.named_modules():
        settings = {
            k: v for k, v in vars(module).items() if isinstance(v, bool | int | float | str | tuple | None)
        }
        settings.pop("training", None)
        key.update(repr((name, type(module), sorted(settings.items()))).encode())
    for name, values in [*modules.named_parameters(), *modules.named_buffers()]:
        key.update(repr((name, values.dtype)).encode())
        key.update(np.ascontiguousarray(values.detach().numpy()).tobytes())
    return key.hexdigest()[:32]
