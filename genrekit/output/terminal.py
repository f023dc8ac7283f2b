"""Predictions as a table for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, TextIO

from rich.bar import Bar
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from genrekit.output.fitting import PathColumn, middle_cut
from genrekit.output.writers import Writer, in_words
from genrekit.text import encodable, visible
from genrekit.types import Prediction, WindowScore

_COLOURS = ("green", "blue", "yellow", "magenta", "cyan", "red", "white", "bright_black")


class PipeConsole(Console):
    """A console that leaves a closed pipe to the command line; rich would end the program with status 1."""

    def on_broken_pipe(self) -> None:
        raise


class TableWriter(Writer):
    """For terminals: one line per label with its bar, the best one first, and the name of the input.

    Widths follow the terminal (rich; the variable ``COLUMNS``), down to 40 columns.
    """

    def __init__(self, stream: TextIO, **options: Any) -> None:
        super().__init__(stream, **options)
        self._console = PipeConsole(file=stream, highlight=False, markup=False, emoji=False)
        total = self._console.width
        label, bar, percent = 16 if total >= 60 else 12, max(4, min(20, total // 5)), 5
        self._widths = (label, bar, percent, max(8, total - label - bar - percent - 3))
        self._mark = "..." if self._console.options.ascii_only else "…"
        self._paths = PathColumn(self._widths[-1], self._mark, self.paths, shown=self._shown)
        self._model = ""

    def write(self, prediction: Prediction) -> None:
        if prediction.model not in ("", self._model):
            self._model = prediction.model
            self._print(Text(f"model {self._shown(prediction.model)}", "dim"))
        grid = Table.grid(padding=(0, 1))
        for width in self._widths:
            grid.add_column(width=width, no_wrap=True)
        name = Text(self._named(prediction.id), "bold")
        if prediction.error is not None:
            grid.add_row(Text("error", "bold red"), "", "", name)
        elif prediction.label is None or not prediction.scores:
            grid.add_row(
                Text(self._fitted(self._name(prediction.label), self._widths[0]), "yellow"), "", "", name
            )
        for rank, (label, score) in enumerate(prediction.scores[: self.top_k]):
            best = label in prediction.labels
            percent = Text(f"{100 * score:3.0f} %", "bold" if best else "dim")
            shown = Text(self._fitted(self._name(label), self._widths[0]), "bold green" if best else "dim")
            first = rank == 0 and prediction.label is not None
            grid.add_row(
                shown, self._bar(score, "green" if best else "bright_black"), percent, name if first else ""
            )
        self._print(grid)
        if prediction.error is not None:
            self._print(Padding(Text(self._shown(prediction.error), "red"), (0, 0, 0, 2)))
        if prediction.note is not None:
            self._print(Padding(Text(self._shown(f"note: {prediction.note}"), "yellow"), (0, 0, 0, 2)))
        if prediction.familiar is False:
            self._print(Padding(Text("unlike anything that the model learnt", "yellow"), (0, 0, 0, 2)))
        windows = [replace(window, label=self._name(window.label)) for window in prediction.windows]
        if self.windows and windows and self._console.is_terminal and not self._console.no_color:
            mark = "#" if self._console.options.ascii_only else "■"
            self._print(Padding(_strip(windows, self._console.width - 4, mark), (0, 0, 0, 2)))
        if self.windows and windows:
            self._print(Padding(Text(self._shown(_timeline(windows)), "cyan"), (0, 0, 0, 2)))
        if prediction.analysis:
            measured = ", ".join(f"{name} {value}" for name, value in prediction.analysis.items())
            self._print(Padding(Text(self._shown(measured), "cyan"), (0, 0, 0, 2)))
        if self.reasons and prediction.reasons:
            self._print(Padding(Text(self._shown(in_words(prediction.reasons)), "cyan"), (0, 0, 0, 2)))

    def _named(self, path: str) -> str:
        """Print the lines above a path, and return what the name column has of it."""
        placed = self._paths.place(path)
        for folder in placed.folders:
            self._print(Text(folder, "dim"))
        if placed.cell is None:
            self._print(Text(placed.name, "bold"))
        return placed.cell or ""

    def _bar(self, score: float, colour: str) -> RenderableType:
        if self._console.options.ascii_only:
            return Text("#" * round(score * self._widths[1]), colour)
        return Bar(1, 0, score, width=self._widths[1], color=colour)

    def _name(self, label: str | None) -> str:
        return "unsure" if label is None else self.names(label)

    def _shown(self, text: str) -> str:
        return encodable(visible(text), self.stream)

    def _fitted(self, text: str, width: int) -> str:
        return middle_cut(self._shown(text), width, self._mark)

    def _print(self, renderable: RenderableType) -> None:
        self._console.print(renderable)
        self.stream.flush()


def _strip(windows: Sequence[WindowScore], width: int, mark: str) -> Text:
    """Draw a song from its first window to its last as cells in the colours of its genres, and what they mean."""
    start_s, end_s = windows[0].start_s, windows[-1].end_s
    cells = max(1, min(width, 60))
    colours: dict[str, str] = {}
    strip = Text()
    at = 0
    for cell in range(cells):
        middle_s = start_s + (cell + 0.5) * (end_s - start_s) / cells
        while at + 1 < len(windows) and windows[at].end_s <= middle_s:
            at += 1
        label = windows[at].label
        strip.append(mark, colours.setdefault(label, _COLOURS[len(colours) % len(_COLOURS)]))
    for label, colour in colours.items():
        strip.append("\n" if strip.plain == cells * mark else "  ")
        strip.append(mark, colour)
        strip.append(f" {visible(label)}", "dim")
    return strip


def _timeline(windows: Sequence[WindowScore]) -> str:
    """Return '0:00-0:12 rock 71 %, 0:12-0:30 blues 55 %': neighbours of one label joined, their scores averaged."""
    runs = [list(run) for _, run in groupby(windows, key=lambda window: window.label)]
    return ", ".join(
        f"{_clock(run[0].start_s)}-{_clock(run[-1].end_s)} {run[0].label} "
        f"{100 * sum(window.score for window in run) / len(run):.0f} %"
        for run in runs
    )


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"
