"""``genrekit tag``."""

from __future__ import annotations

import os
import shlex
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genrekit.analysis import measures_of
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
from genrekit.cli.options import GenreMap, Jobs, Models, NoCache
from genrekit.cli.output_rows import numbered, say_near_misses
from genrekit.cli.printing import say
from genrekit.cli.streams import stdout_is_optional
from genrekit.files import check_output

if TYPE_CHECKING:
    from genrekit.library import Field, Journal, TagRow
    from genrekit.types import Prediction

ALL_FAILED, SOME_FAILED = 1, 3


class LabelField(StrEnum):
    """Fields for labels."""

    GENRE = "genre"
    GROUPING = "grouping"
    COMMENT = "comment"


# Default number of labels per file, if the field is not the genre.
_SEVERAL = 5


def tag(
    paths: SoundPaths = None,
    results: Finished = None,
    model: Models = None,
    map_file: GenreMap = None,
    with_: Annotated[
        str | None, typer.Option("--with", metavar="bpm,key", help="Also write tempo and key.")
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Write the files; without it, only show what would change.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace existing values; they are kept otherwise.")
    ] = False,
    append: Annotated[
        bool, typer.Option("--append", help="Add to existing genres; other fields are kept.")
    ] = False,
    min_confidence: Annotated[
        float, typer.Option("--min-confidence", min=0, max=1, help="Labels below this score are not written.")
    ] = 0.0,
    field: Annotated[
        LabelField,
        typer.Option(
            "--field", help="Field for labels; a grouping or a comment is one text of several labels."
        ),
    ] = LabelField.GENRE,
    labels_max: Annotated[
        int | None,
        typer.Option(
            "--labels-max",
            min=1,
            max=20,
            help="Largest number of labels per file: those of a multi-label prediction, and any that reach "
            "--min-confidence; 1 for genres and 5 for other fields by default.",
        ),
    ] = None,
    keep_time: Annotated[
        bool, typer.Option("--keep-time", help="Keep the modification time of files.")
    ] = False,
    journal: Annotated[
        Path | None,
        typer.Option(
            "--journal",
            metavar="FILE",
            help="File that records the old values; genrekit-tags-DATE-TIME.jsonl by default.",
        ),
    ] = None,
    undo: Annotated[
        Path | None, typer.Option("--undo", metavar="JOURNAL", help="Restore the old values of a journal.")
    ] = None,
    root: Root = None,
    format: RowFormat = Rows.AUTO,
    jobs: Jobs = None,
    no_cache: NoCache = False,
) -> None:
    """Write genres or other labels, and on request tempo and key, into the tags of sound files; by default only show what would change.

    Nothing else of a file changes.

    Exit status: 0 all good; 1 nothing could be done; 2 wrong usage; 3 some files failed.
    """
    from genrekit.errors import UsageError
    from genrekit.library import (
        LABELLED,
        MEASURED,
        Existing,
        Field,
        Journal,
        Policy,
        Status,
        read_genre_names,
        read_journal,
    )
    from genrekit.library import tag as tagged
    from genrekit.library import undo as undone

    if overwrite and append:
        raise UsageError("Use either --overwrite or --append, not both.")
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
        or map_file
        or field is not LabelField.GENRE
    ):
        raise UsageError("--undo takes everything from its journal.", f"genrekit tag --undo {undo} --write")
    if root is not None and not undo and not results:
        raise UsageError(
            "--root says where the files of a journal or of results are.",
            "Pass it with --undo JOURNAL or --from FILE.",
        )
    check_root(root)
    if results and model:
        raise UsageError("--from reads existing predictions; --model cannot be used with it.")
    if not paths and results is None and undo is None:
        raise UsageError("There is nothing to tag.", "Name files or folders: genrekit tag music/")
    if journal is not None:
        if os.path.lexists(journal):
            raise UsageError(f"{journal} exists; a journal is never overwritten.", "Pass another --journal.")
        check_output(journal, overwrite=False)
    names = read_genre_names(map_file)
    if write:
        stdout_is_optional()
    with Journal(journal) as opened:
        record = opened if write else None
        rows: Iterator[TagRow]
        predictions: Iterable[Prediction]
        known: list[str] = []
        shown, place = measured, Field(field.value)
        if undo:
            entries = read_journal(undo)
            shown = tuple(f for f in MEASURED if any(f in entry.values for entry in entries))
            place = next((f for f in LABELLED if any(f in entry.values for entry in entries)), place)
            if root is None and any(not os.path.lexists(entry.path) for entry in entries):
                say(
                    "genrekit: some files are not where the journal says; if they were moved, use --root FOLDER"
                )
            known = [str(_place(entry.path, root)) for entry in entries]
            rows = undone(entries, root=root, journal=record, keep_time=keep_time)
        else:
            existing = Existing.OVERWRITE if overwrite else Existing.APPEND if append else Existing.KEEP
            most = labels_max or (1 if place is Field.GENRE else _SEVERAL)
            policy = Policy(existing, min_confidence, most, measured, place, names)
            if results:
                predictions = finished_predictions(results, paths or [], root)
                if _as_table(format):  # an error of the file comes before the table
                    predictions = list(predictions)
                    known = [one.id for one in predictions]
            else:
                inputs = songs(paths or [])
                known = [one.name for one in inputs]
                predictions = new_predictions(
                    inputs,
                    model,
                    top_k=most,
                    measures=measured,
                    jobs=jobs,
                    no_cache=no_cache,
                    rows=sys.stdout,
                )
            rows = tagged(predictions, policy, journal=record, keep_time=keep_time)
        try:
            counts, causes = _print(rows, format, shown, place, known)
        finally:  # also after an interruption: finished changes can be undone
            _say_journal(opened)
    say_near_misses(names)
    if not counts:
        say("genrekit: there was nothing to tag")
        raise typer.Exit(ALL_FAILED)
    summary = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    say(f"{summary}; errors: {numbered(causes)}" if causes else summary)
    if counts[Status.WOULD_CHANGE]:
        say("Nothing was written; add --write to write.")
    if counts[Status.ERROR]:
        raise typer.Exit(ALL_FAILED if counts[Status.ERROR] == counts.total() else SOME_FAILED)


def _measured(words: str | None) -> tuple[Field, ...]:
    from genrekit.errors import UsageError
    from genrekit.library import Field

    asked = measures_of(words)
    if "loudness" in asked:
        raise UsageError(
            "--with loudness writes nothing here: tags for it (ReplayGain, R128) are left alone.",
            "Use --with bpm,key; genrekit predict --with loudness shows it.",
        )
    return tuple(map(Field, asked))


def _as_table(format: Rows) -> bool:
    return format is Rows.TABLE or (format is Rows.AUTO and sys.stdout.isatty())


def _place(path: str, root: Path | None) -> Path:
    """Return where a file of a journal is now; its old path if it is nowhere."""
    from genrekit.errors import MediaError
    from genrekit.library import moved

    if root is not None:
        with suppress(MediaError):
            return moved(Path(path), root)
    return Path(path)


def _print(
    rows: Iterator[TagRow], format: Rows, measured: tuple[Field, ...], field: Field, paths: Sequence[str]
) -> tuple[Counter[str], Counter[str]]:
    """Print rows, and count them by status and the failed ones by cause."""
    from genrekit.cli.tag_rows import RowTable, write_jsonl
    from genrekit.text import cause

    counts: Counter[str] = Counter()
    causes: Counter[str] = Counter()
    table = None
    if _as_table(format):
        table = RowTable(sys.stdout, measured, field, paths)
    for row in rows:
        counts[row.status] += 1
        if row.error is not None:
            causes[cause(row.error)] += 1
        if table:
            table.write(row)
        else:
            write_jsonl(row, sys.stdout)
    return counts, causes


def _say_journal(journal: Journal) -> None:
    if journal.count:
        say(
            f"The journal is {journal.path}; to restore the old values:\n"
            f"  genrekit tag --undo {shlex.quote(str(journal.path))} --write"
        )
