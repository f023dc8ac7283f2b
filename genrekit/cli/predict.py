"""``genrekit predict``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genrekit.cli.options import Jobs, NoCache, check_output, job_count, open_cache
from genrekit.cli.words import say

if TYPE_CHECKING:
    from genrekit.inputs import Input
    from genrekit.types import Example

ALL_FAILED, SOME_FAILED = 1, 3


class Output(StrEnum):
    """How predictions are printed."""

    AUTO = "auto"
    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"


def predict(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATH...", help="Files, folders, glob patterns; - reads a list of paths from stdin."
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "-m",
            help="A bundle, or a name from the box; the first that takes an input answers it.",
        ),
    ] = None,
    features: Annotated[
        str | None,
        typer.Option(
            "--features", metavar="NUMBERS", help="Predict from bare numbers: '0.1,0.2,...'; - reads stdin."
        ),
    ] = None,
    format: Annotated[
        Output,
        typer.Option(
            "--format",
            "-f",
            help="auto: a table on a terminal, jsonl in a pipe, and for a file what its suffix says.",
        ),
    ] = Output.AUTO,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write here instead of stdout; FILE.part until all is done.",
        ),
    ] = None,
    top_k: Annotated[int, typer.Option("--top-k", "-k", min=1, help="How many labels an answer lists.")] = 3,
    min_confidence: Annotated[
        float,
        typer.Option("--min-confidence", min=0, max=1, help="Below this score the answer has no label."),
    ] = 0.0,
    labels: Annotated[
        str | None,
        typer.Option("--labels", metavar="A,B,...", help="Only these labels compete; their scores sum to 1."),
    ] = None,
    windows: Annotated[bool, typer.Option("--windows", help="Also the timeline: which genre when.")] = False,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain", help="Also which features pushed towards the answer, where a model can say."
        ),
    ] = False,
    offset: Annotated[
        float, typer.Option("--offset", min=0, help="Skip so many seconds of every song.")
    ] = 0.0,
    duration: Annotated[
        float | None,
        typer.Option("--duration", min=0.001, help="Hear at most so many seconds of every song."),
    ] = None,
    timeout: Annotated[
        float | None, typer.Option("--timeout", min=0.001, help="Give up on an input after so many seconds.")
    ] = None,
    jobs: Jobs = None,
    no_cache: NoCache = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing --output.")] = False,
) -> None:
    """Name the genre of songs and of tables of features: one row for each input, in order.

    Exit status: 0 all answered; 1 none could be; 2 wrong usage; 3 some could not be.
    """
    from genrekit.errors import UsageError
    from genrekit.inference import FEW, Answer, load_box, load_model
    from genrekit.inference import predict as stream
    from genrekit.inputs import expand
    from genrekit.media import suffix_modality
    from genrekit.numbers import MAX_CHARACTERS, read_numbers
    from genrekit.progress import progress
    from genrekit.routing import extra_columns
    from genrekit.types import Modality
    from genrekit.writers import open_writer

    if not paths and features is None:
        raise UsageError(
            "There is nothing to predict.", "Give files or folders: genrekit predict song.wav music/"
        )
    if paths and features is not None:
        raise UsageError("Give either paths or --features, not both.")
    check_output(output, overwrite=overwrite)
    if output:
        check_output(output.with_name(f"{output.name}.part"), overwrite=overwrite)
    models = tuple(load_model(name) for name in model) if model else load_box()
    inputs: Iterable[str | Input | Example] = _words(paths or [])
    total = None
    extra: tuple[str, ...] = ()
    if "-" in (paths or []):
        jobs = job_count(jobs)
    else:
        found = list(expand(paths or [], kinds={m.backend.info.modality for m in models}))
        if not any(suffix_modality(one.name) is Modality.TABLE for one in found):
            total = len(found)
        else:
            extra = extra_columns(models, found)
        inputs = found
    if features is not None:
        text = sys.stdin.read(MAX_CHARACTERS + 1) if features == "-" else features
        columns = {m.backend.info.name: m.backend.info.columns for m in models if m.backend.info.columns}
        inputs = [read_numbers(text, columns)]
    cache = open_cache(no_cache)
    predictions = stream(
        inputs,
        models=models,
        answer=Answer(
            top_k=top_k,
            min_confidence=min_confidence,
            labels=tuple(label for label in (labels or "").split(",") if label.strip()),
            windows=windows,
            explain=explain,
        ),
        offset_s=offset,
        duration_s=duration,
        jobs=jobs,
        timeout_s=timeout,
        cache=cache,
        say=say,
    )
    to_terminal = output is None and sys.stdout.isatty()
    chosen = format.value
    if format is Output.AUTO:
        suffix = output.suffix.lower().removeprefix(".") if output else ""
        chosen = "table" if to_terminal else suffix if suffix in ("csv", "json") else "jsonl"
    # A link is written through, a pipe or device directly; a file appears when it is whole.
    output = output.resolve() if output and output.is_symlink() else output
    whole = output is None or not output.exists() or output.is_file()
    partial = output.with_name(f"{output.name}.part") if output and whole else output
    top_k = min(top_k, max(len(m.labels) for m in models))
    first = next(predictions, None)
    answered = failed = 0
    with (
        partial.open("w", encoding="utf-8", newline="") if partial else nullcontext(sys.stdout) as target,
        open_writer(
            chosen,
            target,
            top_k=top_k,
            windows=windows,
            extra=extra or tuple(first.extra if first else ()),
            multilabel=any(m.bundle.manifest.multilabel for m in models),
            reasons=explain,
            flush_s=0.2 if partial and whole else 0.0,
        ) as writer,
        nullcontext(_nothing) if to_terminal else progress(total, "predicting") as advance,
    ):
        while first is not None:
            writer.write(first)
            failed += first.error is not None
            answered += first.error is None
            advance()
            first = next(predictions, None)
    if partial and output and whole:
        partial.replace(output)
    if answered + failed > FEW:
        cache.prune()
    if not answered + failed:
        say("genrekit: there was nothing to predict: the input is empty")
        raise typer.Exit(ALL_FAILED)
    if failed:
        say(f"genrekit: {failed} of {failed + answered} inputs could not be read; their rows say why")
        raise typer.Exit(SOME_FAILED if answered else ALL_FAILED)


def _nothing() -> None:
    """Where a table is drawn on the terminal, a bar on the same terminal would break it."""


def _words(paths: list[str]) -> Iterator[str]:
    """The words of the command line; - stands for the lines of stdin."""
    for word in paths:
        if word == "-":
            for line in sys.stdin.buffer:
                # One path a line, or between NUL bytes as from find -print0.
                yield from (os.fsdecode(name) for name in line.rstrip(b"\r\n").split(b"\0") if name.strip())
        else:
            yield word
