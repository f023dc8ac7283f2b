"""A picture of a model: how good it is on its test split, label by label, with its confusions and its training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from genrekit.errors import UsageError
from genrekit.inspection.drawing import DARK, LIGHT, bars, png_of, short
from genrekit.models import Bundle
from genrekit.text import counted, visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_LABELS = 60


def draw_model(bundle: Bundle) -> tuple[bytes, str]:
    """Draw the test results in a bundle: confusions, metrics per label, calibration and learning curves.

    Parameters
    ----------
    bundle : Bundle

    Returns
    -------
    bytes
        A PNG.
    str
        Content of the picture, in words.

    Raises
    ------
    UsageError
        If the model was not measured when it was trained.
    """
    from matplotlib.figure import Figure

    manifest = bundle.manifest
    metrics: Mapping[str, Any] = manifest.metrics or {}
    per_label = list(metrics.get("per_label") or ())[:MAX_LABELS]
    if not per_label:
        raise UsageError(
            f"Model {manifest.name!r} was not measured when it was trained; there is nothing to draw.",
            "Measure it: genrekit evaluate MODEL SOURCE --report DIR",
        )
    confusion = metrics.get("confusion") if len(manifest.labels) <= MAX_LABELS else None
    curves = _curves(manifest.history)
    right = ["labels"] + ["calibration"] * bool(metrics.get("calibration")) + ["curves"] * bool(curves)
    side = min(2.5 + 0.36 * len(per_label), 20)
    figure = Figure(
        figsize=(12 if confusion else 8, max(side, 2.6 * len(right)) + 0.8), dpi=100, layout="constrained"
    )
    headline, words = _headline(metrics)
    figure.suptitle(visible(f"{manifest.name}: {headline}"), fontsize=12, parse_math=False)
    place: Any = figure
    if confusion:
        halves: Any = figure.subfigures(1, 2, width_ratios=(1.25, 1))
        left, place = halves
        _confusion(left.subplots(), manifest.labels, np.array(confusion))
    heights = [0.24 * len(per_label) + 0.6 if name == "labels" else 2.2 for name in right]
    axes = dict(zip(right, np.ravel(place.subplots(len(right), height_ratios=heights)), strict=True))
    best = _labels(axes["labels"], per_label)
    if "calibration" in axes:
        _calibration(axes["calibration"], metrics["calibration"])
    if "curves" in axes:
        _draw_curves(axes["curves"], curves)
    return png_of(figure), f"{words} {best}"


def _headline(metrics: Mapping[str, Any]) -> tuple[str, str]:
    name, estimate = next(iter(metrics["metrics"].items()))
    text = f"{name.replace('_', ' ')} {100 * estimate['value']:.1f} %"
    if estimate.get("low") is not None:
        text += f" (95 %: {100 * estimate['low']:.1f} to {100 * estimate['high']:.1f})"
    text += f" on {counted(metrics['n_examples'], 'test example')}"
    return text, f"{text[0].upper()}{text[1:]}; {metrics.get('split', 'a test split')}."


def _confusion(axes: Axes, labels: Sequence[str], counts: np.ndarray) -> None:
    supports = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, supports, out=np.zeros(counts.shape), where=supports > 0)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    names = [short(label) for label in labels]
    axes.set_xticks(range(len(names)), names, rotation=90, parse_math=False, fontsize=9)
    axes.set_yticks(range(len(names)), names, parse_math=False, fontsize=9)
    axes.set(xlabel="prediction", ylabel="true label")
    axes.set_title("test examples; dark: a large share of the true label", fontsize=9, loc="left")
    size = 8 if len(names) <= 25 else 5
    for i, j in np.argwhere(counts):
        colour = "white" if shares[i, j] > 0.5 else "black"
        axes.text(j, i, str(counts[i, j]), ha="center", va="center", color=colour, fontsize=size)


def _labels(axes: Axes, per_label: Sequence[Mapping[str, Any]]) -> str:
    key = "f1"
    ranked = sorted(per_label, key=lambda one: -one[key])
    words = [f"{one[key]:.2f} ({one['support']:,})" for one in ranked]
    bars(axes, [one["label"] for one in ranked], [one[key] for one in ranked], words=words)
    axes.set(xlim=(0, 1.25), xticks=[0, 0.5, 1])
    axes.set_title("F1 per label (test examples)", fontsize=9, loc="left")
    first, last = ranked[0], ranked[-1]
    return f"Best at {first['label']} (F1 {first[key]:.2f}), worst at {last['label']} ({last[key]:.2f})."


def _calibration(axes: Axes, bins: Sequence[Mapping[str, float]]) -> None:
    axes.plot((0, 1), (0, 1), color="grey", linestyle="--", linewidth=1)
    most = max(one["examples"] for one in bins)
    sizes = [12 + 240 * one["examples"] / most for one in bins]
    axes.scatter(
        [one["confidence"] for one in bins],
        [one["accuracy"] for one in bins],
        s=sizes,
        color=DARK,
        edgecolor="black",
        clip_on=False,
    )
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="score of the prediction", ylabel="accuracy")
    axes.set_title("calibration: on the dashed line scores mean what they say", fontsize=9, loc="left")


def _curves(history: Mapping[str, Any]) -> list[tuple[str, list[float], list[float]]]:
    """Return the loss over epochs of the first network of every training: name, epochs, losses."""
    found = []
    for name, networks in history.items():
        curve = (
            networks[0] if isinstance(networks, list) and networks and isinstance(networks[0], list) else ()
        )
        for key in ("loss", "valid_loss"):
            points = [p for p in curve if isinstance(p, Mapping) and {"epoch", key} <= set(p)]
            if len(points) > 1:
                what = "validation" if key == "valid_loss" else name.replace("_", " ")
                found.append((what, [p["epoch"] for p in points], [p[key] for p in points]))
    return found


def _draw_curves(axes: Axes, curves: Sequence[tuple[str, list[float], list[float]]]) -> None:
    styles = [(DARK, "-"), (LIGHT, "--"), ("black", ":"), ("grey", "-.")]
    for (name, epochs, losses), (colour, style) in zip(curves, styles, strict=False):
        axes.plot(epochs, losses, style, color=colour, label=name, linewidth=1.6)
    axes.legend(fontsize=8)
    axes.set(xlabel="epoch", ylabel="loss")
    axes.set_title("learning curves of the first network", fontsize=9, loc="left")
