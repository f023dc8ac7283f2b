"""The learning curves of a training as an image."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any

from matplotlib.figure import Figure


def draw(history: Mapping[str, Any]) -> bytes:
    """Draw losses, and scores if there are any, over epochs.

    Parameters
    ----------
    history : Mapping
        Values that are lists of lists of ``{"epoch": 1, "loss": 1.2, ...}`` are curves, one per network.

    Returns
    -------
    bytes
        A PNG.
    """
    runs = {key: value for key, value in history.items() if _is_curves(value)}
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    losses, scores = figure.subplots(1, 2)
    for name, networks in runs.items():
        for curve in networks:
            for key in curve[0]:
                if key == "epoch":
                    continue
                axes = losses if key.endswith("loss") else scores
                style = "-" if key.startswith("valid") else ":"
                what = key.replace("valid_", "validation ").replace("_", " ")
                axes.plot(
                    [point["epoch"] for point in curve],
                    [point[key] for point in curve],
                    style,
                    label=f"{what} ({name.replace('_', ' ')})",
                    linewidth=1,
                )
    for axes, title in ((losses, "loss"), (scores, "score on the validation split")):
        handles, labels = axes.get_legend_handles_labels()
        first = dict(zip(reversed(labels), reversed(handles), strict=True))
        if first:
            axes.legend(first.values(), first.keys(), fontsize=7)
        axes.set(title=title, xlabel="epoch")
    stream = BytesIO()
    figure.savefig(stream, format="png", dpi=110, metadata={"Software": None})
    return stream.getvalue()


def _is_curves(value: object) -> bool:
    return (
        isinstance(value, list) and bool(value) and all(isinstance(curve, list) and curve for curve in value)
    )
