"""``genrekit sort``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from genrekit.cli.existing_predictions import (
    Finished,
    Root,
    RowFormat,
    Rows,
    SoundPaths,
    check_root,
    finished_predictions,
    new_predictions,
    songs,
)
from genrekit.cli.options import GenreMap, Jobs, Models, NoCache, Overwrite
from genrekit.cli.output_rows import say_near_misses
from genrekit.cli.printing import out, say
from genrekit.cli.streams import stdout_is_optional
from genrekit.text import counted

if TYPE_CHECKING:
    from rich.console import Console

    from genrekit.library import SortRow

ALL_FAILED, SOME_FAILED = 1, 3
FIRST = 3


class By(StrEnum):
    """Sort key of files."""

    GENRE = "genre"


def sort(
    paths: SoundPaths = None,
    by: Annotated[By, typer.Option("--by", metavar="genre", help="What to sort by.")] = By.GENRE,
    results: Finished = None,
    root: Root = None,
    model: Models = None,
    map_file: GenreMap = None,
    to: Annotated[
        Path,
        typer.Option("--to", metavar="FOLDER", help="Folder of the playlists, or of the folders per genre."),
    ] = Path("playlists"),
    link: Annotated[
        bool,
        typer.Option("--link", help="Make one folder per genre with symbolic links, instead of playlists."),
    ] = False,
    copy: Annotated[
        bool, typer.Option("--copy", help="Make one folder per genre with copies, instead of playlists.")
    ] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Write the files; without it, only show what would be written.")
    ] = False,
    overwrite: Overwrite = False,
    min_confidence: Annotated[
        float, typer.Option("--min-confidence", min=0, max=1, help="Predictions below this score are unsure.")
    ] = 0.0,
    format: RowFormat = Rows.AUTO,
    jobs: Jobs = None,
    no_cache: NoCache = False,
) -> None:
    """Make one playlist per genre, or folders with links or copies; by default only show what would be written.

    No file is moved or changed. Predictions without a label go to 'unsure'.

    Exit status: 0 all good; 1 nothing could be done; 2 wrong usage; 3 some files failed.
    """
    from genrekit.errors import UsageError
    from genrekit.library import Kind, others_in, read_genre_names, sort_songs

    if link and copy:
        raise UsageError("Use either --link or --copy, not both.")
    if results and model:
        raise UsageError("--from reads existing predictions; --model cannot be used with it.")
    if not paths and results is None:
        raise UsageError("There is nothing to sort.", "Name files or folders: genrekit sort music/")
    if root is not None and not results:
        raise UsageError("--root says where the files of results are.", "Pass it with --from FILE.")
    check_root(root)
    if os.path.lexists(to) and not to.is_dir():
        raise UsageError(f"{to} is not a folder; playlists are written into a folder.", "Use --to FOLDER.")
    genre_names = read_genre_names(map_file)
    if results:
        predictions = finished_predictions(results, paths or [], root)
    else:
        rows_now = None if _as_table(format) else sys.stdout  # the table comes when all is predicted
        predictions = new_predictions(
            songs(paths or []), model, top_k=1, jobs=jobs, no_cache=no_cache, rows=rows_now
        )
    if write:
        stdout_is_optional()
    kind = Kind.LINK if link else Kind.COPY if copy else Kind.PLAYLIST
    made: set[str] = set()
    rows = sort_songs(
        predictions,
        to,
        kind,
        min_confidence=min_confidence,
        check=results is not None,
        write=write,
        overwrite=overwrite,
        names=genre_names,
    )
    done, failed = _print(_noted(rows, made), format)
    if not done + failed:
        say("genrekit: there was nothing to sort")
        raise typer.Exit(ALL_FAILED)
    say_near_misses(genre_names)
    _say_stale(others_in(to, kind, made), to)
    if done and not write:
        say("Nothing was written; add --write to write.")
    elif done:
        words = "links" if link else "copies" if copy else "playlists"
        say(f"wrote the {words} of {counted(done, 'song')} into {to}")
    if failed:
        say(
            f"genrekit: {failed} of {counted(done + failed, 'file')} could not be sorted; their rows have the reasons"
        )
        raise typer.Exit(SOME_FAILED if done else ALL_FAILED)


def _noted(rows: Iterator[SortRow], made: set[str]) -> Iterator[SortRow]:
    for row in rows:
        if row.target is not None:
            made.add(row.target)
        yield row


def _say_stale(stale: list[Path], folder: Path) -> None:
    """List playlists that this run did not write, whose songs may have another genre now."""
    if stale:
        first = ", ".join(str(path.relative_to(folder)) for path in stale[:FIRST])
        more = f" and {len(stale) - FIRST} more" if len(stale) > FIRST else ""
        say(f"in {folder} and not of this run: {first}{more}; remove what is out of date")


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
    """Print one line per genre: name, number of files, the first of them; then one line per file that failed."""
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    from genrekit.library import UNSURE
    from genrekit.output import PathColumn, PipeConsole
    from genrekit.text import encodable, visible

    names: dict[str | None, list[str]] = {}
    for row in rows:
        if row.error is None:
            names.setdefault(row.name, []).append(Path(row.input).name)
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
    failed = [row for row in rows if row.error is not None]
    inputs = PathColumn(console.width, paths=[row.input for row in failed], grouped=len(failed) > 1)
    for row in failed:
        if not console.is_terminal:
            _print_line(console, f"{row.input}: {row.error}", "red")
            continue
        placed = inputs.place(row.input)
        for folder in placed.folders:
            _print_line(console, folder, "dim")
        _print_line(console, placed.name)
        _print_line(console, f"  {row.error}", "red")


def _print_line(console: Console, text: str, style: str = "") -> None:
    from rich.text import Text

    from genrekit.text import encodable, visible

    shown = encodable(visible(text), sys.stdout)
    console.print(Text(shown, style), soft_wrap=not console.is_terminal)


def _json(row: SortRow) -> str:
    from dataclasses import asdict

    from genrekit.output import dumps
    from genrekit.text import utf8_name

    target = utf8_name(row.target) if row.target else None
    return dumps(asdict(row) | {"input": utf8_name(row.input), "target": target}, sys.stdout)
