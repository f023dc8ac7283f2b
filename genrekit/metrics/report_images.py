"""Images of a `Report`: confusion matrix and reliability diagram, as PNG."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from io import BytesIO
from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genrekit.metrics.definitions import N_BINS
from genrekit.metrics.report import INFLATED, Report
from genrekit.text import visible

# With more labels the numbers in the cells of the image are not readable.
_MOST_WRITTEN = 60


def confusion_png(report: Report, title: str) -> bytes:
    """Return the confusion matrix of a single-label report as a PNG; see `draw_confusion`."""
    return draw_confusion(report.labels, report.confusion, title, inflated=report.inflated)


def draw_confusion(
    labels: Sequence[str], confusion: Sequence[Sequence[int]], title: str, *, inflated: bool = False
) -> bytes:
    """Return a confusion matrix as a PNG, coloured by the share of the true label.

    Parameters
    ----------
    labels : sequence of str
    confusion : sequence of sequence of int [shape=(n_labels, n_labels)]
        Numbers of examples; a row per true label.
    title : str
    inflated : bool
        Whether the title warns of inflated numbers.
    """
    counts = np.array(confusion)
    supports = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, supports, out=np.zeros(counts.shape), where=supports > 0)
    names = [_shortened(visible(label)) for label in labels]
    n_labels = len(names)
    side = min(3.5 + 0.42 * n_labels, 40)  # inches: a cell fits four digits
    figure = Figure(figsize=(side + 1, side), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    # Labels are untrusted text: a dollar sign must not start a formula.
    axes.set_xticks(range(n_labels), names, rotation=90, parse_math=False)
    rows = [f"{name} ({n})" for name, n in zip(names, supports[:, 0], strict=True)]
    axes.set_yticks(range(n_labels), rows, parse_math=False)
    axes.set_xlabel("prediction")
    axes.set_ylabel("true label (examples)")
    for i, j in np.argwhere(counts) if n_labels <= _MOST_WRITTEN else ():
        colour = "white" if shares[i, j] > 0.5 else "black"
        axes.text(j, i, str(counts[i, j]), ha="center", va="center", color=colour, fontsize=8)
    _set_title(axes, title, int(11 * side), inflated=inflated)
    figure.colorbar(image, label="share of the true label", shrink=0.6)
    return _drawn(figure)


def reliability_png(report: Report, title: str) -> bytes:
    """Return the reliability diagram of a single-label report: accuracy and number of examples by confidence.

    On the diagonal, scores are calibrated (Niculescu-Mizil & Caruana, ICML 2005).

    Parameters
    ----------
    report : Report
    title : str

    Returns
    -------
    bytes
        A PNG.
    """
    numbers, confidences, accuracies = zip(*report.calibration, strict=True)
    figure = Figure(figsize=(6, 6.5), dpi=100, layout="constrained")
    axes, below = figure.subplots(2, sharex=True, height_ratios=(4, 1))
    axes.plot((0, 1), (0, 1), color="grey", linestyle="--", linewidth=1)
    axes.plot(confidences, accuracies, marker="o")
    axes.set(xlim=(0, 1), ylim=(0, 1), ylabel="accuracy of these examples")
    edges = np.linspace(0, 1, N_BINS + 1)
    below.hist(confidences, bins=edges, weights=numbers)
    below.set(xlabel="score of the prediction", ylabel="examples")
    _set_title(axes, title, 60, inflated=report.inflated)
    return _drawn(figure)


def _set_title(axes: Axes, title: str, width: int, *, inflated: bool) -> None:
    lines = [INFLATED, title] if inflated else [title]
    axes.set_title("\n".join(fill(line, width) for line in lines), color="darkred" if inflated else "black")


def _drawn(figure: Figure) -> bytes:
    file = BytesIO()
    with warnings.catch_warnings():
        # Some scripts are missing from the font; their labels are drawn as boxes, and complete in report.json.
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font", UserWarning)
        figure.savefig(file, format="png", metadata={"Software": None})  # without pyplot this draws with Agg
    return file.getvalue()


def _shortened(name: str, most: int = 24) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"
