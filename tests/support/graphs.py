"""Exports of networks, made once per architecture: an export takes longer than the training of a small network."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from genrekit.backends.neural.calibration import Scorer
from genrekit.backends.neural.distance import Distance
from genrekit.backends.neural.export import Outputs, _halve, to_onnx
from support.once import SharedFolder

# The exporter folds these into constants, which are found again by their unlikely values.
_TEMPERATURE, _REST = 1.2345678, 3.4567891


class Exporter:
    """`to_onnx`, which exports networks of one architecture once and writes the parameters of the others into that graph.

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
        def fill(folder: Path) -> None:
            marked, far = _marked(scorer, distance)
            (folder / "graph").write_bytes(to_onnx(marked, window, free, distance=far))

        folder = self._shared.once(f"graph-{_key(scorer, window, free, distance)}", fill)
        return _filled((folder / "graph").read_bytes(), scorer, distance, half=half)


def _marked(scorer: Scorer, distance: Distance | None) -> tuple[Scorer, Distance | None]:
    """Return copies with the values that can be found again."""
    scorer, distance = copy.deepcopy((scorer, distance))
    scorer.temperature = _TEMPERATURE
    if distance:
        distance.rest.fill_(_REST)
    return scorer, distance


def _filled(graph: bytes, scorer: Scorer, distance: Distance | None, *, half: bool = False) -> bytes:
    """Write parameters into a graph; it is then what an export of their networks is."""
    model = onnx.load_from_string(graph)
    state = Outputs(scorer, distance).state_dict()
    folded = {np.float32(_TEMPERATURE): torch.tensor(scorer.temperature)}
    if distance:
        folded[np.float32(_REST) ** 2] = distance.rest.square()
    constants = [node.attribute[0].t for node in model.graph.node if node.op_type == "Constant"]
    for tensor in [*model.graph.initializer, *constants]:
        if tensor.name in state:
            tensor.raw_data = state[tensor.name].numpy().tobytes()
            tensor.dims[:] = state[tensor.name].shape
        elif tensor.data_type == onnx.TensorProto.FLOAT and not tensor.dims:
            found = numpy_helper.to_array(tensor)[()]
            if found in folded:
                tensor.raw_data = folded.pop(found).numpy().tobytes()
    assert not folded, "the exporter folds constants in another way"
    if half:
        _halve(model.graph)
    return bytes(model.SerializeToString())


def _key(scorer: Scorer, window: np.ndarray, free: Mapping[int, str], distance: Distance | None) -> str:
    """Hash all that a graph depends on but the values of parameters: the modules, their settings and shapes."""
    key = hashlib.sha256(repr((scorer, window.shape, window.dtype, sorted(free.items()))).encode())
    modules = nn.ModuleList([scorer, *([distance] if distance else [])])
    for name, module in modules.named_modules():
        settings = {
            k: v for k, v in vars(module).items() if isinstance(v, bool | int | float | str | tuple | None)
        }
        settings.pop("training", None)
        if isinstance(module, Scorer):
            settings.pop("temperature")
        key.update(repr((name, type(module), sorted(settings.items()))).encode())
    for name, values in [*modules.named_parameters(), *modules.named_buffers()]:
        # The components of a distance are as many as the examples make them; no node of the graph depends on it.
        shape = (
            values.ndim
            if isinstance(modules[-1], Distance) and name.startswith("1.")
            else tuple(values.shape)
        )
        key.update(repr((name, values.dtype, shape)).encode())
    return key.hexdigest()[:32]
