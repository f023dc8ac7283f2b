"""The table of the trials of a search, of a grid as of an optimiser: ``trial, state, settings, folds, metrics, reason, run``.

*Conventions.* ``state`` is complete, pruned or fail; metrics have six digits; ``run`` identifies the search.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

START, RUN = "trial,state,", "run"


@dataclass(frozen=True)
class Row:
    """One trial.

    Attributes
    ----------
    number : int
    state : {'complete', 'pruned', 'fail'}
    settings : Mapping
        A value per searched key.
    folds : int
        How many folds were measured.
    metrics : Mapping of str to float
    reason : str
        Why it was stopped or failed.
    """

    number: int
    state: str
    settings: Mapping[str, Any]
    folds: int
    metrics: Mapping[str, float]
    reason: str = ""


def rounded(metrics: Mapping[str, float]) -> dict[str, float]:
    """Return metrics as a table keeps them."""
    return {name: float(f"{value:.6g}") for name, value in metrics.items()}


def write_table(path: Path, run: str, keys: Sequence[str], rows: Iterable[Row]) -> None:
    """Write a table, whole or not at all, by way of a file ``.part`` beside it.

    Parameters
    ----------
    path : Path
    run : str
        Identity of the search.
    keys : sequence of str
        The searched settings.
    rows : iterable of Row

    Raises
    ------
    OSError
        If it cannot be written.
    """
    rows = list(rows)
    names = list(dict.fromkeys(name for row in rows for name in row.metrics))
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["trial", "state", *keys, "folds", *names, "reason", RUN])
    for row in rows:
        settings = (row.settings.get(key) for key in keys)
        metrics = (row.metrics.get(name, "") for name in names)
        reason = " ".join(row.reason.split())
        writer.writerow([row.number, row.state, *settings, row.folds, *metrics, reason, run])
    part = path.with_suffix(".part")
    part.write_text(file.getvalue(), encoding="utf-8")
    part.replace(path)


def read_table(text: str, run: str, keys: Sequence[str]) -> list[Row]:
    """Return the trials of a search from a table, settings as their text; those of another search are left out.

    Parameters
    ----------
    text : str
        Content of the file; a last line that is not whole is left out.
    run, keys
        As for `write_table`.
    """
    reader = csv.DictReader(text[: text.rfind("\n") + 1].splitlines())
    names = list(reader.fieldnames or ())
    if names[: len(keys) + 3] != ["trial", "state", *keys, "folds"] or names[-2:] != ["reason", RUN]:
        return []
    metrics = names[len(keys) + 3 : -2]
    return [
        Row(
            int(row["trial"]),
            row["state"],
            {key: row[key] for key in keys},
            int(row["folds"]),
            {name: float(row[name]) for name in metrics if row[name]},
            row["reason"],
        )
        for row in reader
        if row[RUN] == run
    ]
