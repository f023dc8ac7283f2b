"""``genrekit similar``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from genrekit.cli import completion
from genrekit.cli.options import NoCache, Overwrite, open_cache
from genrekit.cli.printing import say
from genrekit.cli.similar_rows import SUFFIXES, write_rows
from genrekit.text import counted


class Format(StrEnum):
    """Form of the results."""

    AUTO = "auto"
    TABLE = "table"
    JSONL = "jsonl"
    CSV = "csv"
    M3U8 = "m3u8"


def similar(
    song: Annotated[
        str | None,
        typer.Argument(
            metavar="SONG",
            help="A file, an address, or TABLE#row N; none with --duplicates.",
        ),
    ] = None,
    index: Annotated[
        Path,
        typer.Option("--index", "-i", metavar="FOLDER", help="The folder that 'genrekit index' wrote."),
    ] = Path("music.index"),
    k: Annotated[int, typer.Option("--count", "-k", metavar="N", min=1, help="How many results.")] = 20,
    duplicates: Annotated[
        bool,
        typer.Option("--duplicates", help="Instead: all pairs of near-identical songs of equal length."),
    ] = False,
    offset: Annotated[
        float, typer.Option("--offset", metavar="SECONDS", min=0, help="Skip so many seconds of SONG.")
    ] = 0.0,
    duration: Annotated[
        float | None,
        typer.Option(
            "--duration", metavar="SECONDS", min=0.001, help="Hear at most so many seconds of SONG."
        ),
    ] = None,
    genre: Annotated[
        str | None,
        typer.Option(
            "--genre",
            metavar="LABEL",
            help="Only songs with this predicted label or genre tag.",
            autocompletion=completion.genres,
        ),
    ] = None,
    other_artists: Annotated[
        bool, typer.Option("--other-artists", help="Only songs of other artists than that of SONG.")
    ] = False,
    unlike: Annotated[
        list[str] | None,
        typer.Option("--unlike", metavar="SONG", help="Away from this song; may be given several times."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            metavar="MODEL",
            help="The model of the index, where its bundle was moved; another one is refused.",
            autocompletion=completion.models,
        ),
    ] = None,
    format: Annotated[
        Format,
        typer.Option(
            "--format",
            "-f",
            help="auto: a table on a terminal, jsonl in a pipe, and for a file what its suffix says.",
        ),
    ] = Format.AUTO,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write here instead of stdout.")
    ] = None,
    no_cache: NoCache = False,
    overwrite: Overwrite = False,
) -> None:
    """Find the songs of an index that are most similar to one, or near-identical songs.

    The score is the cosine of the embeddings after the mean of the library was subtracted: 1 is the same, 0 is as unlike as two
    songs of the library are on average.

    Exit status: 0 all good; 1 nothing could be done; 2 wrong usage.
    """
    from genrekit import similarity
    from genrekit.errors import UsageError
    from genrekit.files import check_output

    if duplicates and (song or genre or other_artists or unlike or offset or duration is not None):
        raise UsageError("--duplicates compares all songs of the index; it takes no SONG and no filters.")
    if not duplicates and not song:
        raise UsageError(
            "There is no song to compare with.", "Name one: genrekit similar song.mp3 --index music.index"
        )
    if duplicates and format is Format.M3U8:
        raise UsageError("Pairs are not a playlist.", "Use --format table, jsonl or csv.")
    output = None if output == Path("-") else output
    check_output(output, overwrite=overwrite, suffixes=SUFFIXES if format is Format.AUTO else ())
    opened = similarity.Index(index)
    if duplicates:
        if model is not None:
            from genrekit.prediction import load_model

            opened.check_model(load_model(model))
        pairs = list(similarity.duplicates(opened))
        write_rows(pairs, format.value, output, pairs=True)
        say(f"{counted(len(pairs), 'pair')} of near-identical {opened.facts.noun}s among {len(opened)}")
        return
    found = similarity.similar(
        song,
        opened,
        k=k,
        offset_s=offset,
        duration_s=duration,
        genre=genre or "",
        other_artists=other_artists,
        unlike=unlike or [],
        model=model,
        cache=open_cache(no_cache),
        say=say,
    )
    write_rows(found, format.value, output)
