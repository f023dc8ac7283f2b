"""``genrekit inspect``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genrekit.cli import completion
from genrekit.cli.options import Models, Overwrite
from genrekit.cli.printing import error_line, say
from genrekit.files import check_output, naming

ALL_FAILED, SOME_FAILED = 1, 3


def inspect(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SONG|PHOTO|TABLE|MODEL...",
            help="Songs, photos, tables, folders of them, bundles, or names of shipped models.",
            autocompletion=completion.models_or_sources,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE.png|FILE.html",
            help="The picture of one input, or a page of several with what they show in words.",
        ),
    ] = None,
    model: Models = None,
    rows: Annotated[
        str | None,
        typer.Option(
            "--rows",
            metavar="N,M,...",
            help="Rows of a table whose features are shown; the column names are row 1. By default two.",
        ),
    ] = None,
    offset: Annotated[
        float, typer.Option("--offset", metavar="SECONDS", min=0, help="Skip so many seconds of every song.")
    ] = 0.0,
    duration: Annotated[
        float | None,
        typer.Option(
            "--duration",
            metavar="SECONDS",
            min=0.5,
            max=600,
            help="Draw at most so many seconds of every song; ten minutes by default.",
        ),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Draw what a model saw of a song, a photo or a table, or how good a model is.

    Song: wave, spectrogram, beats, key, scores over time, and the parts that raise the score. Photo: the parts that
    raise the score. Table: rows by genre, and the features that changed the scores of chosen rows. Model: its test
    results, label by label.
    """
    from genrekit.errors import UsageError
    from genrekit.inspection import MAX_ROWS, InspectOptions, inspection_page, is_model
    from genrekit.inspection import inspect as inspected
    from genrekit.media import PassedOver
    from genrekit.prediction import expand, load_models

    if not words:
        raise UsageError("There is nothing to inspect.", "Pass a song: genrekit inspect song.mp3 -o song.png")
    if output is None:
        raise UsageError("There is no --output to draw into.", "For example: -o picture.png, or -o page.html")
    check_output(output, overwrite=overwrite, suffixes=(".png", ".html"))
    options = InspectOptions(_numbers(rows, MAX_ROWS), offset, duration)
    models = () if all(map(is_model, words)) else load_models(model or None)
    passed = PassedOver()
    kinds = {one.backend.info.modality for one in models}
    things = [
        thing
        for word in words
        for thing in ([word] if is_model(word) else expand([word], kinds=kinds, passed=passed))
    ]
    if skipped := str(passed):
        say(skipped)
    is_page = output.suffix.lower() == ".html"
    if len(things) > 1 and not is_page:
        raise UsageError(
            f"A PNG is the picture of one input, not of {len(things)}.", "Pass -o FILE.html for several."
        )
    found = []
    for thing in things:
        one = inspected(thing, models, options)
        found.append(one)
        if one.error:
            error_line(one.said)
        else:
            say(one.said)
    failed = sum(bool(one.error) for one in found)
    if failed == len(found):
        raise typer.Exit(ALL_FAILED)
    with naming(output):
        output.write_bytes(
            inspection_page(found).encode("utf-8", "backslashreplace") if is_page else found[0].png
        )
    say(f"wrote {output}")
    if failed:
        raise typer.Exit(SOME_FAILED)


def _numbers(text: str | None, most: int) -> tuple[int, ...]:
    from genrekit.errors import UsageError

    words = [word.strip() for word in (text or "").split(",") if word.strip()]
    if not all(word.isdecimal() and int(word) >= 2 for word in words):
        raise UsageError(
            f"--rows {text!r} is not a list of row numbers.", "Pass numbers from 2 on: --rows 2,5"
        )
    if len(words) > most:
        raise UsageError(f"--rows names {len(words)} rows; {most} can be shown.")
    return tuple(dict.fromkeys(map(int, words)))
