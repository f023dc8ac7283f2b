"""``genrekit tune``."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from genrekit.cli.options import (
    Ambiguity,
    Ambiguous,
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
from genrekit.cli.printing import say
from genrekit.cli.reports import refuse_folder, show
from genrekit.cli.streams import stdout_is_optional
from genrekit.errors import UsageError
from genrekit.files import check_output

_UNITS_S = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


class Pick(StrEnum):
    """Ways to choose a trial of a front."""

    KNEE = "knee"
    FASTEST = "fastest"
    BEST = "best"


class Prune(StrEnum):
    """Ways to stop trials early."""

    FOLDS = "folds"
    EPOCHS = "epochs"
    NO = "no"


def tune(
    words: Sources = None,
    data: Data = None,
    backend: Annotated[
        str | None, typer.Option("--backend", metavar="NAME", help="The backend; see 'genrekit backends'.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="The bundle to write; BACKEND.genrekit by default."
        ),
    ] = None,
    space: Annotated[
        list[str] | None,
        typer.Option(
            "--space",
            metavar="KEY=LOW..HIGH[:log]|KEY=A,B,C|FILE",
            help="Values of a setting, or a YAML file of them; several times for several. The backend's own by default.",
        ),
    ] = None,
    config: ConfigFile = None,
    settings: Settings = None,
    trials: Annotated[
        int, typer.Option("--trials", metavar="N", min=1, max=10_000, help="The number of trials.")
    ] = 50,
    timeout: Annotated[
        str | None,
        typer.Option("--timeout", metavar="TIME", help="Start no batch after this time: 90s, 30m, 2h."),
    ] = None,
    batch: Annotated[
        int, typer.Option("--batch", metavar="N", min=1, max=1000, help="Trials that are asked together.")
    ] = 4,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", min=0, max=2**32 - 1, help="Seed of the search.")
    ] = 0,
    objective: Annotated[
        str | None,
        typer.Option(
            "--objective",
            metavar="A[,B]",
            help="log_loss (the default), accuracy, macro_f1 (the default of multi-label), predict_ms ...; several make a Pareto front.",
        ),
    ] = None,
    pick: Annotated[Pick, typer.Option("--pick", help="Which trial of a front wins.")] = Pick.KNEE,
    prune: Annotated[
        Prune,
        typer.Option(
            "--prune",
            help="Stop a trial that is clearly worse on the folds so far, or behind half of the others in epochs.",
        ),
    ] = Prune.FOLDS,
    split_by: By = SplitBy.AUTO,
    test_size: TestSize = 0.2,
    valid_size: ValidSize = 0.1,
    device: DeviceName = None,
    multilabel: Multilabel = False,
    merge_labels: MergeLabels = False,
    ambiguous: Ambiguity = Ambiguous.DROP,
    read: Read = None,
    report_folder: Annotated[
        Path | None, typer.Option("--report", metavar="DIR", help="Also write the test report into a folder.")
    ] = None,
    format: Annotated[
        Format, typer.Option("--format", "-f", help="Form of the test report on stdout.")
    ] = Format.TEXT,
    jobs: Jobs = None,
    cluster: Cluster = None,
    track: Track = None,
    no_cache: NoCache = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue an interrupted search of the same options and data.")
    ] = False,
    overwrite: Overwrite = False,
) -> None:
    """Search for good settings of a backend on grouped folds, and train with them.

    Trial 0 has the defaults, which are kept unless a trial is better on the folds. The test split is looked at once, for the
    winner. NAME.tune/ beside the bundle has the journal, the table of trials and a report.
    """
    from genrekit import training, tuning
    from genrekit.datasets import SplitOptions

    stdout_is_optional()
    sources = sources_of(words, data, "tune")
    if backend is None:
        backend, why = training.choose_backend(
            sources, ambiguous=ambiguous.value, read=read.value if read else None
        )
        if why:
            say(why)
    chosen, settled = configure(backend, config, settings, None, multilabel=multilabel, device=device)
    output = output or Path(f"{backend}.genrekit")
    check_output(output, overwrite=overwrite)
    refuse_folder(report_folder, overwrite=overwrite)
    tracker = tracker_of(track)
    try:
        tuned = tuning.tune(
            sources,
            backend=chosen,
            config=settled,
            output=output,
            space=space or (),
            trials=trials,
            timeout_s=_seconds(timeout) if timeout is not None else None,
            batch=batch,
            jobs=job_count(jobs),
            seed=seed,
            objectives=[one.strip() for one in (objective or "").split(",") if one.strip()],
            pick=pick.value,
            prune=prune.value,
            options=SplitOptions(split_by.value, test_size, valid_size),
            merge_labels=merge_labels,
            ambiguous=ambiguous.value,
            read=read.value if read else None,
            cache=open_cache(no_cache),
            cluster=cluster,
            resume=resume,
            overwrite=overwrite,
            say=say,
        )
    except KeyboardInterrupt:
        say("genrekit: the trials that were told are kept; to continue, add --resume")
        raise
    for line in tuned.words:
        say(line)
    if tuned.trained.measured:
        show(tuned.trained.measured, format, report_folder, overwrite=overwrite)
    say(f"wrote {tuned.folder / 'report.html'}")
    say(f"saved {tuned.trained.path} ({tuned.trained.path.stat().st_size / 1e6:.1f} MB)")
    if tracker:
        from genrekit.tracking import of_search

        record = of_search(tuned.trained.path, tuned.trained.measured, tuned.folder, tuned.words)
        say(f"logged as run {tracker.log(record)}")


def _seconds(text: str) -> float:
    """Return a time such as 90s, 30m or 2h in seconds.

    Raises
    ------
    UsageError
        If it is not one.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", text)
    if match is None or match[2] not in _UNITS_S or not float(match[1]):
        raise UsageError(f"--timeout {text!r} is not a time.", "For example: --timeout 90s, 30m or 2h")
    return float(match[1]) * _UNITS_S[match[2]]
