"""Rows of tags as JSONL, or as a table on a terminal."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import TextIO

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from genrekit.library import Change, Field, Status, TagRow
from genrekit.output import PipeConsole, rounded
from genrekit.text import encodable, visible

_COLOURS = {
    Status.WOULD_CHANGE: "green",
    Status.CHANGED: "bold green",
    Status.UNSURE: "yellow",
    Status.ERROR: "bold red",
}
_MEASURE, _SCORE, _STATUS = 10, 5, 12


def write_jsonl(row: TagRow, stream: TextIO) -> None:
    """Write a row as one line of JSON: input, status, score, error, and for each field its status, before and after."""
    value = {
        "input": row.input,
        "status": row.status.value,
        "score": rounded(row.score),
        "error": row.error,
    }
    changes = {
        field.value: {"status": one.status.value, "before": list(one.before), "after": list(one.after)}
        for field, one in row.changes.items()
    }
    stream.write(json.dumps(value | changes, ensure_ascii=True, allow_nan=False) + "\n")
    stream.flush()


class RowTable:
    """Table of file, genre now, genre then, score, measured fields and status; as wide as the terminal, at least 60 columns.

    Parameters
    ----------
    stream : TextIO
    measured : collection of Field
        Further columns of 11 cells each, in addition to the 60.
    field : Field
        The field for labels.
    """

    def __init__(self, stream: TextIO, measured: Collection[Field] = (), field: Field = Field.GENRE) -> None:
        self._stream = stream
        self._field = field
        self._measured = tuple(measured)
        self._console = PipeConsole(file=stream, highlight=False, markup=False, emoji=False)
        columns = (_SCORE, *(_MEASURE for _ in self._measured), _STATUS)
        rest = max(32, self._console.width - sum(columns) - len(columns) - 2)
        genre = max(10, min(24, rest // 4))
        self._widths = (rest - 2 * genre, genre, genre, *columns)
        titles = ("file", f"{field} now", f"{field} then", "score", *self._measured, "")
        self._line([Text(word, "bold") for word in titles])

    def write(self, row: TagRow) -> None:
        """Print a row, with its error below it."""
        genre = row.changes.get(self._field, _NOTHING)
        then = ", ".join(genre.after) if genre.after != genre.before else ""
        score = "" if row.score is None else f"{100 * row.score:3.0f} %"
        measured = [row.changes.get(field, _NOTHING) for field in self._measured]
        statuses = (genre.status, *(one.status for one in measured), row.status)
        colours = [_COLOURS.get(status, "dim") for status in statuses]
        cells = (row.input, ", ".join(genre.before), then, score, *map(_arrow, measured), row.status.value)
        styles = ("", "", colours[0], "", *colours[1:])
        fitted = map(self._fitted, cells, self._widths)
        self._line([Text(text, style) for text, style in zip(fitted, styles, strict=True)])
        if row.error is not None:
            self._console.print(Text(f"  {encodable(visible(row.error), self._stream)}", "red"))

    def _line(self, cells: list[Text]) -> None:
        grid = Table.grid(padding=(0, 1))
        for width in self._widths:
            grid.add_column(width=width, no_wrap=True)
        grid.add_row(*cells)
        self._console.print(grid)
        self._stream.flush()

    def _fitted(self, text: str, width: int) -> str:
        """Shorten a text to ``width`` cells; of a path the end is kept."""
        text = encodable(visible(text), self._stream)
        if cell_len(text) <= width:
            return text
        mark = "..." if self._console.options.ascii_only else "…"
        tail = text[-width:]
        while cell_len(mark + tail) > width:
            tail = tail[1:]
        return mark + tail


_NOTHING = Change(Status.SAME)


def _arrow(change: Change) -> str:
    """Return '120 -> 128', '-> 128' if there was no value, or '120' if it is kept."""
    before, after = ", ".join(change.before), ", ".join(change.after)
    if before == after:
        return before
    return f"{before} -> {after}" if before else f"-> {after}"
