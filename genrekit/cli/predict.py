"""``genrekit predict``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genrekit.analysis import measures_of
from genrekit.cli import completion
from genrekit.cli.options import Cluster, GenreMap, Jobs, Models, NoCache, job_count, open_cache
from genrekit.cli.output_rows import causes, print_rows, say_kept_labels, say_near_misses, write_batch, wrote
from genrekit.cli.printing import detail, say
from genrekit.cli.streams import stdin_bytes, stdout_is_optional
from genrekit.remote import is_remote
from genrekit.text import counted

if TYPE_CHECKING:
    from genrekit.prediction import Input
    from genrekit.types import Example

ALL_FAILED, SOME_FAILED = 1, 3


class Output(StrEnum):
    """Formats of predictions."""

    AUTO = "auto"
    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"
    AUDACITY = "audacity"


class HeatMapMethod(StrEnum):
    """Methods of heat maps."""

    OCCLUSION = "occlusion"
    GRAD_CAM = "grad-cam"


class Unfamiliar(StrEnum):
    """Treatment of an input that is unlike anything that a model learnt."""

    FLAG = "flag"
    ABSTAIN = "abstain"
    IGNORE = "ignore"


def predict(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATH...",
            help="Files, folders, glob patterns, addresses (s3://, https://, zip://, tar:// ...); - reads a list of them from stdin.",
        ),
    ] = None,
    model: Models = None,
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
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write here instead of stdout, when all is done; FILE.run keeps what is finished until then.",
        ),
    ] = None,
    top_k: Annotated[int, typer.Option("--top-k", "-k", min=1, help="Number of labels per prediction.")] = 3,
    min_confidence: Annotated[
        float,
        typer.Option("--min-confidence", min=0, max=1, help="Below this score a prediction has no label."),
    ] = 0.0,
    unfamiliar: Annotated[
        Unfamiliar,
        typer.Option(
            "--unfamiliar",
            help="Inputs that are unlike anything the model learnt: flag them in their row, abstain (also no label), or "
            "ignore it.",
        ),
    ] = Unfamiliar.FLAG,
    labels: Annotated[
        str | None,
        typer.Option(
            "--labels",
            metavar="A,B,...",
            help="Only these labels compete; their scores sum to 1.",
            autocompletion=completion.genres,
        ),
    ] = None,
    map_file: GenreMap = None,
    windows: Annotated[
        bool, typer.Option("--windows", help="Also the timeline: the genre over time.")
    ] = False,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Also the contributions of features to the prediction, from models that have them.",
        ),
    ] = False,
    explain_dir: Annotated[
        Path | None,
        typer.Option(
            "--explain-dir",
            metavar="DIR",
            help="Heat maps of what networks rely on, one image per song or photo; with --explain understood.",
        ),
    ] = None,
    heat_map: Annotated[
        HeatMapMethod,
        typer.Option(
            "--heat-map",
            help="How --explain-dir measures: occlusion covers parts, for every network; grad-cam takes gradients, for "
            "spectrogram and image.",
        ),
    ] = HeatMapMethod.OCCLUSION,
    with_: Annotated[
        str | None,
        typer.Option("--with", metavar="bpm,key,loudness", help="Also measure these of every song."),
    ] = None,
    offset: Annotated[
        float, typer.Option("--offset", metavar="SECONDS", min=0, help="Skip so many seconds of every song.")
    ] = 0.0,
    duration: Annotated[
        float | None,
        typer.Option(
            "--duration",
            "--max-duration",
            metavar="SECONDS",
            min=0.001,
            help="Hear at most so many seconds of every song; an hour by default.",
        ),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(
            "--timeout", metavar="SECONDS", min=0.001, help="Give up on an input after so many seconds."
        ),
    ] = None,
    jobs: Jobs = None,
    cluster: Cluster = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run that wrote --output: what is done is kept.")
    ] = False,
    retry_errors: Annotated[
        bool, typer.Option("--retry-errors", help="With --resume: do again what ended in an error.")
    ] = False,
    no_cache: NoCache = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an existing --output and its journal.")
    ] = False,
) -> None:
    """Name the genre of songs, pictures and rows of features: one row per input, in order.

    With --output every finished input is kept in a journal, OUTPUT.run, until the results are whole.

    Exit status: 0 all predicted; 1 none could be; 2 wrong usage; 3 some could not be.
    """
    from genrekit.errors import UsageError
    from genrekit.library import read_genre_names
    from genrekit.media import PassedOver, suffix_modality
    from genrekit.prediction import (
        FEW,
        MAX_CHARACTERS,
        Batch,
        ImageFolder,
        OutputFile,
        Pipeline,
        PredictOptions,
        expand,
        load_models,
        open_tables,
        read_numbers,
    )
    from genrekit.types import Modality

    if not paths and features is None:
        raise UsageError(
            "There is nothing to predict.", "Pass files or folders: genrekit predict song.wav music/"
        )
    if paths and features is not None:
        raise UsageError("Pass either paths or --features, not both.")
    output = None if output == "-" else output
    if output is None and (resume or retry_errors):
        raise UsageError("--resume and --retry-errors go on with a file of results.", "Use --output FILE.")
    if format is Output.PARQUET and output is None:
        raise UsageError("Parquet is not text.", "Pass a file: --output predictions.parquet")
    names = read_genre_names(map_file)
    images = ImageFolder(explain_dir) if explain_dir else None
    if images:
        images.check(overwrite=overwrite or resume)
    target = OutputFile.of(output, format.value) if output is not None else None
    if target:
        stdout_is_optional()
        target.check(overwrite=overwrite, resume=resume)
    models = load_models(model or None)
    for one in models:
        detail(f"model {one.name}: backend {one.bundle.manifest.backend}, sha256 {one.bundle.sha256}")
    inputs: Iterable[str | Input | Example] = _words(paths or [])
    total = None
    columns: tuple[str, ...] = ()
    known: list[str] = []
    if "-" in (paths or []) or any(is_remote(word) for word in paths or []):
        jobs = job_count(jobs)
    else:
        passed = PassedOver()
        found = list(expand(paths or [], kinds={m.backend.info.modality for m in models}, passed=passed))
        if words := str(passed):
            say(words)
        if any(suffix_modality(one.name) is Modality.TABLE for one in found):
            found, columns = open_tables(models, found)
        else:
            total = len(found)
            known = [one.name for one in found]
        inputs = found
    if features is not None:
        text = (
            stdin_bytes().read(MAX_CHARACTERS + 1).decode("utf-8-sig", "replace")
            if features == "-"
            else features
        )
        schemas = {m.backend.info.name: m.backend.info.columns for m in models if m.backend.info.columns}
        inputs = [read_numbers(text, schemas)]
    if format is Output.AUDACITY and total is not None and total > 1:
        raise UsageError(
            f"Audacity's labels are for one file, not {total}.",
            "Pass one file at a time, or --format jsonl --windows for many.",
        )
    options = PredictOptions(
        min_confidence=min_confidence,
        labels=tuple(label for label in (labels or "").split(",") if label.strip()),
        top_k=top_k,
        windows=windows or format is Output.AUDACITY,
        explain=explain or explain_dir is not None,
        images=explain_dir is not None,
        heat_map=heat_map.value,
        unfamiliar=unfamiliar.value,
        measures=measures_of(with_),
        offset_s=offset,
        duration_s=duration,
    )
    pipeline = Pipeline(
        models, options, open_cache(no_cache), jobs=jobs, timeout_s=timeout, cluster=cluster, say=say
    )
    if target is None or target.is_device:
        counts = print_rows(pipeline, inputs, target, format.value, columns, images, total, names, known)
    else:
        say_kept_labels(names, target.format)
        batch = Batch(target, pipeline, images)
        done = batch.run(
            inputs, resume=resume, retry_errors=retry_errors, overwrite=overwrite, arguments=sys.argv[1:]
        )
        counts = write_batch(batch, done, columns, total)
    n_all = counts.predicted + counts.failed
    if n_all > FEW:
        pipeline.cache.prune()
    say_near_misses(names)
    if not n_all:
        say("genrekit: there was nothing to predict: the input is empty")
        raise typer.Exit(ALL_FAILED)
    if target is not None and not target.is_device:
        say(wrote(counts, target.name, names))
    elif counts.failed:
        say(
            f"genrekit: {counts.failed:,} of {counted(n_all, 'input')} could not be read: {causes(counts.reasons)}; "
            f"{'its row says' if counts.failed == 1 else 'their rows say'} why"
        )
    if counts.failed:
        raise typer.Exit(SOME_FAILED if counts.predicted else ALL_FAILED)


def _words(paths: list[str]) -> Iterator[str]:
    """Yield the words of the command line; - means the names on stdin."""
    from genrekit.prediction import read_list

    for word in paths:
        if word == "-":
            yield from read_list(stdin_bytes(), "stdin")
        else:
            yield word
