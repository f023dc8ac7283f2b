"""The report of a search: words, pictures and the table of trials as one HTML file, and the pictures as PNG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genrekit.evaluation import page
from genrekit.training import Result
from genrekit.tuning.folder import REPORT, writing
from genrekit.tuning.space import Parameter
from genrekit.tuning.study import Study, is_smaller_better

PICTURES = ("progress.png", "importances.png", "slices.png", "front.png")


def write_report(
    study: Study, words: Sequence[str], chosen: Mapping[str, Any], baseline: Result | None
) -> None:
    """Write report.html and its pictures into the folder of a study.

    Parameters
    ----------
    study : Study
    words : sequence of str
        What came of the search.
    chosen : Mapping
        The settings of the bundle.
    baseline : Result or None
        What the defaults gave.
    """
    importances = study.importances()
    drawn = {"progress.png": _progress(study, baseline)}
    if importances:
        drawn["importances.png"] = _importances(importances)
    if study.complete():
        drawn["slices.png"] = _slices(study)
    if len(study.objectives) > 1 and study.complete():
        drawn["front.png"] = _front(study)
    captions = {
        "progress.png": "The best so far",
        "importances.png": "What the settings explain (PED-ANOVA)",
        "slices.png": "Every setting against the objective",
        "front.png": "Trials that no other dominates",
    }
    parts = [page.note(line) if k == 0 else page.paragraph(line) for k, line in enumerate(words)]
    parts.append(page.table(["setting", "value"], [[key, str(value)] for key, value in chosen.items()]))
    for name, png in drawn.items():
        parts += [page.heading(captions[name]), page.pictures([(captions[name], png)])]
    keys = [one.key for one in study.space]
    rows = []
    for one in study.trials:
        values = [f"{value:.4f}" for value in one.values or ()] or [""] * len(study.objectives)
        settings = [_short(one.params.get(key)) for key in keys]
        reason = str(one.user_attrs.get("reason", ""))
        rows.append([str(one.number), one.state.name.lower(), *settings, *values, reason])
    parts += [
        page.heading("Trials"),
        page.table(["trial", "state", *keys, *study.objectives, "reason"], rows),
    ]
    for name in PICTURES:
        with writing(study.folder / name):
            if name in drawn:
                (study.folder / name).write_bytes(drawn[name])
            else:
                (study.folder / name).unlink(missing_ok=True)
    with writing(study.folder / REPORT):
        (study.folder / REPORT).write_text(page.page("Search over settings", parts), encoding="utf-8")


def _progress(study: Study, baseline: Result | None) -> bytes:
    goal = study.objectives[0]
    figure = Figure(figsize=(8, 4), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    found = study.complete()
    numbers, values = [one.number for one in found], [one.values[0] for one in found]
    best = (np.minimum if is_smaller_better(goal) else np.maximum).accumulate(np.array(values, dtype=float))
    axes.plot(numbers, values, "o", alpha=0.5, label="a trial on all folds")
    axes.step(numbers, best, where="post", label="the best so far")
    stopped = [one.number for one in study.trials if one.state.name == "PRUNED"]
    if stopped and values:
        axes.plot(stopped, [max(values)] * len(stopped), "x", color="grey", label="stopped early")
    if baseline and goal in baseline.metrics:
        axes.axhline(baseline.metrics[goal], color="grey", linestyle="--", label="the defaults")
    axes.set(xlabel="trial", ylabel=goal.replace("_", " "))
    axes.legend()
    return _png(figure)


def _importances(importances: Mapping[str, float]) -> bytes:
    figure = Figure(figsize=(8, 1 + 0.35 * len(importances)), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    names = sorted(importances, key=importances.__getitem__)
    axes.barh(range(len(names)), [importances[name] for name in names])
    axes.set_yticks(range(len(names)), names, parse_math=False)
    axes.set(xlabel="share", xlim=(0, 1))
    return _png(figure)


def _slices(study: Study) -> bytes:
    n_columns = min(3, len(study.space))
    n_rows = math.ceil(len(study.space) / n_columns)
    figure = Figure(figsize=(4 * n_columns, 3 * n_rows), dpi=100, layout="constrained")
    grid = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for axes, one in zip(grid, study.space, strict=False):
        _slice(axes, study, one)
    for axes in grid[len(study.space) :]:
        axes.set_axis_off()
    return _png(figure)


def _slice(axes: Axes, study: Study, parameter: Parameter) -> None:
    found = study.complete()
    values = [one.values[0] for one in found]
    given = [one.params[parameter.key] for one in found]
    if parameter.choices:
        names = [_short(choice) for choice in parameter.choices]
        axes.plot([names.index(_short(value)) for value in given], values, "o", alpha=0.5)
        axes.set_xticks(range(len(names)), names, parse_math=False)
    else:
        axes.plot(given, values, "o", alpha=0.5)
        axes.set_xscale("log" if parameter.log else "linear")
    axes.set_xlabel(parameter.key, parse_math=False)
    axes.set_ylabel(study.objectives[0].replace("_", " "))


def _front(study: Study) -> bytes:
    figure = Figure(figsize=(6, 5), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    first, last = 0, len(study.objectives) - 1
    everything = study.complete()
    front = study.front()
    axes.plot([o.values[last] for o in everything], [o.values[first] for o in everything], "o", alpha=0.3)
    axes.plot([o.values[last] for o in front], [o.values[first] for o in front], "s", label="not dominated")
    axes.set(
        xlabel=study.objectives[last].replace("_", " "), ylabel=study.objectives[first].replace("_", " ")
    )
    axes.legend()
    return _png(figure)


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _png(figure: Figure) -> bytes:
    stream = BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()
