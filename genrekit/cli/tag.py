"""``genrekit tag``."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
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
from genrekit.cli.options import Jobs, Models, NoCache, check_output
from genrekit.cli.printing import say

if TYPE_CHECKING:
    from genrekit.library import Field, Journal, TagRow

ALL_FAILED, SOME_FAILED = 1, 3


class LabelField(StrEnum):
    """Where labels go."""

    GENRE = "genre"
    GROUPING = "grouping"
    COMMENT = "comment"


# Labels a file by default, where the field is not the genre.
_SEVERAL = 5


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
    append: Annotated[
        bool, typer.Option("--append", help="Add to genres that are there; other fields are kept.")
    ] = False,
    min_confidence: Annotated[
        float, typer.Option("--min-confidence", min=0, max=1, help="Labels below this score are not written.")
    ] = 0.0,
    field: Annotated[
        LabelField,
        typer.Option(
            "--field", help="Where labels go; a grouping or a comment is one text of several labels."
        ),
    ] = LabelField.GENRE,
    labels_max: Annotated[
        int | None,
        typer.Option(
            "--labels-max",
            min=1,
            max=20,
            help="Up to so many labels a file: those of a multi-label answer, and any that reach --min-confidence; "
            "1 genre by default, 5 labels elsewhere.",
        ),
    ] = None,
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
    """Write genres or other labels, and on request tempo and key, into the tags of sound files; shows what would change by default.

    Nothing else of a file changes.

    Exit status: 0 all good; 1 nothing could be done; 2 wrong usage; 3 some files failed.
    """
    from genrekit.errors import UsageError
    from genrekit.library import MEASURED, Existing, Field, Journal, Policy, Status, read_journal
    from genrekit.library import tag as tagged
    from genrekit.library import undo as undone
    from genrekit.library.tags.fields import LABELLED

    if overwrite and append:
        raise UsageError("Give either --overwrite or --append, not both.")
    measured = _measured(with_)
    if undo and (
        paths
        or results
        or model
        or measured
        or overwrite
        or append
        or min_confidence
        or labels_max
        or field is not LabelField.GENRE
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
        shown, place = measured, Field(field.value)
        if undo:
            entries = read_journal(undo)
            shown = tuple(f for f in MEASURED if any(f in entry.values for entry in entries))
            place = next((f for f in LABELLED if any(f in entry.values for entry in entries)), place)
            rows = undone(entries, journal=record, keep_time=keep_time)
        else:
            existing = Existing.OVERWRITE if overwrite else Existing.APPEND if append else Existing.KEEP
            most = labels_max or (1 if place is Field.GENRE else _SEVERAL)
            policy = Policy(existing, min_confidence, most, measured, place)
            if results:
                predictions = finished_answers(results, paths or [], pictures=False)
            else:
                predictions = new_answers(
                    paths or [], model, top_k=most, measures=measured, jobs=jobs, no_cache=no_cache
                )
            rows = tagged(predictions, policy, journal=record, keep_time=keep_time)
        try:
            counts = _print(rows, format, shown, place)
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


def _print(rows: Iterator[TagRow], format: Rows, measured: tuple[Field, ...], field: Field) -> Counter[str]:
    from genrekit.cli.tag_rows import RowTable, write_jsonl

    counts: Counter[str] = Counter()
    table = None
    if format is Rows.TABLE or (format is Rows.AUTO and sys.stdout.isatty()):
        table = RowTable(sys.stdout, measured, field)
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
