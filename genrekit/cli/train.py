"""``genrekit train``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genrekit.cli import completion
from genrekit.cli.options import (
    Ambiguity,
    Ambiguous,
    BackendName,
    By,
    Cluster,
    ConfigFile,
    Data,
    DeviceName,
    Format,
    Jobs,
    MergeLabels,
    Multilabel,
    NoCache,
    Overwrite,
    Read,
    Seed,
    Settings,
    Sources,
    SplitBy,
    TestSize,
    Track,
    ValidSize,
    configure,
    job_count,
    open_cache,
    sources_of,
    tracker_of,
)
from genrekit.cli.printing import out, say
from genrekit.cli.reports import refuse_folder, show
from genrekit.cli.streams import stdout_is_optional
from genrekit.files import check_output
from genrekit.progress import heartbeat
from genrekit.types import Modality, silent

if TYPE_CHECKING:
    from genrekit.backends import Backend


@contextmanager
def going_on(backend: Backend, output: Path, *, grid: bool, cached: bool) -> Iterator[None]:
    """Print how to resume if a training is interrupted."""
    from genrekit.backends import FitsInFolder
    from genrekit.training import beside

    try:
        yield
    except KeyboardInterrupt:
        if isinstance(backend, FitsInFolder) and beside(output).exists():
            say(f"genrekit: what is done is kept in {beside(output)}; to go on, add --resume")
        elif grid:
            say("genrekit: the candidates that are measured are kept; the same command goes on after them")
        elif cached and backend.info.modality is not Modality.TABLE:
            say("genrekit: prepared examples are kept in the cache; the same command starts from them")
        else:
            say("genrekit: nothing of this training is kept; the same command starts it anew")
        raise


def train(
    words: Sources = None,
    data: Data = None,
    backend: BackendName = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="The bundle to write; BACKEND.genrekit by default."
        ),
    ] = None,
    config: ConfigFile = None,
    print_config: Annotated[
        bool,
        typer.Option(
            "--print-config", help="Print the settings that would be used as a file for --config, and leave."
        ),
    ] = False,
    settings: Settings = None,
    seed: Seed = None,
    split_by: By = SplitBy.AUTO,
    test_size: TestSize = 0.2,
    valid_size: ValidSize = 0.1,
    refit: Annotated[
        bool,
        typer.Option(
            "--refit", help="After the test, fit the same recipe again on all splits and save that."
        ),
    ] = False,
    grid: Annotated[
        list[str] | None,
        typer.Option(
            "--grid",
            metavar="KEY=A,B|FILE|default",
            help="Try every combination on grouped folds of the training split first; several times for several keys.",
        ),
    ] = None,
    learning_curve: Annotated[
        int | None,
        typer.Option(
            "--learning-curve",
            metavar="PARTS",
            min=2,
            max=20,
            help="Also fit on growing parts of the groups, and say whether more data would help.",
        ),
    ] = None,
    device: DeviceName = None,
    multilabel: Multilabel = False,
    merge_labels: MergeLabels = False,
    ambiguous: Ambiguity = Ambiguous.DROP,
    read: Read = None,
    about: Annotated[
        str,
        typer.Option("--about", metavar="TEXT", help="What others should know of the model, for its card."),
    ] = "",
    licence: Annotated[
        str, typer.Option("--licence", metavar="TEXT", help="The licence of the model, for its card.")
    ] = "",
    report_folder: Annotated[
        Path | None, typer.Option("--report", metavar="DIR", help="Also write the test report into a folder.")
    ] = None,
    format: Annotated[
        Format, typer.Option("--format", "-f", help="How the report is printed.")
    ] = Format.TEXT,
    parent: Annotated[
        str | None,
        typer.Option(
            "--parent",
            metavar="MODEL",
            help="The model of which this is the next version, for 'genrekit models --history'.",
            autocompletion=completion.models,
        ),
    ] = None,
    no_keys: Annotated[
        bool,
        typer.Option(
            "--no-keys",
            help="Keep no content keys of what is learnt: nobody can ask whether a file was, evaluate cannot either.",
        ),
    ] = False,
    jobs: Jobs = None,
    cluster: Cluster = None,
    track: Track = None,
    no_cache: NoCache = False,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on with a training of networks that was interrupted; else start it."
        ),
    ] = False,
    overwrite: Overwrite = False,
) -> None:
    """Train a model on labelled data, measure it once on the test split, and save it as one file."""
    from genrekit import training
    from genrekit.backends import config_yaml, parse_grid
    from genrekit.datasets import SplitOptions
    from genrekit.distributed import rank
    from genrekit.prediction import find

    stdout_is_optional()
    first = rank() == 0  # under torchrun, the first process speaks

    sources = [] if print_config and not words and not data else sources_of(words, data, "train")
    if backend is None:
        backend, why = training.choose_backend(
            sources, ambiguous=ambiguous.value, read=read.value if read else None
        )
        if why and first:
            say(why)
    chosen, settled = configure(backend, config, settings, seed, multilabel=multilabel, device=device)
    if print_config:
        out(config_yaml(chosen, settled).rstrip("\n"))
        return
    output = output or Path(f"{backend}.genrekit")
    check_output(output, overwrite=overwrite)
    tracker = tracker_of(track) if first else None
    earlier = find(parent).sha256 if parent else None
    cache = open_cache(no_cache)
    refuse_folder(report_folder, overwrite=overwrite)
    with (
        going_on(chosen, output, grid=bool(grid), cached=cache.enabled),
        heartbeat("training", say if first else silent) as progress,
    ):
        trained = training.train(
            sources,
            backend=chosen,
            config=settled,
            output=output,
            options=SplitOptions(split_by.value, test_size, valid_size),
            refit=refit,
            grid=parse_grid(chosen, grid) if grid else None,
            curve_parts=learning_curve,
            merge_labels=merge_labels,
            ambiguous=ambiguous.value,
            read=read.value if read else None,
            about=about,
            licence=licence,
            keys=not no_keys,
            jobs=job_count(jobs),
            cache=cache,
            cluster=cluster,
            overwrite=overwrite,
            resume=resume,
            parent=earlier,
            say=progress,
        )
    if not first:
        return
    if trained.measured:
        show(trained.measured, format, report_folder, overwrite=overwrite)
    else:
        say("there is no test split, so nothing was measured")
    if trained.curve:
        table, picture = training.learning_files(trained.path)
        say(trained.curve.words)
        say(f"wrote {table} and {picture}")
    say(f"saved {trained.path} ({trained.path.stat().st_size / 1e6:.1f} MB)")
    if tracker:
        from genrekit.tracking import of_training

        say(f"logged as run {tracker.log(of_training(trained.path, trained.measured))}")
