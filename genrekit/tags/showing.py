"""Rows of tags as JSONL, or as a table for people."""

from __future__ import annotations

import json
from typing import TextIO

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from genrekit.tags.changes import Row, Status
from genrekit.terminal import PipeConsole
from genrekit.writers import encodable, rounded, visible

_COLOURS = {
    Status.WOULD_CHANGE: "green",
    Status.CHANGED: "bold green",
    Status.UNSURE: "yellow",
    Status.ERROR: "bold red",
}
_SCORE, _STATUS = 5, 12


def write_jsonl(row: Row, stream: TextIO) -> None:
    """One JSON object a line: input, status, before, after, score, error."""
    value = {
        "input": row.input,
        "status": row.status.value,
        "before": list(row.before),
        "after": list(row.after),
        "score": rounded(row.score),
        "error": row.error,
    }
    stream.write(json.dumps(value, ensure_ascii=True, allow_nan=False) + "\n")
    stream.flush()


class RowTable:
    """File, genre now, genre then, score and status; widths follow the terminal, down to 60 columns."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._console = PipeConsole(file=stream, highlight=False, markup=False, emoji=False)
        rest = max(32, self._console.width - _SCORE - _STATUS - 4)
        genre = max(8, min(24, rest // 4))
        self._widths = (rest - 2 * genre, genre, genre, _SCORE, _STATUS)
        self._line([Text(word, "bold") for word in ("file", "genre now", "genre then", "score", "")])

    def write(self, row: Row) -> None:
        """Print a row, and what went wrong below it."""
        then = ", ".join(row.after) if row.after != row.before else ""
        score = "" if row.score is None else f"{100 * row.score:3.0f} %"
        colour = _COLOURS.get(row.status, "dim")
        cells = (row.input, ", ".join(row.before), then, score, row.status.value)
        styles = ("", "", colour, "", colour)
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
        """At most ``width`` cells; the end of a path says most."""
        text = encodable(visible(text), self._stream)
        if cell_len(text) <= width:
            return text
        mark = "..." if self._console.options.ascii_only else "…"
        tail = text[-width:]
        while cell_len(mark + tail) > width:
            tail = tail[1:]
        return mark + tail
