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
    """Hash all that a graph depends on but the values of parameters: the modules, their settings and shapes.

    No node depends on the length of an axis of ``free``, on the number of labels, nor on the number of components of a distance, which the examples decide.
    """
    shape = [0 if axis in free else size for axis, size in enumerate(window.shape)]
    key = hashlib.sha256(repr((shape, window.dtype, sorted(free.items()))).encode())
    for prefix, module in [("", scorer), *([("distance", distance)] if distance else [])]:
        for name, part in module.named_modules(prefix=prefix):
            settings = {
                k: v for k, v in vars(part).items() if isinstance(v, bool | int | float | str | tuple | None)
            }
            free_settings = {"training", "temperature"} if part is scorer else {"training"}
            if isinstance(part, nn.Linear):
                free_settings |= {"out_features"}
            shown = sorted((k, v) for k, v in settings.items() if k not in free_settings)
            key.update(repr((name, type(part), shown)).encode())
            for own, values in [*part.named_parameters(recurse=False), *part.named_buffers(recurse=False)]:
                size = tuple(values.shape[1:]) if isinstance(part, nn.Linear) else tuple(values.shape)
                shape = values.ndim if part is distance else size
                key.update(repr((own, values.dtype, values.ndim, shape)).encode())
    return key.hexdigest()[:32]
