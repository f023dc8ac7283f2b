"""Pictures of an `Explanation`, as PNG, in colours that are told apart without red and green, and never by colour alone."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from io import BytesIO
from textwrap import shorten

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from scipy.ndimage import distance_transform_edt

from genrekit.evaluation.explain import AverageMap, Explanation, Mistake, Shap
from genrekit.evaluation.importance import Dependence, Importance, Regions
from genrekit.evaluation.report_text import NAMES
from genrekit.metrics import LOWER_IS_BETTER
from genrekit.text import visible

# Okabe & Ito, "Color Universal Design", 2008: eight colours that people with any colour vision tell apart.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
_DASHES = ("-", "--", ":", "-.")
_MARKERS = "osD^vP*Xh<>p"
_MOST_BARS = 30
_MOST_LINES = 8
# Examples that are drawn on a plane.
_MOST_POINTS = 600


def draw_all(found: Explanation) -> dict[str, tuple[str, bytes]]:
    """Draw all pictures of an explanation.

    Returns
    -------
    dict of str to (str, bytes)
        Per name of a file its caption and its content.
    """
    labels = found.report.labels
    drawn: dict[str, tuple[str, bytes]] = {}
    if found.importances:
        drawn["importance.png"] = (
            "What the model loses when the values of a feature are exchanged between examples; lines are 95 % intervals",
            _importances(found.importances, found.metrics),
        )
    if found.dependences:
        drawn["dependence.png"] = (
            "Mean score when all examples have the same value of a feature; ticks below are deciles of the examples",
            _dependences(found.dependences, labels),
        )
    if found.gains:
        drawn["gain.png"] = ("Share of the gain of all splits of the trees", _gains(found.gains))
    if found.shap:
        drawn["shap.png"] = (
            "Mean magnitude of the SHAP values by label, in log odds",
            _shap_strength(found.shap, labels),
        )
        drawn["shap_examples.png"] = (
            "SHAP values for the predicted label: a point is an example, from low values (dark) to high ones (light)",
            _shap_examples(found.shap),
        )
    for regions, name in zip(found.regions, _region_names(found), strict=True):
        drawn[name] = (regions.title, _regions(regions, labels, found.truth))
    if found.heat_maps:
        drawn["heat_maps.png"] = (
            "Parts that speak for a label (light), averaged over examples that the model recognises",
            _heat_maps(found.heat_maps, sound=found.sound),
        )
    if any(one.picture is not None for one in found.mistakes):
        drawn["mistakes.png"] = (
            "The most confident mistakes",
            _contact_sheet(found.mistakes, sound=found.sound),
        )
    return drawn


def _region_names(found: Explanation) -> list[str]:
    return [
        "regions_discriminants.png" if one.x_name == "first direction" else "regions_features.png"
        for one in found.regions
    ]


def _importances(importances: Sequence[Importance], metrics: Sequence[str]) -> bytes:
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
        axes.set_yticks(places, [_short(one.feature) for one in shown], parse_math=False)
    return _png(figure)


def _gains(gains: Mapping[str, float]) -> bytes:
    names = sorted(gains, key=gains.__getitem__)[-_MOST_BARS:]
    figure = Figure(figsize=(8, 1.2 + 0.28 * len(names)), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    axes.barh(range(len(names)), [100 * gains[name] for name in names], color=COLOURS[4])
    axes.set_yticks(range(len(names)), [_short(name) for name in names], parse_math=False)
    axes.set_xlabel("share of the gain (%)")
    return _png(figure)


def _dependences(dependences: Sequence[Dependence], labels: Sequence[str]) -> bytes:
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
                label=_short(labels[k]),
            )
        axes.set(ylim=(0, 1.05 * top), ylabel="mean score")
        axes.set_xlabel(_short(one.feature), parse_math=False)
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
    return _png(figure)


def _regions(regions: Regions, labels: Sequence[str], truth: np.ndarray) -> bytes:
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
            label=_short(label),
        )
    axes.set(xlim=extent[:2], ylim=extent[2:])
    for k in np.unique(best).tolist():
        _name_region(axes, regions, best == k, labels[k])
    axes.set_xlabel(_short(regions.x_name), parse_math=False)
    axes.set_ylabel(_short(regions.y_name), parse_math=False)
    if len(labels) <= 24:
        legend = figure.legend(title="true label", loc="outside right upper", markerscale=1.6)
        for text in legend.get_texts():
            text.set_parse_math(False)
    axes.set_title("named areas: the label with the best score; the paler, the less sure", fontsize=10)
    return _png(figure)


def _name_region(axes: Axes, regions: Regions, mask: np.ndarray, label: str) -> None:
    """Write a label where its region is widest, unless it is a speck."""
    if mask.sum() < 0.01 * mask.size:
        return
    depth = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    axes.text(
        regions.x[column],
        regions.y[row],
        _short(label),
        ha="center",
        va="center",
        fontsize=11,
        weight="bold",
        parse_math=False,
        bbox={"facecolor": "white", "alpha": 0.85, "edgecolor": "black", "boxstyle": "round,pad=0.2"},
        zorder=5,
    )


def _shap_strength(shap: Shap, labels: Sequence[str]) -> bytes:
    order = np.argsort(-shap.strength.mean(axis=0))[:_MOST_BARS]
    values = shap.strength[:, order].T
    figure = Figure(figsize=(3 + 0.75 * len(labels), 1.6 + 0.32 * len(order)), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(values, cmap="cividis", aspect="auto", vmin=0)
    axes.set_xticks(range(len(labels)), [_short(label) for label in labels], rotation=45, ha="right")
    axes.set_yticks(range(len(order)), [_short(shap.names[k]) for k in order], parse_math=False)
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
    return _png(figure)


def _shap_examples(shap: Shap) -> bytes:
    order = np.argsort(-np.abs(shap.pushes).mean(axis=0))[:_MOST_BARS][::-1]
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
            shap.pushes[~known, k], heights[~known], linestyle="", marker="x", color="grey", markersize=3
        )
        dots = axes.scatter(
            shap.pushes[known, k], heights[known], c=ranks, cmap="cividis", s=5, vmin=0, vmax=1
        )
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(range(len(order)), [_short(shap.names[k]) for k in order], parse_math=False)
    axes.set_xlabel("contribution to the predicted label (log odds); x: value unknown")
    if dots is not None:
        figure.colorbar(dots, label="rank of the value, low to high")
    return _png(figure)


def _heat_maps(maps: Sequence[AverageMap], *, sound: bool) -> bytes:
    n_columns = min(5, len(maps))
    n_rows = math.ceil(len(maps) / n_columns)
    figure = Figure(figsize=(2.9 * n_columns + 0.8, 2.7 * n_rows), dpi=100, layout="constrained")
    places = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    image: AxesImage | None = None
    for axes, one in zip(places, maps, strict=False):
        image = axes.imshow(
            one.heat,
            cmap="cividis",
            vmin=0,
            vmax=1,
            aspect="auto" if sound else "equal",
            origin="lower" if sound else "upper",
        )
        examples = f"{one.examples} example{'s' if one.examples > 1 else ''}"
        axes.set_title(f"{_short(one.label)} ({examples})", fontsize=10, parse_math=False)
        axes.set(xticks=[], yticks=[])
        if sound:
            axes.set_xlabel("time", fontsize=8)
            axes.set_ylabel("low to high", fontsize=8)
    for axes in places[len(maps) :]:
        axes.set_axis_off()
    if image is not None:
        figure.colorbar(image, ax=places.tolist(), label="speaks for the label", shrink=0.7)
    return _png(figure)


def _contact_sheet(mistakes: Sequence[Mistake], *, sound: bool) -> bytes:
    shown = [one for one in mistakes if one.picture is not None]
    n_columns = min(4, len(shown))
    n_rows = math.ceil(len(shown) / n_columns)
    figure = Figure(figsize=(3.3 * n_columns, 3.1 * n_rows), dpi=100, layout="constrained")
    places = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    grey = ListedColormap([(v, v, v) for v in np.linspace(0, 1, 256)])
    for axes, one in zip(places, shown, strict=False):
        assert one.picture is not None
        picture = one.picture.astype(np.float64)
        low, high = picture.min(), picture.max()
        picture = (picture - low) / (high - low if high > low else 1)
        axes.imshow(
            picture,
            cmap="cividis" if sound else grey,
            aspect="auto" if sound else "equal",
            origin="lower" if sound else "upper",
        )
        axes.set(xticks=[], yticks=[])
        name = shorten(visible(one.row.id.rsplit("/", 1)[-1]), 34, placeholder="…")
        words = (
            f"{_short(one.row.label)}, taken for {predicted(one)}\nwith {np.max(one.row.scores):.0%}: {name}"
        )
        axes.set_title(words, fontsize=8, parse_math=False)
    for axes in places[len(shown) :]:
        axes.set_axis_off()
    return _png(figure)


def predicted(mistake: Mistake) -> str:
    """Return the wrong prediction of a mistake."""
    return _short(mistake.row.predicted or "no label")


def _short(name: str, most: int = 28) -> str:
    name = visible(name)
    return name if len(name) <= most else name[: most - 1] + "…"


def _png(figure: Figure) -> bytes:
    stream = BytesIO()
    with warnings.catch_warnings():
        # Some scripts are missing from the font; the page has their names.
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font", UserWarning)
        figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()
