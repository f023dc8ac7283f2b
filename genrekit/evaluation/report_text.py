"""Output of a `Report`: for a terminal, as JSON, and as a folder.

*Conventions.* Every output begins with `Report.notes`, and the notes begin with the inflation of a split if there is
one, so that such a number is never shown without the warning.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from io import StringIO
from pathlib import Path
from string import ascii_letters

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from genrekit.errors import OutputExistsError
from genrekit.metrics import INFLATED, WHOLE, Estimate, Report, ScoredExample
from genrekit.text import counted, visible

FILES = ("report.json", "report.txt", "confusion.png", "reliability.png", "predictions.csv")

NAMES = {
    "accuracy": "accuracy",
    "macro_f1": "macro-F1",
    "macro_f1_present": "macro-F1 of labels present",
    "log_loss": "log loss",
    "expected_calibration_error": "calibration error (ECE)",
    "top_3_accuracy": "top-3 accuracy",
    "micro_f1": "micro-F1",
    "samples_f1": "samples-F1",
    "mean_average_precision": "mean average precision",
    "roc_auc": "ROC AUC",
}
_NO_SHARE = {"log_loss", "mean_average_precision", "roc_auc"}
_N_LISTED = 20
# Minimum width of a table of labels with average precision, ROC AUC and threshold.
_WIDE = 72


def render(report: Report, *, width: int = 80) -> RenderableType:
    """Render a report for a terminal: notes, headline numbers, a table of labels, and confusions if single-label.

    Parameters
    ----------
    report : Report
        The report.
    width : int >= 40
        Columns to fill. A confusion matrix that is too wide gets letters for labels; one that is still too wide is
        replaced by a list of the most frequent confusions. Below 72 columns multi-label reports omit average precision,
        ROC AUC and threshold of the labels.

    Returns
    -------
    RenderableType
        For ``rich.console.Console.print``.
    """
    notes = [Text(visible(note), "bold red" if note == INFLATED else "yellow") for note in report.notes]
    parts: list[RenderableType] = [
        *notes,
        _headline(report),
        Text(f"{'measured on' if report.split.startswith(WHOLE) else 'split'}: {visible(report.split)}"),
        *_not_learnt(report),
        "",
        _per_label(report, width),
    ]
    if not report.multilabel:
        parts += ["", _confusion(report, width)]
    if report.failures:
        parts += ["", Text("Could not be read:", "yellow")]
        parts += [Text(visible(f"{id_}: {reason}")) for id_, reason in report.failures[:_N_LISTED]]
        if len(report.failures) > _N_LISTED:
            parts += [f"and {len(report.failures) - _N_LISTED} more; the JSON report has them all"]
    return Group(*parts)


def to_text(report: Report, *, width: int = 100) -> str:
    """Return the report as plain text without colours, ``width`` columns wide.

    Parameters
    ----------
    report : Report
    width : int >= 40

    Returns
    -------
    str
    """
    file = StringIO()
    Console(file=file, width=width, color_system=None, highlight=False, markup=False).print(
        render(report, width=width)
    )
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


def to_json(report: Report) -> str:
    """Return the report as indented ASCII JSON, the notes first."""
    return json.dumps(report.to_dict(), indent=2, allow_nan=False)


def write_report(
    report: Report,
    folder: str | Path,
    *,
    predictions: Iterable[ScoredExample] = (),
    overwrite: bool = False,
) -> tuple[Path, ...]:
    """Write report.json and report.txt, confusion.png and reliability.png if single-label, and predictions.csv.

    Parameters
    ----------
    report : Report
        The report.
    folder : str or Path
        Output folder; created if missing.
    predictions : iterable of ScoredExample
        Rows for predictions.csv, from which every number can be computed again: id, label, predicted, score,
        group (empty: its own), and ``score:LABEL`` for every label.
    overwrite : bool
        Whether to replace files of these names. Other files in the folder are never changed.

    Returns
    -------
    tuple of Path
        Paths of the written files.

    Raises
    ------
    OutputExistsError
        If one of the files exists and ``overwrite`` is False, or the folder is a file.
    """
    from genrekit.metrics import confusion_png, reliability_png

    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise OutputExistsError(f"{folder} is a file; a report needs a folder.", "Choose another name.")
    there = [name for name in FILES if (folder / name).exists()]
    if there and not overwrite:
        raise OutputExistsError(
            f"{folder} already holds {', '.join(there)}.", "Choose another folder, or add --overwrite."
        )
    folder.mkdir(parents=True, exist_ok=True)
    as_json, as_text, confusion, reliability, table = (folder / name for name in FILES)
    as_json.write_text(to_json(report) + "\n", encoding="utf-8")
    as_text.write_text(to_text(report), encoding="utf-8")
    for earlier in (confusion, reliability, table):  # those of an earlier report do not belong to this one
        earlier.unlink(missing_ok=True)
    written = [as_json, as_text]
    if not report.multilabel:
        confusion.write_bytes(confusion_png(report, _with_interval(report, "accuracy")))
        reliability.write_bytes(reliability_png(report, _with_interval(report, "expected_calibration_error")))
        written += [confusion, reliability]
    rows = list(predictions)
    if not rows:
        return tuple(written)
    # backslashreplace: file names need not be valid UTF-8
    with table.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        writer = csv.writer(file)
        names = [f"score:{label}" for label in report.labels]
        writer.writerow(["id", "label", "predicted", "score", "group", *names])
        for row in rows:
            scores = (f"{score:.9g}" for score in row.scores)
            writer.writerow(
                [row.id, row.label, row.predicted, round(float(row.score), 6), row.group, *scores]
            )
    return (*written, table)


def _with_interval(report: Report, name: str) -> str:
    estimate = report.metrics[name]
    return f"{NAMES[name]} {number_words(name, estimate.value)} ({_interval(name, estimate)})"


def _headline(report: Report) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(justify="right", no_wrap=True)
    table.add_column()
    for name, estimate in report.metrics.items():
        table.add_row(
            NAMES.get(name, name),
            Text(number_words(name, estimate.value), "bold"),
            "; ".join(filter(None, (_interval(name, estimate), report.effects.get(name)))),
        )
    always = f"{'micro-F1 of ' if report.multilabel else ''}always '{visible(report.baseline_label)}'"
    always = "; ".join(filter(None, (always, report.effects.get("baseline"))))
    table.add_row("majority baseline", number_words("accuracy", report.baseline), Text(always))
    table.add_row("examples", str(report.n_examples), f"in {counted(report.n_groups, 'group')}")
    return table


def _not_learnt(report: Report) -> list[RenderableType]:
    """Return the headline numbers on the examples that the model did not learn, where it learnt some of them."""
    if report.learnt is None:
        return []
    if not report.learnt.examples:
        return [Text(report.learnt.note)]
    if report.learnt.rest is None:
        return []
    n = report.learnt.rest.n_examples
    return [
        "",
        Text(f"on the {counted(n, 'example')} that the model did not learn:", "bold"),
        _headline(report.learnt.rest),
    ]


def number_words(name: str, value: float) -> str:
    return f"{value:.3f}" if name in _NO_SHARE else f"{100 * value:.1f} %"


def _interval(name: str, estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return "no interval"
    return f"95 %: {number_words(name, estimate.low)} to {number_words(name, estimate.high)}"


def _per_label(report: Report, width: int) -> Table:
    is_full = report.multilabel and width >= _WIDE
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("label")
    ranked = ("AP", "AUC", "threshold") if is_full else ()
    for heading in ("precision", "recall", "F1", *ranked, "examples"):
        table.add_column(heading, justify="right", no_wrap=True)
    for m in report.per_label:
        shares = (f"{100 * share:.1f} %" for share in (m.precision, m.recall, m.f1))
        numbers = (m.average_precision, m.roc_auc, report.thresholds.get(m.label)) if is_full else ()
        more = tuple("" if number is None else f"{number:.3f}" for number in numbers)
        table.add_row(Text(visible(m.label)), *shares, *more, str(m.support))
    return table


def _confusion(report: Report, width: int) -> RenderableType:
    names = [visible(label) for label in report.labels]
    digits = max(len(str(n)) for row in report.confusion for n in row)
    first = max(cell_len(name) for name in names) + 1
    letters = ascii_letters[: len(names)]
    if first + sum(max(cell_len(name), digits) + 1 for name in names) <= width:
        headings = names
    elif len(letters) == len(names) and first + 2 + (digits + 1) * len(names) <= width:
        headings = list(letters)
        names = [f"{letter} {name}" for letter, name in zip(letters, names, strict=True)]
    else:
        return _confusions(report, names)
    table = Table(
        box=None,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    table.add_column("", no_wrap=True)
    for heading in headings:
        table.add_column(Text(heading), justify="right", no_wrap=True, min_width=digits)
    for i, (name, row) in enumerate(zip(names, report.confusion, strict=True)):
        cells = [Text(str(n) if n else ".", "bold" if i == j else "") for j, n in enumerate(row)]
        table.add_row(Text(name), *cells)
    return Group("rows: true label; columns: prediction", table)


def _confusions(report: Report, names: Sequence[str]) -> Table:
    """Return a table of the most frequent confusions, for a matrix that is too wide."""
    pairs = [(n, i, j) for i, row in enumerate(report.confusion) for j, n in enumerate(row) if n and i != j]
    pairs.sort(key=lambda pair: (-pair[0], pair[1:]))
    table = Table(
        box=None,
        pad_edge=False,
        padding=(0, 2, 0, 0),
        title="the most frequent confusions",
        title_justify="left",
    )
    for heading in ("true label", "prediction", "examples"):
        table.add_column(heading, justify="right" if heading == "examples" else "left")
    for n, i, j in pairs[:_N_LISTED]:
        table.add_row(Text(names[i]), Text(names[j]), f"{n} of {report.per_label[i].support}")
    return table
