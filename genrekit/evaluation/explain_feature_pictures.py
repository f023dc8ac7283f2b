"""Pictures of what features do to the scores of a model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from scipy.ndimage import distance_transform_edt

from genrekit.evaluation.dependence import Dependence, Regions
from genrekit.evaluation.explain_drawing import COLOURS, png, short
from genrekit.evaluation.explanation import Shap
from genrekit.evaluation.importance import Importance
from genrekit.evaluation.report_text import NAMES
from genrekit.metrics import LOWER_IS_BETTER

_DASHES = ("-", "--", ":", "-.")

_MARKERS = "osD^vP*Xh<>p"

_MOST_BARS = 30

_MOST_LINES = 8

# Examples that are drawn on a plane.
_MOST_POINTS = 600


def draw_importances(importances: Sequence[Importance], metrics: Sequence[str]) -> bytes:
    """Draw the importances of the strongest features, a column per metric."""
    shown = importances[:_MOST_BARS][::-1]
    figure = Figure(figsize=(4.2 * len(metrics) + 1, 1.2 + 0.28 * len(shown)), dpi=100, layout="constrained")
    places = np.arange(len(shown))
    for axes, metric in zip(
        figure.subplots(1, len(metrics), sharey=True, squeeze=False)[0], metrics, strict=True
    ):
        unit = 1 if metric in LOWER_IS_BETTER else 100
        values = np.array([unit * one.losses[metric].value for one in shown])
        axes.barh(places, values, color=COLOURS[4])
        for place, one in zip(places, shown, strict=True):
            estimate = one.losses[metric]
            if estimate.low is not None and estimate.high is not None:
                axes.plot(
                    [unit * estimate.low, unit * estimate.high], [place, place], color="black", linewidth=1.3
                )
        axes.axvline(0, color="black", linewidth=0.8)
        words = "rise of the" if metric in LOWER_IS_BETTER else "loss of"
        axes.set_xlabel(f"{words} {NAMES[metric]}" + ("" if unit == 1 else " (points)"))
        axes.set_yticks(places, [short(one.feature) for one in shown], parse_math=False)
    return png(figure)


def draw_gains(gains: Mapping[str, float]) -> bytes:
    """Draw the shares of gain of the strongest features."""
    names = sorted(gains, key=gains.__getitem__)[-_MOST_BARS:]
    figure = Figure(figsize=(8, 1.2 + 0.28 * len(names)), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    axes.barh(range(len(names)), [100 * gains[name] for name in names], color=COLOURS[4])
    axes.set_yticks(range(len(names)), [short(name) for name in names], parse_math=False)
    axes.set_xlabel("share of the gain (%)")
    return png(figure)


def draw_dependences(dependences: Sequence[Dependence], labels: Sequence[str]) -> bytes:
    """Draw partial dependences, for the labels that change most."""
    reach = np.max([np.ptp(one.scores, axis=0) for one in dependences], axis=0)
    drawn = sorted(np.argsort(-reach)[:_MOST_LINES].tolist())
    n_columns = min(3, len(dependences) + 1)
    n_rows = math.ceil((len(dependences) + 1) / n_columns)
    figure = Figure(figsize=(4.4 * n_columns, 3.3 * n_rows), dpi=100, layout="constrained")
    places = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    top = max(float(one.scores.max()) for one in dependences)
    for axes, one in zip(places, dependences, strict=False):
        for k in drawn:
            axes.plot(
                one.values,
                one.scores[:, k],
                color=COLOURS[k % len(COLOURS)],
                linestyle=_DASHES[(k + k // len(COLOURS)) % len(_DASHES)],
                marker=_MARKERS[k % len(_MARKERS)],
                markersize=4,
                markevery=max(1, len(one.values) // 6),
                label=short(labels[k]),
            )
        axes.set(ylim=(0, 1.05 * top), ylabel="mean score")
        axes.set_xlabel(short(one.feature), parse_math=False)
        axes.locator_params(axis="x", nbins=5)
        axes.plot(one.deciles, np.zeros(9), "|", color="black", markersize=10, clip_on=False)
    legend = places[len(dependences)]
    handles, names = places[0].get_legend_handles_labels()
    for text in legend.legend(handles, names, loc="center", handlelength=4).get_texts():
        text.set_parse_math(False)
    if len(drawn) < len(labels):
        legend.set_title(f"the {len(drawn)} of {len(labels)} labels that change most", fontsize=9)
    for axes in places[len(dependences) :]:
        axes.set_axis_off()
    return png(figure)


def draw_regions(regions: Regions, labels: Sequence[str], truth: np.ndarray) -> bytes:
    """Draw decision regions with the examples on them."""
    best = regions.scores.argmax(axis=-1)
    score = regions.scores.max(axis=-1)
    figure = Figure(figsize=(9, 7), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    # A sure decision has the full colour, an unsure one is paler.
    least = 1 / len(labels)
    strength = 0.15 + 0.6 * np.clip((score - least) / (1 - least), 0, 1)
    colours = np.array([to_rgb(COLOURS[k % len(COLOURS)]) for k in range(len(labels))])
    image = 1 - strength[..., None] * (1 - colours[best])
    extent = (
        float(regions.x[0]),
        float(regions.x[-1]),
        float(regions.y[0]),
        float(regions.y[-1]),
    )
    axes.imshow(image, origin="lower", extent=extent, aspect="auto", interpolation="nearest")
    for k in np.unique(best).tolist():
        if (best != k).any():
            axes.contour(regions.x, regions.y, best == k, levels=[0.5], colors="black", linewidths=0.6)
    chosen = np.arange(len(regions.points))
    if len(chosen) > _MOST_POINTS:
        chosen = np.random.default_rng(0).choice(chosen, _MOST_POINTS, replace=False)
    for k, label in enumerate(labels):
        own = chosen[truth[chosen] == k]
        axes.plot(
            *regions.points[own].T,
            linestyle="",
            marker=_MARKERS[k % len(_MARKERS)],
            markersize=4.5,
            color=COLOURS[k % len(COLOURS)],
            markeredgecolor="white",
            markeredgewidth=0.5,
            label=short(label),
        )
    axes.set(xlim=extent[:2], ylim=extent[2:])
    for k in np.unique(best).tolist():
        _name_region(axes, regions, best == k, labels[k])
    axes.set_xlabel(short(regions.x_name), parse_math=False)
    axes.set_ylabel(short(regions.y_name), parse_math=False)
    if len(labels) <= 24:
        legend = figure.legend(title="true label", loc="outside right upper", markerscale=1.6)
        for text in legend.get_texts():
            text.set_parse_math(False)
    axes.set_title("named areas: the label with the best score; the paler, the less sure", fontsize=10)
    return png(figure)


def _name_region(axes: Axes, regions: Regions, mask: np.ndarray, label: str) -> None:
    """Write a label where its region is widest, unless it is a speck."""
    if mask.sum() < 0.01 * mask.size:
        return
    depth = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    axes.text(
        regions.x[column],
        regions.y[row],
        short(label),
        ha="center",
        va="center",
        fontsize=11,
        weight="bold",
        parse_math=False,
        bbox={"facecolor": "white", "alpha": 0.85, "edgecolor": "black", "boxstyle": "round,pad=0.2"},
        zorder=5,
    )


def draw_shap_strength(shap: Shap, labels: Sequence[str]) -> bytes:
    """Draw the mean magnitude of SHAP values by feature and label."""
    order = np.argsort(-shap.strength.mean(axis=0))[:_MOST_BARS]
    values = shap.strength[:, order].T
    figure = Figure(figsize=(3 + 0.75 * len(labels), 1.6 + 0.32 * len(order)), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(values, cmap="cividis", aspect="auto", vmin=0)
    axes.set_xticks(range(len(labels)), [short(label) for label in labels], rotation=45, ha="right")
    axes.set_yticks(range(len(order)), [short(shap.names[k]) for k in order], parse_math=False)
    for text in axes.get_xticklabels():
        text.set_parse_math(False)
    middle = values.max() / 2
    for (i, j), value in np.ndenumerate(values) if len(labels) <= 20 else ():
        axes.text(
            j,
            i,
            f"{value:.2f}",
            ha="center",
            va="center",
            fontsize=8,
            color="black" if value > middle else "white",
        )
    figure.colorbar(image, label="mean magnitude (log odds)")
    return png(figure)


def draw_shap_examples(shap: Shap) -> bytes:
    """Draw the SHAP values of every example for its predicted label."""
    order = np.argsort(-np.abs(shap.contributions).mean(axis=0))[:_MOST_BARS][::-1]
    figure = Figure(figsize=(9, 1.2 + 0.36 * len(order)), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    rng = np.random.default_rng(0)
    dots = None
    for place, k in enumerate(order):
        values = shap.values[:, k]
        known = ~np.isnan(values)
        ranks = values[known].argsort(kind="stable").argsort(kind="stable") / max(1, known.sum() - 1)
        heights = place + rng.uniform(-0.33, 0.33, len(values))
        axes.plot(
            shap.contributions[~known, k],
            heights[~known],
            linestyle="",
            marker="x",
            color="grey",
            markersize=3,
        )
        dots = axes.scatter(
            shap.contributions[known, k], heights[known], c=ranks, cmap="cividis", s=5, vmin=0, vmax=1
        )
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(range(len(order)), [short(shap.names[k]) for k in order], parse_math=False)
    axes.set_xlabel("contribution to the predicted label (log odds); x: value unknown")
    if dots is not None:
        figure.colorbar(dots, label="rank of the value, low to high")
    return png(figure)
