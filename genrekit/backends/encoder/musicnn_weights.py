"""The weights of MSD_musicnn with batch normalisation folded away, and the network as an ONNX graph.

J. Pons and X. Serra, "musicnn: Pre-trained convolutional neural networks for music audio tagging", ISMIR 2019 late-breaking
demo, https://arxiv.org/abs/1909.06654. The original normalises after the ReLU, then takes the maximum over the bands.
Since ``max(a * relu(x)) = |a| * relu(max(sign(a) * x))`` for a above 0 and ``a * relu(min(x))`` below, filters of a
negative scale are negated here and only the maximum is normalised: the same numbers without two passes over the largest
tensors.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import safetensors.numpy

from genrekit.backends.encoder.nodes import Nodes, to_model

FRAMES, BANDS = 187, 96
N_TAGS, N_PENULTIMATE = 50, 200
TIMBRAL = ((7, 38), (7, 67))
TEMPORAL = (128, 64, 32)
# Zeros before and behind, along time; TensorFlow's SAME for an even kernel has one more behind.
BANKS = (
    *((f"timbral.{i}", size, (size[0] // 2, size[0] // 2)) for i, size in enumerate(TIMBRAL)),
    *((f"temporal.{i}", (k, 1), ((k - 1) // 2, k // 2)) for i, k in enumerate(TEMPORAL)),
)
N_TIMBRAL, N_TEMPORAL, N_MID, MID_WIDTH, N_MIDS = 204, 51, 64, 7, 3
N_FRONT = N_TIMBRAL * len(TIMBRAL) + N_TEMPORAL * len(TEMPORAL)
N_POOLED = N_FRONT + N_MID * N_MIDS
NORM_EPS = 1e-3
# Filters a block of ONNX Runtime's own layout: numbers that do not fill blocks cost a quarter of the time.
BLOCK = 16

Arrays = Mapping[str, np.ndarray]


def fold(content: bytes) -> dict[str, np.ndarray]:
    """Fold the published weights.

    Parameters
    ----------
    content : bytes
        A safetensors file with the tensors of the original's layers in PyTorch's layout, batch normalisation with its
        statistics.

    Returns
    -------
    dict of str to np.ndarray [dtype=float32]
        The state of `genrekit.backends.encoder.musicnn_network.Musicnn`.
    """
    weights = safetensors.numpy.load(content)
    folded: dict[str, np.ndarray] = {}
    folded["input.scale"], folded["input.shift"] = _norm(weights, "input_norm")
    for name, _, _ in BANKS:
        scale, shift = _norm(weights, f"{name}.norm")
        sign = np.where(scale < 0, -1.0, 1.0)
        folded[f"{name}.conv.weight"] = weights[f"{name}.conv.weight"] * sign[:, None, None, None]
        folded[f"{name}.conv.bias"] = weights[f"{name}.conv.bias"] * sign
        for key, value in (("sign", sign), ("scale", scale), ("shift", shift)):
            folded[f"{name}.{key}"] = value[:, None]
    for i in range(N_MIDS):
        scale, shift = _norm(weights, f"mid.{i}.norm")
        folded[f"mid.{i}.conv.weight"] = weights[f"mid.{i}.conv.weight"][:, 0].swapaxes(1, 2)
        folded[f"mid.{i}.conv.bias"] = weights[f"mid.{i}.conv.bias"]
        folded[f"mid.{i}.scale"], folded[f"mid.{i}.shift"] = scale[:, None], shift[:, None]
    scale, shift = _norm(weights, "pool_norm")
    dense = weights["dense.weight"].astype(np.float64)
    folded["dense.weight"], folded["dense.bias"] = dense * scale, weights["dense.bias"] + dense @ shift
    folded["dense_norm.scale"], folded["dense_norm.shift"] = _norm(weights, "dense_norm")
    folded |= {name: weights[name] for name in ("output.weight", "output.bias")}
    return {name: np.ascontiguousarray(value, np.float32) for name, value in folded.items()}


def to_onnx(w: Arrays) -> bytes:
    """Write the network as a model from ``patches`` (n, 187, 96) to ``tags`` (n, 50) and ``penultimate`` (n, 200).

    Parameters
    ----------
    w : Mapping of str to np.ndarray
        As `fold` gives them, or the state of a network that was trained further.
    """
    add = Nodes("musicnn_")
    image = add("Unsqueeze", add("Add", add("Mul", "patches", w["input.scale"]), w["input.shift"]), [1])
    front = add("Concat", *(_bank(add, w, image, *bank) for bank in BANKS), axis=1)
    first = _mid(add, w, 0, front)
    second = add("Add", _mid(add, w, 1, first), first)
    third = add("Add", _mid(add, w, 2, second), second)
    pooled = add("Concat", front, first, second, third, axis=1)
    # The original interleaves: maximum and mean of the first channel, of the second, and so on.
    largest, mean = (add.reduce(kind, pooled, 2, keep=True) for kind in ("ReduceMax", "ReduceMean"))
    both = add("Flatten", add("Concat", largest, mean, axis=2))
    dense = add("Relu", add("Gemm", both, w["dense.weight"], w["dense.bias"], transB=1))
    penultimate = add("Add", add("Mul", dense, w["dense_norm.scale"]), w["dense_norm.shift"])
    tags = add("Sigmoid", add("Gemm", penultimate, w["output.weight"], w["output.bias"], transB=1))
    add.rename(tags, "tags")
    add.rename(penultimate, "penultimate")
    return to_model(
        add.nodes,
        add.constants,
        {"patches": ("n", FRAMES, BANDS)},
        {"tags": ("n", N_TAGS), "penultimate": ("n", N_PENULTIMATE)},
    )


def _bank(
    add: Nodes, w: Arrays, image: str, name: str, size: tuple[int, int], padding: tuple[int, int]
) -> str:
    """Add a bank of filters, from (n, 1, frames, bands) to (n, filters, frames)."""
    weight, bias, sign, scale, shift = (
        _fill(w[f"{name}.{key}"]) for key in ("conv.weight", "conv.bias", "sign", "scale", "shift")
    )
    n = len(w[f"{name}.scale"])
    filtered = add("Conv", image, weight, bias, pads=[padding[0], 0, padding[1], 0])
    loudest = add("MaxPool", filtered, kernel_shape=[1, BANDS - size[1] + 1])
    normalised = add(
        "Add",
        add("Mul", add("Relu", add("Mul", loudest, sign[..., None])), scale[..., None]),
        shift[..., None],
    )
    return add("Slice", add("Squeeze", normalised, [3]), [0], [n], [1])


def _fill(array: np.ndarray) -> np.ndarray:
    """Fill the first axis with zeros to whole blocks."""
    return np.pad(array, [(0, -len(array) % BLOCK), *[(0, 0)] * (array.ndim - 1)])


def _mid(add: Nodes, w: Arrays, i: int, x: str) -> str:
    """Add a convolution along time, from (n, channels, frames) to (n, 64, frames)."""
    weight, bias, scale, shift = (
        w[f"mid.{i}.{key}"] for key in ("conv.weight", "conv.bias", "scale", "shift")
    )
    pad = MID_WIDTH // 2
    return add("Add", add("Mul", add("Relu", add("Conv", x, weight, bias, pads=[pad, pad])), scale), shift)


def _norm(weights: Arrays, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return scale and shift of a batch normalisation in use, in float64."""
    weight, bias, mean, variance = (
        weights[f"{name}.{key}"].astype(np.float64)
        for key in ("weight", "bias", "running_mean", "running_var")
    )
    scale = weight / np.sqrt(variance + NORM_EPS)
    return scale, bias - mean * scale
