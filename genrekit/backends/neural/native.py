"""The weights of networks as safetensors: what explaining and further training need."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn

from genrekit.backends.neural.calibration import Scorer
from genrekit.errors import BundleError

PAYLOAD = "networks.safetensors"
_TEMPERATURE = "temperature"


def dump(scorer: Scorer) -> bytes:
    """The weights of a scorer's networks; those of the second are named ``1.…``, and so on."""
    tensors = {
        f"{number}.{name}": tensor.detach().cpu().contiguous()
        for number, network in enumerate(scorer.networks)
        for name, tensor in network.state_dict().items()
    }
    return save({**tensors, _TEMPERATURE: torch.tensor(scorer.temperature, dtype=torch.float64)})


def restore(members: Mapping[str, bytes], network: Callable[[], nn.Module], *, multilabel: bool) -> Scorer:
    """Make a scorer of its weights.

    Parameters
    ----------
    members : Mapping of str to bytes
        Of a bundle.
    network : callable
        Makes a network of the right shape.
    multilabel : bool

    Raises
    ------
    BundleError
        If the payload is missing or damaged, or belongs to networks of another shape.
    """
    try:
        tensors = load(members[PAYLOAD])
        temperature = float(tensors.pop(_TEMPERATURE))
        states: dict[int, dict[str, torch.Tensor]] = {}
        for key, tensor in tensors.items():
            place, _, name = key.partition(".")
            states.setdefault(int(place), {})[name] = tensor
        networks = [network() for _ in states]
        for number, state in states.items():
            networks[number].load_state_dict(state)
    except (SafetensorError, RuntimeError, LookupError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise BundleError(f"The weights of the networks are damaged: {reason}.") from None
    return Scorer(networks, temperature=temperature, multilabel=multilabel).eval()
