"""Results of an earlier ``genrekit predict -o``, read back row by row."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from genrekit.analysis import MEASURES, columns_of
from genrekit.errors import DatasetError, UsageError
from genrekit.prediction.inputs import Input
from genrekit.types import Content, Prediction

SUFFIXES = (".jsonl", ".csv")
_MAX_LINE = 1 << 24


def read_results(path: Path) -> Iterator[Prediction]:
    """The rows of a file of results.

    A line that is no result is a prediction with ``error``. A CSV with a timeline has several rows an input, which
    are one prediction.

    Parameters
    ----------
    path : Path
        ``.jsonl`` or ``.csv``.

    Raises
    ------
    UsageError
        If it has another suffix.
    DatasetError
        If it cannot be read, or is CSV without the columns of results.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{path} is no file of results by its name.", "Use one in .jsonl or .csv.")
    try:
        rows = _csv_rows(path) if path.suffix.lower() == ".csv" else _jsonl_rows(path)
        yield from rows
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror or error}.") from None


def matched(inputs: Iterable[Input], results: Iterable[Prediction], name: str) -> Iterator[Prediction]:
    """The results of these inputs, in their order; one without a result is a prediction with ``error``."""
    by_path = {_place(result.id): result for result in results}
    for one in inputs:
        result = None if one.error else by_path.get(_place(one.name))
        yield result or Prediction(one.name, error=one.error or f"has no result in {name}")


def _place(name: str) -> str:
    return os.path.abspath(name)  # noqa: PTH100 - resolve() would follow links, and fail on odd names


def _jsonl_rows(path: Path) -> Iterator[Prediction]:
    with path.open("rb") as file:
        number = 0
        while line := file.readline(_MAX_LINE):
            number += 1
            if not line.strip():
                continue
            try:
                yield _prediction(json.loads(line))
            except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
                yield Prediction(
                    f"{path}#line {number}", error="The line is no result of 'genrekit predict'."
                )


def _csv_rows(path: Path) -> Iterator[Prediction]:
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv.DictReader(file)
        last = None
        try:
            missing = {"input", "label", "score", "error", "sha256"} - set(reader.fieldnames or ())
            if missing:
                raise DatasetError(
                    f"{path} has no column {', '.join(sorted(missing))}.",
                    "Results have all of them: genrekit predict ... -o results.csv",
                )
            for cells in reader:
                try:
                    prediction = _prediction(_fields(cells))
                except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
                    name = f"{path}#line {reader.line_num}"
                    prediction = Prediction(name, error="The line is no result of 'genrekit predict'.")
                if prediction != last:
                    yield prediction
                last = prediction
        except csv.Error as error:
            yield Prediction(f"{path}#after line {reader.line_num}", error=f"The table breaks off: {error}.")


def _fields(cells: dict[str, str | None]) -> dict[str, Any]:
    """A row of CSV as the object that JSONL has for it."""
    scores = []
    rank = 1
    while cells.get(f"label_{rank}"):
        scores.append({"label": cells[f"label_{rank}"], "score": cells.get(f"score_{rank}")})
        rank += 1
    fields: dict[str, Any] = {name: value or None for name, value in cells.items() if isinstance(name, str)}
    labels = (cells.get("labels") or cells["label"] or "").split("|")
    return fields | {"scores": scores, "labels": [label for label in labels if label]}


def _prediction(fields: dict[str, Any]) -> Prediction:
    score, sha256 = fields.get("score"), fields.get("sha256")
    texts = [fields["input"], *fields.get("labels", ()), *(s["label"] for s in fields.get("scores", ()))]
    optional = (fields["label"], fields.get("error"), sha256)
    if not all(isinstance(text, str) for text in texts) or not all(
        isinstance(text, str | None) for text in optional
    ):
        raise ValueError("no text")
    return Prediction(
        id=fields["input"],
        label=fields["label"],
        score=None if score is None else float(score),
        scores=tuple((one["label"], float(one["score"])) for one in fields.get("scores", ())),
        labels=tuple(fields.get("labels", ())),
        error=fields.get("error"),
        familiar=_familiar(fields.get("familiar")),
        content=Content(int(fields.get("bytes") or 0), sha256) if sha256 else None,
        analysis={name: _measure(name, fields[name]) for name in columns_of(MEASURES) if name in fields},
    )


def _familiar(value: Any) -> bool | None:
    """Read what JSON has as a boolean, and CSV as a word."""
    words = {"true": True, "false": False}
    if isinstance(value, str):
        return words[value.lower()]
    if value is not None and not isinstance(value, bool):
        raise ValueError("no boolean")
    return value


def _measure(name: str, value: Any) -> float | str | None:
    if value is None:
        return None
    if name not in ("key", "camelot"):
        return float(value)
    if not isinstance(value, str):
        raise ValueError("no text")
    return value
