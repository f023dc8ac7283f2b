"""``genrekit runs``."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genrekit.cli.printing import out, say
from genrekit.cli.reports import print_rendered

if TYPE_CHECKING:
    from genrekit.evaluation import Difference, Run


class Format(StrEnum):
    """Form of the list on stdout."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def runs(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder of bundles and run folders.")
    ] = Path(),
    sort: Annotated[
        str | None,
        typer.Option(
            "--sort",
            metavar="KEY",
            help="A metric such as accuracy (the default) or log_loss; name, backend, state.",
        ),
    ] = None,
    diff: Annotated[
        tuple[str, str] | None,
        typer.Option(
            "--diff", metavar="A B", help="Only what differs between two runs: settings, numbers, data."
        ),
    ] = None,
    format: Annotated[
        Format, typer.Option("--format", "-f", help="Form of the list on stdout.")
    ] = Format.TABLE,
) -> None:
    """List the trainings of a folder as a leaderboard of their test numbers; nothing is computed again.

    Numbers of runs on different data or splits are not comparable: 'genrekit compare' measures models on the same examples.
    """
    from genrekit import evaluation

    found = evaluation.find_runs(folder)
    if diff is not None:
        _print_differences(evaluation.differences(found, *diff), diff, format)
        return
    if not found:
        say(f"{folder} has no bundles and no run folders")
        return
    metrics = {name for run in found for name in run.metrics}
    default = next((name for name in ("accuracy", "macro_f1") if name in metrics), "name")
    _print_runs(evaluation.sort_runs(found, sort or default), format)


def _print_runs(found: list[Run], format: Format) -> None:
    if format is Format.JSON:
        out(json.dumps([asdict(run) for run in found], indent=2, allow_nan=False, default=str))
        return
    metrics = list(dict.fromkeys(name for run in found for name in run.metrics))
    columns = ["run", "state", "backend", *metrics, "examples", "source", "note"]
    rows = [
        [
            run.name,
            run.state,
            run.backend,
            *(f"{run.metrics[name].value:.4f}" if name in run.metrics else "" for name in metrics),
            str(run.facts.get("examples", "")),
            str(run.facts.get("source", "")),
            run.note,
        ]
        for run in found
    ]
    _print_table(columns, rows, format)


def _print_differences(found: list[Difference], names: tuple[str, str], format: Format) -> None:
    if format is Format.JSON:
        out(json.dumps([asdict(one) for one in found], indent=2, default=str))
        return
    if not found:
        say("the two runs have the same settings, numbers and data")
        return
    rows = [[one.kind, one.name, _shown(one.before), _shown(one.after)] for one in found]
    _print_table(["kind", "name", *names], rows, format)


def _shown(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4f}" if isinstance(value, float) and abs(value) >= 1e-3 else str(value)


def _print_table(columns: list[str], rows: list[list[str]], format: Format) -> None:
    if format is Format.CSV:
        file = io.StringIO()
        csv.writer(file, lineterminator="\n").writerows([columns, *rows])
        out(file.getvalue().rstrip("\n"))
        return
    from rich.table import Table
    from rich.text import Text

    from genrekit.text import visible

    kept = [k for k in range(len(columns)) if any(row[k] for row in rows)]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for k in kept:
        table.add_column(Text(visible(columns[k])))
    for row in rows:
        table.add_row(*(Text(visible(row[k])) for k in kept))
    print_rendered(lambda width: table)
