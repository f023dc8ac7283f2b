"""``genrekit combine``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from genrekit.cli.options import (
    Ambiguity,
    Ambiguous,
    Cluster,
    Data,
    Format,
    Jobs,
    MergeLabels,
    NoCache,
    Overwrite,
    Read,
    job_count,
    open_cache,
)
from genrekit.cli.printing import say
from genrekit.cli.reports import refuse_folder, show
from genrekit.cli.streams import stdout_is_optional
from genrekit.files import check_output


class FitPart(StrEnum):
    """A split that weights may be fitted on."""

    TRAIN = "train"
    VALID = "valid"


def combine(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...",
            help="Two or more paths of bundles or names of shipped models, with the same labels.",
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The bundle to write.")],
    weights: Annotated[
        str | None,
        typer.Option(
            "--weights",
            metavar="fitted|equal|A,B,...",
            help="Share of each model: fitted on --data (the default with it), equal, or one number per model.",
        ),
    ] = None,
    data: Data = None,
    split: Annotated[
        FitPart,
        typer.Option(
            "--split",
            help="The split of --data on which weights and temperature are fitted; never the test split.",
        ),
    ] = FitPart.VALID,
    merge_labels: MergeLabels = False,
    ambiguous: Ambiguity = Ambiguous.DROP,
    read: Read = None,
    about: Annotated[
        str, typer.Option("--about", metavar="TEXT", help="Remarks on the model, for its card.")
    ] = "",
    licence: Annotated[
        str, typer.Option("--licence", metavar="TEXT", help="The licence of the model, for its card.")
    ] = "",
    report_folder: Annotated[
        Path | None, typer.Option("--report", metavar="DIR", help="Also write the test report into a folder.")
    ] = None,
    format: Annotated[
        Format, typer.Option("--format", "-f", help="Form of the report on stdout.")
    ] = Format.TEXT,
    jobs: Jobs = None,
    cluster: Cluster = None,
    no_cache: NoCache = False,
    overwrite: Overwrite = False,
) -> None:
    """Combine several models of one kind of input into one bundle, by the weighted mean of their log odds.

    With --data, weights and a temperature are fitted on its validation split, and the result is measured once on its test
    split.
    """
    from genrekit import tuning

    stdout_is_optional()
    check_output(output, overwrite=overwrite)
    refuse_folder(report_folder, overwrite=overwrite)
    combined = tuning.combine(
        models,
        output=output,
        weights=weights,
        source=data,
        split=split.value,
        merge_labels=merge_labels,
        ambiguous=ambiguous.value,
        read=read.value if read else None,
        about=about,
        licence=licence,
        jobs=job_count(jobs),
        cache=open_cache(no_cache),
        cluster=cluster,
        overwrite=overwrite,
        say=say,
    )
    shares = ", ".join(
        f"{member.name} {weight:.3f}"
        for member, weight in zip(combined.bundle.manifest.members, combined.weights, strict=True)
    )
    say(f"weights: {shares}; temperature {combined.temperature:.3g}")
    if combined.measured:
        show(combined.measured, format, report_folder, overwrite=overwrite)
    elif data:
        say("there is no test split, so nothing was measured")
    say(f"saved {combined.path} ({combined.path.stat().st_size / 1e6:.1f} MB)")
