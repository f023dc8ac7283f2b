"""Output of evaluation reports."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from genrekit.cli.options import Format
from genrekit.cli.printing import say
from genrekit.files import refuse_stdout

if TYPE_CHECKING:
    from rich.console import RenderableType

    from genrekit.training import Evaluation

# Cells: a line of a report in a file or pipe stays one line, for grep.
_NEVER_WRAPPED = 1 << 16


def refuse_folder(folder: Path | None, *, overwrite: bool) -> None:
    """Refuse a report folder that already holds a report, before the work starts.

    Raises
    ------
    OutputExistsError
        If it does, and overwriting was not requested.
    """
    if folder is not None:
        refuse_stdout(folder)
    if folder is not None and not overwrite:
        from genrekit.errors import OutputExistsError
        from genrekit.evaluation import FILES

        if folder.is_file() or any((folder / name).exists() for name in FILES):
            raise OutputExistsError(
                f"{folder} already holds a report, or is a file.",
                "Choose another folder, or add --overwrite.",
            )


def show(measured: Evaluation, format: Format, folder: Path | None, *, overwrite: bool) -> None:
    """Write a report into a folder, if requested, then print it to stdout, which may be closed early."""
    try:
        if folder is not None:
            from genrekit.evaluation import write_report
            from genrekit.files import naming

            with naming(folder):
                write_report(measured.report, folder, predictions=measured.rows, overwrite=overwrite)
            say(f"wrote the report into {folder}")
    finally:
        _print(measured, format)


def print_rendered(rendered: Callable[[int], RenderableType]) -> None:
    """Print what a function of the width of the terminal renders; in a file or pipe no line is wrapped."""
    from genrekit.output import PipeConsole
    from genrekit.text import encodable

    console = PipeConsole(file=sys.stdout, highlight=False, markup=False)
    width = console.width
    if not console.is_terminal:
        console.width = _NEVER_WRAPPED
    with console.capture() as shown:
        console.print(rendered(width))
    lines = (line.rstrip() for line in encodable(shown.get(), sys.stdout).splitlines())
    print("\n".join(lines), flush=True)


def _print(measured: Evaluation, format: Format) -> None:
    from genrekit.evaluation import render, to_json

    if format is Format.JSON:
        print(to_json(measured.report))
        return
    print_rendered(lambda width: render(measured.report, width=width))
