"""Results of an earlier ``genrekit predict -o``, read back row by row."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import repeat
from pathlib import Path
from typing import Any

from genrekit.analysis import MEASURES, columns_of
from genrekit.errors import DatasetError, MediaError, UnknownSourceError, UsageError
from genrekit.library import moved
from genrekit.prediction.cue import is_track
from genrekit.prediction.inputs import Input
from genrekit.prediction.output_file import FACTS, SUFFIXES
from genrekit.remote import is_remote
from genrekit.tables import open_table, read_values
from genrekit.text import nearest, printable, system_name, unescaped_name, utf8_name
from genrekit.types import Content, Prediction

NOT_THERE = "There is no such file"
_TABLES = (".csv", ".parquet")
_MAX_LINE = 1 << 24
_NOT_A_RESULT = (ValueError, TypeError, KeyError, AttributeError, OverflowError)


def read_results(path: Path, *, root: Path | None = None) -> Iterator[Prediction]:
    """Read the rows of a results file.

    A line that is not a result is a prediction with ``error``. A table with a timeline has several rows per input,
    which are one prediction. A relative path starts where the prediction ran, as the journal beside the file says; else
    here, or where the file of results is.

    Parameters
    ----------
    path : Path
        With a suffix that ``genrekit predict -o`` takes.
    root : Path, optional
        Folder of the files if they were moved: a file is looked for by as much of the end of its path as is there.

    Raises
    ------
    UsageError
        If it has another suffix, or is not there.
    DatasetError
        If it cannot be read, or is a table without the columns of results.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(
            f"{printable(path)} does not have the suffix of a file of results.",
            f"Use one in {', '.join(SUFFIXES)}.",
        )
    if not path.exists():
        results = (str(found) for found in path.parent.glob("*") if found.suffix.lower() in SUFFIXES)
        guess = nearest(str(path), results) if path.parent.is_dir() else ""
        raise UnknownSourceError(
            f"There is no file {path}.",
            f"Did you mean {guess}?" if guess else "'genrekit predict music/ -o FILE' writes one.",
        )
    places = _Places.of(path, root)
    rows = _table_rows(path) if path.suffix.lower() in _TABLES else _json_rows(path)
    return map(places.located, rows)


@dataclass(frozen=True)
class _Places:
    """Folders that relative paths in a file of results may start from, the likeliest first."""

    name: str
    folders: tuple[Path, ...]
    root: Path | None

    @classmethod
    def of(cls, path: Path, root: Path | None) -> _Places:
        folders = [Path.cwd(), path.absolute().parent.resolve()]
        try:
            facts = json.loads((path.with_name(f"{path.name}.run") / FACTS).read_text(encoding="utf-8"))
            folders.insert(0, Path(system_name(facts["folder"])))
        except (OSError, ValueError, KeyError, TypeError):
            pass  # no journal, or one that an earlier version wrote
        return cls(str(path), tuple(dict.fromkeys(folders)), root)

    def located(self, prediction: Prediction) -> Prediction:
        """Return the prediction with the path of its file from here; with an error where there is none."""
        name = prediction.id
        is_part = prediction.error is None and is_track(name)
        if is_part and not any(os.path.lexists(folder / name) for folder in self.folders):
            return replace(
                prediction,
                error="The result is of a track within a file; only whole files are tagged and sorted.",
            )
        if prediction.error is not None or prediction.content is None or is_remote(name):
            return prediction
        if self.root is not None:
            try:
                return replace(prediction, id=str(moved(Path(name), self.root)))
            except MediaError as error:
                return replace(prediction, error=str(error))
        if os.path.isabs(name):  # noqa: PTH117 - odd names
            return prediction
        here = Path.cwd()
        for folder in self.folders:
            if os.path.lexists(folder / name):
                return prediction if folder == here else replace(prediction, id=str(folder / name))
        if self.folders[0] == here:
            return prediction
        return replace(
            prediction,
            error=f"{NOT_THERE}; paths in {self.name} start at {self.folders[0]}, where it was predicted.",
        )


def results_for(inputs: Iterable[Input], results: Iterable[Prediction], name: str) -> Iterator[Prediction]:
    """Yield the results of inputs in their order; an input without a result gets a prediction with ``error``.

    Parameters
    ----------
    inputs : iterable of Input
        Inputs as `genrekit.prediction.expand` yields them.
    results : iterable of Prediction
        The results of an earlier run; of several for one path the last counts.
    name : str
        Name of the file of results, for error messages.

    Yields
    ------
    Prediction
        One per input.
    """
    by_path: dict[str, Prediction] = {}
    for result in results:
        by_path[_place(result.id)] = result
    by_file: dict[str, Prediction] = {}
    for one in inputs:
        found = None if one.error else by_path.get(_place(one.name))
        if found is None and not one.error:  # under another name of a folder, by a link
            by_file = by_file or {os.path.realpath(place): result for place, result in by_path.items()}
            found = by_file.get(os.path.realpath(one.name))
            found = found and replace(found, id=one.name)
        yield found or Prediction(one.name, error=one.error or f"has no result in {name}")


def _place(name: str) -> str:
    return os.path.abspath(name)  # noqa: PTH100 - resolve() would fail on odd names


def _json_rows(path: Path) -> Iterator[Prediction]:
    for value in read_values(path, max_line_characters=_MAX_LINE):
        try:
            yield _prediction(value.content)
        except _NOT_A_RESULT:
            yield _no_result(path, value.number)


def _table_rows(path: Path) -> Iterator[Prediction]:
    table = open_table(path)
    if missing := {"input", "label", "score", "error", "sha256"} - set(table.columns):
        raise DatasetError(
            f"{path} has no column {', '.join(sorted(missing))}.",
            "Results have all of them: genrekit predict ... -o results.csv",
        )
    last, number = None, 1
    try:
        labels = (
            _parquet_labels(path)
            if "labels" not in table.columns and path.suffix.lower() == ".parquet"
            else repeat(())
        )
        for (number, cells, problem), more in zip(table.rows(), labels, strict=False):
            try:
                if problem:
                    raise ValueError(problem)
                fields = _fields(dict(zip(table.columns, cells, strict=True)))
                prediction = _prediction(fields | {"labels": more} if more else fields)
            except _NOT_A_RESULT:
                prediction = _no_result(path, number)
            if prediction != last:
                yield prediction
            last = prediction
    except DatasetError as error:
        yield Prediction(f"{path}#after line {number}", error=f"The table breaks off: {error.message}")


def _parquet_labels(path: Path) -> Iterator[list[str]]:
    """Yield the labels of each row: a list, which tables do not read; empty where the model has one label per song."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
            if "labels" not in schema.names or schema.field("labels").type != pa.list_(pa.string()):
                yield from repeat([], file.metadata.num_rows)
                return
            for batch in file.iter_batches(1024, columns=["labels"]):
                yield from (value or [] for value in batch.column(0).to_pylist())
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DatasetError(f"{printable(path)} is damaged: {error}.") from None


def _no_result(path: Path, number: int) -> Prediction:
    return Prediction(f"{path}#line {number}", error="The line is not a result of 'genrekit predict'.")


def _fields(cells: dict[str, str]) -> dict[str, Any]:
    """Return a table row as the corresponding JSON object."""
    scores = []
    rank = 1
    while cells.get(f"label_{rank}"):
        scores.append({"label": cells[f"label_{rank}"], "score": cells.get(f"score_{rank}")})
        rank += 1
    fields: dict[str, Any] = {name: value or None for name, value in cells.items()}
    fields["input"] = utf8_name(unescaped_name(cells["input"]))
    labels = (cells.get("labels") or cells["label"]).split("|")
    return fields | {"scores": scores, "labels": [label for label in labels if label]}


def _prediction(fields: dict[str, Any]) -> Prediction:
    score, sha256 = fields.get("score"), fields.get("sha256")
    texts = [fields["input"], *fields.get("labels", ()), *(s["label"] for s in fields.get("scores", ()))]
    sound_key = fields.get("sound_key")
    optional = (fields["label"], fields.get("error"), fields.get("note"), sha256, sound_key)
    if not all(isinstance(text, str) for text in texts) or not all(
        isinstance(text, str | None) for text in optional
    ):
        raise ValueError("no text")
    return Prediction(
        id=system_name(fields["input"]),
        label=fields["label"],
        score=None if score is None else _float(score),
        scores=tuple((one["label"], _float(one["score"])) for one in fields.get("scores", ())),
        labels=tuple(fields.get("labels", ())),
        error=fields.get("error"),
        note=fields.get("note"),
        familiar=_familiar(fields.get("familiar")),
        content=Content(int(fields.get("bytes") or 0), sha256, sound_key or "") if sha256 else None,
        analysis={name: _measure(name, fields[name]) for name in columns_of(MEASURES) if name in fields},
    )


def _familiar(value: Any) -> bool | None:
    """Read a boolean of JSON, or the word for it in CSV."""
    if isinstance(value, str):
        return {"true": True, "false": False}[value.lower()]
    if value is not None and not isinstance(value, bool):
        raise ValueError("no boolean")
    return value


def _measure(name: str, value: Any) -> float | str | None:
    if value is None:
        return None
    if name not in ("key", "camelot"):
        return _float(value)
    if not isinstance(value, str):
        raise ValueError("no text")
    return value


def _float(value: Any) -> float:
    # A spreadsheet may have saved the table with decimal commas.
    return float(value.replace(",", ".") if isinstance(value, str) else value)
