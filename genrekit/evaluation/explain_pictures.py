"""Pictures of an `Explanation`, as PNG, in colours that are told apart without red and green, and never by colour alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from textwrap import shorten

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from genrekit.evaluation.explain_drawing import png, short
from genrekit.evaluation.explain_feature_pictures import (
    draw_dependences,
    draw_gains,
    draw_importances,
    draw_regions,
    draw_shap_examples,
    draw_shap_strength,
)
from genrekit.evaluation.explanation import AverageMap, Explanation, Mistake
from genrekit.text import visible


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
            draw_importances(found.importances, found.metrics),
        )
    if found.dependences:
        drawn["dependence.png"] = (
            "Mean score when all examples have the same value of a feature; ticks below are deciles of the examples",
            draw_dependences(found.dependences, labels),
        )
    if found.gains:
        drawn["gain.png"] = ("Share of the gain of all splits of the trees", draw_gains(found.gains))
    if found.shap:
        drawn["shap.png"] = (
            "Mean magnitude of the SHAP values by label, in log odds",
            draw_shap_strength(found.shap, labels),
        )
        drawn["shap_examples.png"] = (
            "SHAP values for the predicted label: a point is an example, from low values (dark) to high ones (light)",
            draw_shap_examples(found.shap),
        )
    for regions, name in zip(found.regions, _region_names(found), strict=True):
        drawn[name] = (regions.title, draw_regions(regions, labels, found.truth))
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


def _heat_maps(maps: Sequence[AverageMap], *, sound: bool) -> bytes:
    n_columns = min(5, len(maps))
    n_rows = math.ceil(len(maps) / n_columns)
    figure = Figure(figsize=(2.9 * n_columns + 0.8, 2.8 * n_rows), dpi=100, layout="constrained")
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
        words = f"{short(one.label)} ({examples})" + (f"\n{short(one.member)}" if one.member else "")
        axes.set_title(words, fontsize=10, parse_math=False)
        axes.set(xticks=[], yticks=[])
        if sound:
            axes.set_xlabel("time", fontsize=8)
            axes.set_ylabel("low to high", fontsize=8)
    for axes in places[len(maps) :]:
        axes.set_axis_off()
    if image is not None:
        figure.colorbar(image, ax=places.tolist(), label="speaks for the label", shrink=0.7)
    return png(figure)


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
            f"{short(one.row.label)}, taken for {predicted(one)}\nwith {np.max(one.row.scores):.0%}: {name}"
        )
        axes.set_title(words, fontsize=8, parse_math=False)
    for axes in places[len(shown) :]:
        axes.set_axis_off()
    return png(figure)


def predicted(mistake: Mistake) -> str:
    """Return the wrong prediction of a mistake."""
    return short(mistake.row.predicted or "no label")
