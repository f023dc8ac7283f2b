"""``genrekit sort``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from genrekit.cli.existing_answers import Finished, RowFormat, Rows, SoundPaths, finished_answers, new_answers
from genrekit.cli.options import Jobs, Models, NoCache, Overwrite
from genrekit.cli.printing import out, say

if TYPE_CHECKING:
    from genrekit.library import SortRow

ALL_FAILED, SOME_FAILED = 1, 3
FIRST = 3


class By(StrEnum):
    """What files are sorted by."""

    GENRE = "genre"


def sort(
    paths: SoundPaths = None,
    by: Annotated[By, typer.Option("--by", metavar="genre", help="What to sort by.")] = By.GENRE,
    results: Finished = None,
    model: Models = None,
    to: Annotated[
        Path, typer.Option("--to", metavar="FOLDER", help="Where playlists or folders of genres are made.")
    ] = Path("playlists"),
    link: Annotated[
        bool, typer.Option("--link", help="Symbolic links in a folder a genre, instead of playlists.")
    ] = False,
    copy: Annotated[
        bool, typer.Option("--copy", help="Copies in a folder a genre, instead of playlists.")
    ] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Do it; without it, only show what would be made.")
    ] = False,
    overwrite: Overwrite = False,
    min_confidence: Annotated[
        float, typer.Option("--min-confidence", min=0, max=1, help="Answers below this score are unsure.")
    ] = 0.0,
    format: RowFormat = Rows.AUTO,
    jobs: Jobs = None,
    no_cache: NoCache = False,
) -> None:
    """Make a playlist of every genre, or folders with links or copies; shows what would be made by default.

    No file is moved or changed. Answers without a label go to 'unsure'.

    Exit status: 0 all good; 1 nothing could be done; 2 wrong usage; 3 some files failed.
    """
    from genrekit.errors import UsageError
    from genrekit.library import Kind, sort_songs

    if link and copy:
        raise UsageError("Give either --link or --copy, not both.")
    if results and model:
        raise UsageError("--from brings its answers with it; --model has nothing to do.")
    if not paths and results is None:
        raise UsageError("There is nothing to sort.", "Give files or folders: genrekit sort music/")
    if os.path.lexists(to) and not to.is_dir():
        raise UsageError(f"{to} is no folder; playlists are made in one.", "Give --to FOLDER.")
    if results:
        predictions = finished_answers(results, paths or [], pictures=link or copy)
    else:
        rows_now = None if _as_table(format) else sys.stdout  # the table comes when all is predicted
        predictions = new_answers(paths or [], model, top_k=1, jobs=jobs, no_cache=no_cache, rows=rows_now)
    rows = sort_songs(
        predictions,
        to,
        Kind.LINK if link else Kind.COPY if copy else Kind.PLAYLIST,
        min_confidence=min_confidence,
        check=results is not None,
        write=write,
        overwrite=overwrite,
    )
    done, failed = _print(rows, format)
    if not done + failed:
        say("genrekit: there was nothing to sort")
        raise typer.Exit(ALL_FAILED)
    if done and not write:
        say("Nothing was written; --write does it.")
    elif done:
        kind = "links" if link else "copies" if copy else "playlists"
        say(f"{done} songs are in the {kind} in {to}")
    if failed:
        say(f"genrekit: {failed} of {done + failed} files could not be sorted; their rows say why")
        raise typer.Exit(SOME_FAILED if done else ALL_FAILED)


def _as_table(format: Rows) -> bool:
    return format is Rows.TABLE or (format is Rows.AUTO and sys.stdout.isatty())


def _print(rows: Iterator[SortRow], format: Rows) -> tuple[int, int]:
    """Print rows, and count those that are good and those that failed."""
    done = failed = 0
    if _as_table(format):
        kept = list(rows)
        _print_table(kept)
        failed = sum(row.error is not None for row in kept)
        return len(kept) - failed, failed
    for row in rows:
        out(_json(row))
        done, failed = done + (row.error is None), failed + (row.error is not None)
    return done, failed


def _print_table(rows: list[SortRow]) -> None:
    """A line a genre: its name, how many files, the first of them; then what failed, a line a file."""
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    from genrekit.library import UNSURE
    from genrekit.output import PipeConsole
    from genrekit.text import encodable, visible

    names: dict[str | None, list[str]] = {}
    for row in rows:
        if row.error is None:
            names.setdefault(row.genre, []).append(Path(row.input).name)
    console = PipeConsole(file=sys.stdout, highlight=False, markup=False, emoji=False)
    grid = Table.grid(padding=(0, 1))
    mark: Literal["crop", "ellipsis"] = "crop" if console.options.ascii_only else "ellipsis"
    longest = max(cell_len(visible(name or UNSURE)) for name in (*names, "genre"))
    widths = min(24, longest), max(5, len(str(len(rows))))
    grid.add_column(width=widths[0], overflow="fold")
    grid.add_column(width=widths[1], justify="right")
    grid.add_column(width=max(8, console.width - sum(widths) - 2), no_wrap=True, overflow=mark)
    grid.add_row(*(Text(word, "bold") for word in ("genre", "files", "the first of them")))
    for genre, files in sorted(names.items(), key=lambda item: (item[0] is None, item[0] or "")):
        first = ", ".join(files[:FIRST]) + (" ..." if len(files) > FIRST else "")
        style = "green" if genre else "yellow"
        cells = (encodable(visible(text), sys.stdout) for text in (genre or UNSURE, str(len(files)), first))
        grid.add_row(*map(Text, cells, (style, "", "dim")))
    if names:
        console.print(grid)
    for row in rows:
        if row.error is not None:
            words = encodable(visible(f"{row.input}: {row.error}"), sys.stdout)
            console.print(Text(words, "red"), soft_wrap=True)


def _json(row: SortRow) -> str:
    import json
    from dataclasses import asdict

    return json.dumps(asdict(row), ensure_ascii=True)
