"""Weights of networks for explanations and further training: from the graph, and from safetensors for the rest."""

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
    """Round matrices and kernels to 16-bit precision, in place."""
    for parameter in network.parameters():
        if parameter.ndim > 1:
            parameter.data = parameter.data.half().float()


def dump(scorer: Scorer, onnx: bytes) -> bytes:
    """Serialise the tensors of the networks that are not in the graph; those of the second network are named ``1.…``, and so on.

    Parameters
    ----------
    scorer : Scorer
    onnx : bytes
        The exported graph.

    Returns
    -------
    bytes
        A safetensors file.
    """
    held = parameters(onnx)
    tensors = {
        name.removeprefix(_NETWORKS): tensor.detach().cpu().contiguous()
        for name, tensor in scorer.state_dict().items()
        if name not in held or not np.array_equal(held[name].astype(np.float32), tensor.numpy())
    }
    return save({**tensors, _TEMPERATURE: torch.tensor(scorer.temperature, dtype=torch.float64)})


def tensors(members: Mapping[str, bytes]) -> dict[str, torch.Tensor]:
    """Return all tensors of the networks of a bundle, including constants and the temperature; those of the second network are named ``1.…``.

    Parameters
    ----------
    members : Mapping of str to bytes
        Files of a bundle, including the graph.

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
    """Return a scorer with the weights of a bundle.

    Parameters
    ----------
    members : Mapping of str to bytes
        Files of a bundle, including the graph.
    network : callable
        Function that returns a network of the right shape.
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
