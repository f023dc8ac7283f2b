"""Output of a `Comparison`: as a table, CSV, JSON, Markdown and HTML."""

from __future__ import annotations

import csv
import json
from io import StringIO

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from genrekit.evaluation import page
from genrekit.evaluation.leaderboard import Compared, Comparison
from genrekit.evaluation.report_text import NAMES, number_words
from genrekit.metrics import LOWER_IS_BETTER, Estimate
from genrekit.text import counted, visible

_SHORT = {"expected_calibration_error": "ECE"}


def render_comparison(comparison: Comparison) -> RenderableType:
    """Render a comparison for a terminal: a table, followed by notes."""
    columns, rows = _cells(comparison)
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in columns:
        grid.add_column(Text(name), justify="left" if name in ("model", "vs best") else "right")
    for row in rows:
        grid.add_row(*(Text(visible(cell)) for cell in row))
    notes = [Text(visible(f"note: {note}"), "yellow") for note in comparison.notes]
    return Group(grid, Text(visible(_words(comparison))), *notes)


def comparison_json(comparison: Comparison) -> str:
    """Return a comparison as indented ASCII JSON, with the whole report of every model."""
    return json.dumps(comparison.to_dict(), indent=2, allow_nan=False)


def comparison_csv(comparison: Comparison) -> str:
    """Return a comparison as CSV: one row per model, numbers without rounding to words; differences are to the best."""
    metrics = list(comparison.models[0].report.metrics)
    file = StringIO()
    header = ["rank", "model"]
    for name in metrics:
        header += [name, f"{name}_low", f"{name}_high"]
    compared = list(comparison.models[0].differences)
    for name in compared:
        header += [f"{name}_vs_best", f"{name}_vs_best_low", f"{name}_vs_best_high"]
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*header, "ms_per_input", "memory_mb", "size_mb", "examples", "learnt"])
    for one in comparison.models:
        row: list[object] = [one.rank, one.name]
        for name in metrics:
            row += _three(one.report.metrics.get(name))
        for name in compared:
            row += _three(one.differences.get(name))
        cost, learnt = one.cost, one.report.learnt
        row += [_rounded(cost.ms if cost else None), _rounded(cost.memory_mb if cost else None)]
        row += [_rounded(one.size_mb), one.report.n_examples, learnt.examples if learnt else ""]
        writer.writerow(row)
    return file.getvalue()


def comparison_markdown(comparison: Comparison) -> str:
    """Return a comparison as a table in Markdown, followed by notes."""
    columns, rows = _cells(comparison)
    lines = [columns, ["---"] * len(columns), *rows]
    table = ["| " + " | ".join(visible(cell).replace("|", "\\|") for cell in line) + " |" for line in lines]
    notes = [f"- {visible(note)}" for note in comparison.notes]
    return "\n".join([*table, "", visible(_words(comparison)), *([""] if notes else []), *notes]) + "\n"


def comparison_html(comparison: Comparison) -> str:
    """Return a comparison as one HTML file: the table, and reliability diagrams and confusion matrices side by side."""
    from genrekit.metrics import confusion_png, reliability_png

    columns, rows = _cells(comparison)
    parts = [page.note(note) for note in comparison.notes]
    parts += [page.table(columns, rows), page.paragraph(_words(comparison))]
    if not comparison.models[0].report.multilabel:
        drawn = [
            (f"Reliability of {one.name}", reliability_png(one.report, one.name)) for one in comparison.models
        ]
        parts += [page.heading("Reliability: accuracy by score"), page.pictures(drawn)]
        drawn = [
            (f"Confusions of {one.name}", confusion_png(one.report, one.name)) for one in comparison.models
        ]
        parts += [page.heading("Confusions"), page.pictures(drawn)]
    parts.append(page.heading("F1 by label"))
    supports = {m.label: m.support for m in comparison.models[0].report.per_label}
    f1 = [{m.label: m.f1 for m in one.report.per_label} for one in comparison.models]
    parts.append(
        page.table(
            ["label", "examples", *(one.name for one in comparison.models)],
            [
                [label, str(supports[label]), *(f"{100 * values[label]:.1f} %" for values in f1)]
                for label in comparison.labels
            ],
        )
    )
    return page.page("Comparison of models", parts)


def _cells(comparison: Comparison) -> tuple[list[str], list[list[str]]]:
    """Return the columns of the table, and its rows as text."""
    first = comparison.models[0]
    wanted = [comparison.by, *first.differences, "expected_calibration_error", "mean_average_precision"]
    metrics = [name for name in dict.fromkeys(wanted) if name in first.report.metrics]
    with_cost = any(one.cost for one in comparison.models)
    with_memory = any(one.cost and one.cost.memory_mb is not None for one in comparison.models)
    with_size = any(one.size_mb for one in comparison.models)
    headings = [_SHORT.get(name, NAMES[name]) for name in metrics]
    headings[0] += " (95 %)"
    columns = ["rank", "model", *headings]
    columns += ["ms/input"] * with_cost + ["memory MB"] * with_memory + ["file MB"] * with_size + ["vs best"]
    rows = []
    for one in comparison.models:
        row = [str(one.rank), one.name]
        for name in metrics:
            estimate = one.report.metrics.get(name)
            row.append("" if estimate is None else number_words(name, estimate.value))
        main = one.report.metrics[comparison.by]
        row[2] += "" if main.low is None else f" ({_ends(comparison.by, main)})"
        cost = one.cost
        row += [f"{cost.ms:.3g}" if cost else ""] * with_cost
        row += [f"{cost.memory_mb:.0f}" if cost and cost.memory_mb is not None else ""] * with_memory
        row += [f"{one.size_mb:.1f}" if one.size_mb else ""] * with_size
        row.append("" if one is first else _versus(comparison.by, one))
        rows.append(row)
    return columns, rows


def _versus(by: str, one: Compared) -> str:
    """Return the difference to the best in words."""
    found = one.differences[by]
    unit = 1 if by in LOWER_IS_BETTER else 100
    digits = 3 if unit == 1 else 1
    value = f"{unit * found.value:+.{digits}f}"
    if found.low is None or found.high is None:
        return f"{value}: no interval, not told apart"
    words = f"{value} ({unit * found.low:+.{digits}f} to {unit * found.high:+.{digits}f})"
    return words + (": not told apart" if found.low <= 0 <= found.high else "")


def _words(comparison: Comparison) -> str:
    report = comparison.models[0].report
    return (
        f"{counted(report.n_examples, 'example')} in {counted(report.n_groups, 'group')}; {comparison.split}; ranks by "
        f"{NAMES[comparison.by]}, with ties where the paired bootstrap over groups does not tell models apart"
    )


def _ends(name: str, estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return "no interval"
    return f"{number_words(name, estimate.low)} to {number_words(name, estimate.high)}"


def _three(estimate: Estimate | None) -> list[object]:
    if estimate is None:
        return ["", "", ""]
    return [_rounded(value) for value in (estimate.value, estimate.low, estimate.high)]


def _rounded(value: float | None) -> object:
    return "" if value is None else float(f"{value:.6g}")
