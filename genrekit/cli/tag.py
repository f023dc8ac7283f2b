"""``genrekit tag``."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genrekit.cli.existing_answers import (
    Finished,
    RowFormat,
    Rows,
    SoundPaths,
    finished_answers,
    measures_of,
    new_answers,
)
from genrekit.cli.options import Jobs, Models, NoCache
from genrekit.cli.printing import say
from genrekit.files import check_output

if TYPE_CHECKING:
    from genrekit.library import Field, Journal, TagRow

ALL_FAILED, SOME_FAILED = 1, 3


def tag(
    paths: SoundPaths = None,
    results: Finished = None,
    model: Models = None,
    with_: Annotated[
        str | None, typer.Option("--with", metavar="bpm,key", help="Also write tempo and key.")
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Write the files; without it, only show what would change.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace what is there; it is kept otherwise.")
    ] = False,
    append: Annotated[bool, typer.Option("--append", help="Add to genres that are there.")] = False,
    min_confidence: Annotated[
        float, typer.Option("--min-confidence", min=0, max=1, help="Labels below this score are not written.")
    ] = 0.0,
    labels_max: Annotated[
        int,
        typer.Option(
            "--labels-max",
            min=1,
            max=20,
            help="Up to so many genres a file: those of a multi-label answer, and any that reach --min-confidence.",
        ),
    ] = 1,
    keep_time: Annotated[
        bool, typer.Option("--keep-time", help="Leave the modification time of files as it is.")
    ] = False,
    journal: Annotated[
        Path | None,
        typer.Option(
            "--journal",
            metavar="FILE",
            help="Where to note what was there; genrekit-tags-DATE-TIME.jsonl by default.",
        ),
    ] = None,
    undo: Annotated[
        Path | None, typer.Option("--undo", metavar="JOURNAL", help="Put back what a journal says was there.")
    ] = None,
    format: RowFormat = Rows.AUTO,
    jobs: Jobs = None,
    no_cache: NoCache = False,
) -> None:
    """Write genres, and on request tempo and key, into the tags of sound files; shows what would change by default.

    Nothing else of a file changes.

    Exit status: 0 all good; 1 nothing could be done; 2 wrong usage; 3 some files failed.
    """
    from genrekit.errors import UsageError
    from genrekit.library import MEASURED, Existing, Journal, Policy, Status, read_journal
    from genrekit.library import tag as tagged
    from genrekit.library import undo as undone

    if overwrite and append:
        raise UsageError("Give either --overwrite or --append, not both.")
    measured = _measured(with_)
    if undo and (
        paths or results or model or measured or overwrite or append or min_confidence or labels_max > 1
    ):
        raise UsageError("--undo takes everything from its journal.", f"genrekit tag --undo {undo} --write")
    if results and model:
        raise UsageError("--from brings its answers with it; --model has nothing to do.")
    if not paths and results is None and undo is None:
        raise UsageError("There is nothing to tag.", "Give files or folders: genrekit tag music/")
    if journal is not None:
        check_output(journal, overwrite=False)
    with Journal(journal) as opened:
        record = opened if write else None
        rows: Iterator[TagRow]
        shown = measured
        if undo:
            entries = read_journal(undo)
            shown = tuple(field for field in MEASURED if any(field in entry.values for entry in entries))
            rows = undone(entries, journal=record, keep_time=keep_time)
        else:
            existing = Existing.OVERWRITE if overwrite else Existing.APPEND if append else Existing.KEEP
            policy = Policy(existing, min_confidence, labels_max, measured)
            if results:
                predictions = finished_answers(results, paths or [], pictures=False)
            else:
                predictions = new_answers(
                    paths or [],
                    model,
                    top_k=labels_max,
                    measures=measured,
                    jobs=jobs,
                    no_cache=no_cache,
                    rows=sys.stdout,
                )
            rows = tagged(predictions, policy, journal=record, keep_time=keep_time)
        try:
            counts = _print(rows, format, shown)
        finally:  # also after an interruption: what is done can be undone
            _say_journal(opened)
    if not counts:
        say("genrekit: there was nothing to tag")
        raise typer.Exit(ALL_FAILED)
    say(", ".join(f"{count} {status}" for status, count in sorted(counts.items())))
    if counts[Status.WOULD_CHANGE]:
        say("Nothing was written; --write does it.")
    if counts[Status.ERROR]:
        raise typer.Exit(ALL_FAILED if counts[Status.ERROR] == counts.total() else SOME_FAILED)


def _measured(words: str | None) -> tuple[Field, ...]:
    from genrekit.errors import UsageError
    from genrekit.library import Field

    asked = measures_of(words)
    if "loudness" in asked:
        raise UsageError(
            "--with loudness writes nothing here: tags for it (ReplayGain, R128) are left alone.",
            "Give --with bpm,key; genrekit predict --with loudness shows it.",
        )
    return tuple(map(Field, asked))


def _print(rows: Iterator[TagRow], format: Rows, measured: tuple[Field, ...]) -> Counter[str]:
    from genrekit.cli.tag_rows import RowTable, write_jsonl

    counts: Counter[str] = Counter()
    table = None
    if format is Rows.TABLE or (format is Rows.AUTO and sys.stdout.isatty()):
        table = RowTable(sys.stdout, measured)
    for row in rows:
        counts[row.status] += 1
        if table:
            table.write(row)
        else:
            write_jsonl(row, sys.stdout)
    return counts


def _say_journal(journal: Journal) -> None:
    if journal.count:
        say(
            f"The journal is {journal.path}; to put back what was there: genrekit tag --undo {journal.path} --write"
        )
