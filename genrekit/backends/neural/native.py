"""The weights of networks, to explain with and to train further: in the graph, and as safetensors what it lacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn

from genrekit.backends.base import GRAPH_FILE
from genrekit.backends.neural.calibration import Scorer
from genrekit.backends.neural.export import parameters
from genrekit.errors import BundleError

PAYLOAD = "networks.safetensors"
_NETWORKS = "networks."
_TEMPERATURE = "temperature"


def round_to_half(network: nn.Module) -> None:
    """Round matrices and kernels to what 16 bits hold, in place."""
    for parameter in network.parameters():
        if parameter.ndim > 1:
            parameter.data = parameter.data.half().float()


def dump(scorer: Scorer, onnx: bytes) -> bytes:
    """What the graph does not hold of a scorer's networks; the tensors of the second are named ``1.…``, and so on."""
    held = parameters(onnx)
    tensors = {
        name.removeprefix(_NETWORKS): tensor.detach().cpu().contiguous()
        for name, tensor in scorer.state_dict().items()
        if name not in held or not np.array_equal(held[name].astype(np.float32), tensor.numpy())
    }
    return save({**tensors, _TEMPERATURE: torch.tensor(scorer.temperature, dtype=torch.float64)})


def tensors(members: Mapping[str, bytes]) -> dict[str, torch.Tensor]:
    """All tensors of a bundle's networks, constants too, those of the second named ``1.…``, and the temperature.

    Parameters
    ----------
    members : Mapping of str to bytes
        Of a bundle, the graph among them.

    Raises
    ------
    ValueError, LookupError
        If the graph or the payload is missing or damaged.
    """
    try:
        kept = load(members[PAYLOAD])
    except SafetensorError as error:
        raise ValueError(str(error)) from None
    held = {
        name.removeprefix(_NETWORKS): torch.from_numpy(values.copy())
        for name, values in parameters(members[GRAPH_FILE]).items()
    }
    return held | kept


def restore(members: Mapping[str, bytes], network: Callable[[], nn.Module], *, multilabel: bool) -> Scorer:
    """Make a scorer of its weights.

    Parameters
    ----------
    members : Mapping of str to bytes
        Of a bundle, the graph among them.
    network : callable
        Makes a network of the right shape.
    multilabel : bool

    Raises
    ------
    BundleError
        If the graph or the payload is missing or damaged, or belongs to networks of another shape.
    """
    try:
        known = tensors(members)
        temperature = float(known.pop(_TEMPERATURE))
        networks = [network() for _ in {name.partition(".")[0] for name in known}]
        for number, restored in enumerate(networks):
            restored.load_state_dict({name: known[f"{number}.{name}"] for name in restored.state_dict()})
    except (RuntimeError, LookupError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise BundleError(f"The weights of the networks are damaged: {reason}.") from None
    return Scorer(networks, temperature=temperature, multilabel=multilabel).eval()
