"""Prediction of tables of any length, one frame of rows at a time, without cache or worker processes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from heapq import merge

import numpy as np
import pyarrow as pa

from genrekit.backends import NativeScorer, ReadsTables, ScoresNatively, TableReader, TableRows
from genrekit.errors import DatasetError, MediaError
from genrekit.execution import default_jobs
from genrekit.hashing import content_of
from genrekit.prediction.decision import Decision
from genrekit.prediction.model import Model
from genrekit.prediction.reasons import explained
from genrekit.prediction.routing import TableTask
from genrekit.tables import Frame, Table
from genrekit.text import sentence
from genrekit.types import Content, Prediction, Say

# Frames with fewer rows are scored by the graph, without importing a native library.
MANY = 5_000

Numbered = tuple[int, Prediction]


@dataclass(frozen=True, eq=False)
class _Scoring:
    """A frame with its windows, and the future scores of its rows without error."""

    frame: Frame
    rows: TableRows
    good: np.ndarray
    scores: Future[np.ndarray]


def table_predictions(table: TableTask, model: Model, decision: Decision, say: Say) -> Iterator[Prediction]:
    """Predict the rows of a table, in order, in bounded memory.

    A row that cannot be read is a prediction with ``error``, and so is the unreadable rest of a table.
    """
    last: int | None = None
    content: Content | None = None
    try:
        with table.at_hand() as opened:
            content = content_of(opened.path)
            for scored in _score(table, opened, model, say):
                for number, prediction in _in_order(table, scored, model, decision, content):
                    yield prediction
                    last = number
    except (DatasetError, MediaError, OSError) as error:
        after = table.name if last is None else f"{table.name}#after row {last}"
        yield Prediction(id=after, error=str(error), content=content)
        return
    if last is None:
        yield Prediction(
            id=table.name, error="The table has no rows below its column names.", content=content
        )


def _score(table: TableTask, opened: Table, model: Model, say: Say) -> Iterator[_Scoring]:
    """Read frames and score them in parallel, one thread per frame, while the caller uses the one before."""
    jobs = default_jobs()
    waiting: deque[_Scoring] = deque()
    broke_off: Exception | None = None
    with ThreadPoolExecutor(jobs) as pool:
        try:
            for frame, rows, scorer in _read(table, opened, model, say):
                good = np.setdiff1d(np.arange(frame.table.num_rows), list(rows.errors))
                waiting.append(_Scoring(frame, rows, good, pool.submit(scorer, rows.windows[good])))
                if len(waiting) > jobs:
                    yield waiting.popleft()
        except (DatasetError, OSError) as error:  # rows before the error are predicted first
            broke_off = error
        yield from waiting
    if broke_off:
        raise broke_off


def _read(
    table: TableTask, opened: Table, model: Model, say: Say
) -> Iterator[tuple[Frame, TableRows, NativeScorer]]:
    reader: TableReader | None = None
    scorer: NativeScorer = model.runtime.scores
    for frame in opened.frames():
        if reader is None and frame.table.num_rows:
            assert isinstance(model.backend, ReadsTables)
            reader = model.backend.open_table(frame.table)
            # The scores of both agree to 1e-5.
            if frame.table.num_rows >= MANY and isinstance(model.backend, ScoresNatively):
                if model.bundle.manifest.format > 1:
                    scorer = model.backend.native_scorer(model.bundle.payload)
                else:
                    say(f"note: model {model.name!r} is of format 1: its graph scores the rows, more slowly")
            for note in (*opened.notes, *reader.notes):
                say(f"{table.name}: {note}")
        yield (
            frame,
            reader.read(frame.table) if reader else TableRows(np.zeros((0, *_shape(model))), {}),
            scorer,
        )


def _shape(model: Model) -> tuple[int, ...]:
    return tuple(size or 1 for size in model.bundle.manifest.input_shape)


def _in_order(
    table: TableTask, scored: _Scoring, model: Model, decision: Decision, content: Content
) -> Iterator[Numbered]:
    """Yield the predictions of a frame in the order of row numbers, including unreadable rows."""
    rows = _rows(table, scored, model, decision, content)
    if not scored.frame.broken:
        return rows
    broken = [
        (number, Prediction(id=f"{table.name}#row {number}", error=sentence(why, "The row"), content=content))
        for number, why in scored.frame.broken
    ]
    return merge(rows, broken, key=lambda numbered: numbered[0])


def _rows(
    table: TableTask, scored: _Scoring, model: Model, decision: Decision, content: Content
) -> Iterator[Numbered]:
    frame, errors = scored.frame, scored.rows.errors
    numbers = frame.numbers.tolist()
    ids = [f"{table.name}#row {number}" for number in numbers]
    extras = _extras(frame.table, table.others)
    good = scored.good.tolist()
    predictions = decision.rows(
        [ids[i] for i in good], scored.scores.result(), [extras[i] for i in good], content
    )
    if decision.options.explain:
        predictions = explained(model, scored.rows.windows[scored.good], predictions)
    for i, number in enumerate(numbers):
        if i in errors:
            yield (
                number,
                Prediction(id=ids[i], error=sentence(errors[i], "The row"), extra=extras[i], content=content),
            )
        else:
            yield number, next(predictions)


def _extras(table: pa.Table, names: Sequence[str]) -> list[Mapping[str, str]]:
    """Return the identifying cells of every row."""
    if not names:
        return [{}] * table.num_rows
    columns = [_texts(table.column(name)) for name in names]
    return [dict(zip(names, cells, strict=True)) for cells in zip(*columns, strict=True)]


def _texts(column: pa.ChunkedArray) -> list[str]:
    values: list[str] = column.to_pylist()
    if pa.types.is_string(column.type) and not column.null_count:
        return values
    return ["" if value is None else str(value) for value in values]
