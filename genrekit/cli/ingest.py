"""``genrekit ingest``: playlists into a training table."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genrekit.cli.options import Ambiguity, Ambiguous, Format, Overwrite
from genrekit.cli.printing import out, say
from genrekit.files import check_output
from genrekit.text import counted

if TYPE_CHECKING:
    from genrekit.datasets import ingest as ingesting


class LabelSource(StrEnum):
    """Sources of the label of a track."""

    NAME = "name"
    COLUMN = "column"
    FOLDER = "folder"


class Features(StrEnum):
    """Services that provide audio features."""

    RECCOBEATS = "reccobeats"


def ingest(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE|URL...",
            help="Playlists: .m3u, .pls, .xspf, .jspf, Exportify's .csv, Spotify's own export, Apple Music's .xml, a folder or .zip of these; listenbrainz:MBID, musicbrainz:MBID, deezer:ID, spotify:playlist:ID.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE", help="The table to write: .csv, .tsv or .parquet."),
    ],
    label_from: Annotated[
        LabelSource,
        typer.Option(
            "--label-from",
            help="The name of the playlist, the genres that the entry itself has, or the folder of the file.",
        ),
    ] = LabelSource.NAME,
    labels_map: Annotated[
        Path | None,
        typer.Option(
            "--labels-map",
            metavar="FILE",
            help="A YAML file 'label: pattern' or 'label: [pattern, ...]'; what no pattern fits is left out.",
        ),
    ] = None,
    ambiguous: Ambiguity = Ambiguous.DROP,
    features: Annotated[
        Features | None,
        typer.Option("--features", help="Ask ReccoBeats for the features of tracks with an id of Spotify."),
    ] = None,
    match: Annotated[
        Path | None,
        typer.Option(
            "--match",
            metavar="DIR",
            exists=True,
            file_okay=False,
            help="Find the tracks among sound files by their tags; only those found are written.",
        ),
    ] = None,
    format: Annotated[
        Format, typer.Option("--format", "-f", help="How the counts are printed.")
    ] = Format.TEXT,
    overwrite: Overwrite = False,
) -> None:
    """Make a training table of playlists: labelled by rules, one row per track, grouped by artist.

    Keys come from the environment only. Exit status: 0 all read; 1 nothing to write; 3 some inputs failed.
    """
    import json

    from genrekit.datasets import ingest as ingesting
    from genrekit.progress import progress
    from genrekit.text import quote_all, visible

    check_output(output, overwrite=overwrite, suffixes=(".csv", ".tsv", ".parquet"))
    options = ingesting.IngestOptions(
        label_from.value,
        ingesting.read_rules(labels_map),
        ambiguous.value,
        reccobeats=features is Features.RECCOBEATS,
        match=match,
    )
    with progress(None, "reading") as advance:
        done = ingesting.ingest(inputs, output, options, advance=advance)
    for name, reason in done.failed:
        say(visible(f"failed: {name}: {reason}"))
    for name, reason in done.problems:
        say(visible(f"left out: {name}: {reason}"))
    if options.rules.whole:
        say(
            f"{quote_all(options.rules.whole)}: whole names that became labels, because they hold no known genre or "
            "several; --labels-map decides otherwise"
        )
    for note in _notes(done, output):
        say(visible(note))
    if format is Format.JSON:
        facts = {
            "rows": done.rows,
            "entries": done.entries,
            "labels": dict(done.labels.most_common()),
            "left_out": {reason: count for reason, count in done.left_out.items() if count},
            "failed": [{"input": name, "reason": reason} for name, reason in done.failed],
        }
        out(json.dumps(facts, indent=2, ensure_ascii=False))
    else:
        out(f"{counted(done.rows, 'row')} of {counted(done.entries, 'entry')} -> {output}")
        for label, count in done.labels.most_common():
            out(f"  {label}\t{count:,}")
    if done.failed:
        raise typer.Exit(3)


def _notes(done: ingesting.Ingested, output: Path) -> list[str]:
    notes = [f"{count:,} left out: {reason}" for reason, count in done.left_out.items() if count]
    if done.without_features:
        notes.append(
            f"no features for {counted(done.without_features, 'row')}: no id of Spotify, or ReccoBeats does not know them"
        )
    if not done.has_files and not done.has_features:
        notes.append(
            "the table has neither files nor features to learn from: --match DIR finds sound files, --features reccobeats "
            "asks for features"
        )
    backend = "gtzan" if done.has_files else "spotify"
    if done.has_files or done.has_features:
        notes.append(
            f"next: genrekit datasets show {output}; genrekit train --backend {backend} --data {output}"
        )
    return notes
