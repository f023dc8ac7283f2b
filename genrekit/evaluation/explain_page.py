"""Output of an `Explanation`: a folder with a page, its pictures and its numbers, and a table for a terminal."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from genrekit.errors import OutputExistsError
from genrekit.evaluation import page
from genrekit.evaluation.explanation import Explanation
from genrekit.evaluation.report_text import NAMES, number_words
from genrekit.files import naming
from genrekit.metrics import LOWER_IS_BETTER, Estimate
from genrekit.text import counted, visible

PAGE, NUMBERS = "explanation.html", "explanation.json"
PICTURES = (
    *("importance.png", "dependence.png", "gain.png", "shap.png", "shap_examples.png"),
    *("regions_features.png", "regions_discriminants.png", "heat_maps.png", "mistakes.png"),
)


def check_explanation_folder(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder that holds an explanation, before the work starts.

    Raises
    ------
    OutputExistsError
    """
    if folder.is_file() or (
        not overwrite and any((folder / name).exists() for name in (PAGE, NUMBERS, *PICTURES))
    ):
        raise OutputExistsError(
            f"{folder} {'is a file' if folder.is_file() else 'already holds an explanation'}.",
            "Choose another folder" + ("." if folder.is_file() else ", or add --overwrite."),
        )


def write_explanation(found: Explanation, folder: str | Path, *, overwrite: bool = False) -> Path:
    """Write the page, every picture as PNG, and the numbers as JSON.

    Parameters
    ----------
    found : Explanation
    folder : str or Path
        Created if missing.
    overwrite : bool
        Whether an explanation in it may be replaced.

    Returns
    -------
    Path
        The page: one file that needs no other.

    Raises
    ------
    OutputExistsError
        If the folder holds an explanation.
    """
    from genrekit.evaluation.explain_pictures import draw_all

    folder = Path(folder)
    check_explanation_folder(folder, overwrite=overwrite)
    drawn = draw_all(found)
    folder.mkdir(parents=True, exist_ok=True)
    for name in PICTURES:
        with naming(folder / name):
            if name in drawn:
                (folder / name).write_bytes(drawn[name][1])
            else:
                (folder / name).unlink(missing_ok=True)
    numbers = json.dumps(explanation_dict(found), indent=2, allow_nan=False)
    for name, text in ((NUMBERS, numbers + "\n"), (PAGE, _html(found, drawn))):
        with naming(folder / name):
            (folder / name).write_text(text, encoding="utf-8", errors="backslashreplace")
    return folder / PAGE


def explanation_dict(found: Explanation) -> dict[str, Any]:
    """Return the numbers of an explanation as JSON-able values."""
    shap = found.shap
    return {
        "model": found.model,
        "split": found.report.split,
        "examples": found.report.n_examples,
        "groups": found.report.n_groups,
        "labels": list(found.report.labels),
        "notes": list(found.notes),
        "metrics": {name: asdict(value) for name, value in found.report.metrics.items()},
        "importances": [
            {"feature": one.feature, "losses": {name: asdict(value) for name, value in one.losses.items()}}
            for one in found.importances
        ],
        "dependences": [
            {"feature": one.feature, "values": one.values.tolist(), "scores": one.scores.tolist()}
            for one in found.dependences
        ],
        "gain_shares": dict(found.gains),
        "shap_mean_magnitude": None
        if shap is None
        else {
            label: dict(zip(shap.names, row.tolist(), strict=True))
            for label, row in zip(found.report.labels, shap.strength, strict=True)
        },
        "mistakes": [
            {
                "id": one.row.id,
                "label": one.row.label,
                "predicted": one.row.predicted,
                "score": float(np.max(one.row.scores)),
            }
            for one in found.mistakes
        ],
    }


def render_explanation(found: Explanation) -> RenderableType:
    """Render the importances for a terminal: a table, followed by notes."""
    parts: list[RenderableType] = []
    if found.importances:
        grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        columns, rows = _cells(found)
        for name in columns:
            grid.add_column(Text(name), justify="left" if name == "feature" else "right")
        for row in rows:
            grid.add_row(*(Text(visible(cell)) for cell in row))
        parts.append(grid)
    parts.append(Text(visible(_words(found))))
    return Group(*parts, *(Text(visible(f"note: {note}"), "yellow") for note in found.notes))


def _cells(found: Explanation) -> tuple[list[str], list[list[str]]]:
    columns = [
        "feature",
        *(f"{NAMES[name]} {'rises' if name in LOWER_IS_BETTER else 'falls'} by" for name in found.metrics),
    ]
    rows = [
        [one.feature, *(_loss(name, one.losses[name]) for name in found.metrics)] for one in found.importances
    ]
    return columns, rows


def _loss(metric: str, loss: Estimate) -> str:
    unit, digits = (1, 3) if metric in LOWER_IS_BETTER else (100, 1)
    words = f"{unit * loss.value:.{digits}f}"
    if loss.low is None or loss.high is None:
        return words
    return f"{words} ({unit * loss.low:.{digits}f} to {unit * loss.high:.{digits}f})"


def _words(found: Explanation) -> str:
    name = found.metrics[0]
    main = found.report.metrics[name]
    ends = (
        ""
        if main.low is None or main.high is None
        else f" ({number_words(name, main.low)} to {number_words(name, main.high)})"
    )
    return (
        f"{NAMES[name]} {number_words(name, main.value)}{ends} on {counted(found.report.n_examples, 'example')} in "
        f"{counted(found.report.n_groups, 'group')}; {found.report.split}"
    )


def _html(found: Explanation, drawn: dict[str, tuple[str, bytes]]) -> str:
    def picture(*names: str) -> list[str]:
        found_ones = [drawn[name] for name in names if name in drawn]
        return [
            part
            for words, png in found_ones
            for part in (page.pictures([(words, png)]), page.paragraph(words))
        ]

    parts = [page.paragraph(_words(found)), *(page.note(note) for note in found.notes)]
    if found.importances:
        parts += [
            page.heading("Importance of features"),
            page.paragraph(
                "The values of one feature at a time are exchanged between examples. What the model loses by that is "
                "what it needs the feature for: points of accuracy and F1, log loss in nats. Intervals are of the paired "
                "bootstrap over groups; a feature whose interval holds 0 is not shown to matter. Features that tell the "
                "same share their importance: each of them can be replaced by the others."
            ),
            *picture("importance.png"),
            page.table(*_cells(found)),
        ]
    if found.dependences:
        parts += [page.heading("How the strongest features change the scores"), *picture("dependence.png")]
    if found.gains or found.shap:
        parts += [page.heading("Inside the trees"), *picture("gain.png", "shap.png", "shap_examples.png")]
    if found.regions:
        parts += [
            page.heading("Regions of decision"),
            *picture("regions_features.png", "regions_discriminants.png"),
        ]
    if found.heat_maps:
        parts += [page.heading("Average heat maps"), *picture("heat_maps.png")]
    parts.append(page.heading("The most confident mistakes"))
    if found.mistakes:
        parts += picture("mistakes.png")
        with_reasons = any(one.reasons for one in found.mistakes)
        parts.append(
            page.table(
                ["example", "true label", "prediction", "score", *["speaks for it"] * with_reasons],
                [
                    [
                        one.row.id,
                        one.row.label,
                        one.row.predicted or "no label",
                        f"{np.max(one.row.scores):.0%}",
                        *[", ".join(one.reasons)] * with_reasons,
                    ]
                    for one in found.mistakes
                ],
            )
        )
    else:
        parts.append(page.paragraph("There are none."))
    return page.page(f"Explanation of {found.model}", parts)
