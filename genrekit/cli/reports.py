"""Output of evaluation reports."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from genrekit.cli.options import Format
from genrekit.cli.printing import say

if TYPE_CHECKING:
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


def _print(measured: Evaluation, format: Format) -> None:
    from genrekit.evaluation import render, to_json
    from genrekit.output import PipeConsole
    from genrekit.text import encodable

    if format is Format.JSON:
        print(to_json(measured.report))
        return
    console = PipeConsole(file=sys.stdout, highlight=False, markup=False)
    width = console.width
    if not console.is_terminal:
        console.width = _NEVER_WRAPPED
    with console.capture() as shown:
        console.print(render(measured.report, width=width))
    lines = (line.rstrip() for line in encodable(shown.get(), sys.stdout).splitlines())
    print("\n".join(lines), flush=True)
