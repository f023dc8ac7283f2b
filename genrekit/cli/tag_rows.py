"""Rows of tags as JSONL, or as a table on a terminal."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TextIO

from rich.table import Table
from rich.text import Text

from genrekit.library import Change, Field, Status, TagRow
from genrekit.output import PathColumn, PipeConsole, dumps, rounded
from genrekit.text import encodable, utf8_name, visible

_COLOURS = {
    Status.WOULD_CHANGE: "green",
    Status.CHANGED: "bold green",
    Status.UNSURE: "yellow",
    Status.ERROR: "bold red",
}
_NAME, _GENRE, _MEASURE, _SCORE, _STATUS = 15, 11, 10, 5, 12


def write_jsonl(row: TagRow, stream: TextIO) -> None:
    """Write a row as one line of JSON: input, status, score, error, and for each field its status, before and after."""
    value = {
        "input": utf8_name(row.input),
        "status": row.status.value,
        "score": rounded(row.score),
        "error": row.error,
    }
    changes = {
        field.value: {"status": one.status.value, "before": list(one.before), "after": list(one.after)}
        for field, one in row.changes.items()
    }
    stream.write(dumps(value | changes, stream) + "\n")
    stream.flush()


class RowTable:
    """Table of file, genre now, genre then, score, measured fields and status.

    The folder of all files is on the first line, and each folder in it precedes its files.

    Widths follow the terminal. A name is cut in its middle where it must be, never so that two of a folder look the
    same; what does not fit elsewhere takes several lines. Where a terminal is too narrow for all columns, the status
    and the change of a file are on the line below its name.

    Parameters
    ----------
    stream : TextIO
    measured : collection of Field
        Further columns.
    field : Field
        The field for labels.
    paths : sequence of str
        The files that will follow, where they are known.
    """

    def __init__(
        self,
        stream: TextIO,
        measured: Collection[Field] = (),
        field: Field = Field.GENRE,
        paths: Sequence[str] = (),
    ) -> None:
        self._stream = stream
        self._field = field
        self._measured = tuple(measured)
        self._console = PipeConsole(file=stream, highlight=False, markup=False, emoji=False)
        columns = (_SCORE, *(_MEASURE for _ in self._measured), _STATUS)
        rest = self._console.width - sum(columns) - len(columns) - 2
        self._one_line = rest - 2 * _GENRE >= _NAME
        genre = max(_GENRE, min(24, rest // 4))
        self._widths = (rest - 2 * genre, genre, genre, *columns)
        width = self._widths[0] if self._one_line else max(8, self._console.width)
        mark = "..." if self._console.options.ascii_only else "…"
        self._paths = PathColumn(width, mark, paths, grouped=True, shown=self._shown)
        if self._one_line:
            titles = ("file", f"{field} now", f"{field} then", "score", *self._measured, "")
            self._line([Text(word, "bold") for word in titles])

    def write(self, row: TagRow) -> None:
        """Print a row, with its error below it."""
        genre = row.changes.get(self._field, _NOTHING)
        now = ", ".join(genre.before)
        then = (", ".join(genre.after) or _EMPTY) if genre.after != genre.before else ""
        score = "" if row.score is None else f"{100 * row.score:3.0f} %"
        measured = [row.changes.get(field, _NOTHING) for field in self._measured]
        name = self._named(row.input)
        if self._one_line:
            statuses = (genre.status, *(one.status for one in measured), row.status)
            colours = [_COLOURS.get(status, "dim") for status in statuses]
            cells = (name, now, then, score, *map(_arrow, measured), row.status.value)
            styles = ("", "", colours[0], "", *colours[1:])
            self._line([Text(self._shown(text), style) for text, style in zip(cells, styles, strict=True)])
        else:
            words = [f"{row.status.value}: {_arrow(genre)}".rstrip(" :"), score.strip()]
            words += [
                f"{field} {_arrow(one)}"
                for field, one in zip(self._measured, measured, strict=True)
                if _arrow(one)
            ]
            self._print(f"  {', '.join(filter(None, words))}", _COLOURS.get(row.status, "dim"))
        if row.error is not None:
            self._print(f"  {row.error}", "red")

    def _named(self, path: str) -> str:
        """Return the text of a path in the first column, below the line of its folder."""
        placed = self._paths.place(path)
        for folder in placed.folders:
            self._print(folder, "dim")
        if placed.cell is not None and self._one_line:
            return placed.cell
        self._print(placed.name if placed.cell is None else placed.cell)
        return ""

    def _line(self, cells: list[Text]) -> None:
        grid = Table.grid(padding=(0, 1))
        for width in self._widths:
            grid.add_column(width=width, overflow="fold")
        grid.add_row(*cells)
        self._console.print(grid)
        self._stream.flush()

    def _print(self, text: str, style: str = "") -> None:
        self._console.print(Text(self._shown(text), style), soft_wrap=not self._console.is_terminal)

    def _shown(self, text: str) -> str:
        return encodable(visible(text), self._stream)


_NOTHING = Change(Status.SAME)
_EMPTY = "(none)"  # a value that is removed, as an undo does


def _arrow(change: Change) -> str:
    """Return '120 -> 128', '-> 128' if there was no value, '120 ->' if it is removed, or '120' if it is kept."""
    before, after = ", ".join(change.before), ", ".join(change.after)
    if change.before == change.after:
        return before
    return " ".join(filter(None, (before, "->", after)))
