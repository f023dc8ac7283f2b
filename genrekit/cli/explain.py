"""``genrekit explain``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genrekit.cli import completion
from genrekit.cli.options import (
    Ambiguity,
    Ambiguous,
    Data,
    Jobs,
    MergeLabels,
    NoCache,
    Overwrite,
    Part,
    Read,
    Seed,
    job_count,
    open_cache,
    sources_of,
)
from genrekit.cli.printing import say
from genrekit.cli.reports import print_rendered
from genrekit.cli.streams import stdout_is_optional
from genrekit.files import refuse_stdout


def explain(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="The path of a bundle, or the name of a shipped model.",
            autocompletion=completion.models,
        ),
    ],
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SOURCE...", help="The labelled data: as for train.", autocompletion=completion.sources
        ),
    ] = None,
    data: Data = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="DIR", help="The folder to write; MODEL.explanation by default."
        ),
    ] = None,
    split: Annotated[
        Part | None,
        typer.Option(
            "--split",
            metavar="train|valid|test",
            help="Only this split; by default test where there is one, else all examples.",
        ),
    ] = None,
    repeats: Annotated[
        int | None,
        typer.Option(
            "--repeats",
            metavar="N",
            min=1,
            max=100,
            help="Permutations per feature; 5 by default, fewer for many examples.",
        ),
    ] = None,
    seed: Seed = None,
    merge_labels: MergeLabels = False,
    ambiguous: Ambiguity = Ambiguous.DROP,
    read: Read = None,
    jobs: Jobs = None,
    no_cache: NoCache = False,
    overwrite: Overwrite = False,
) -> None:
    """Show what a model pays attention to, and its most confident mistakes: a page with pictures.

    The importance of features, with intervals, is printed; the folder has the page, every picture as PNG, and the numbers.
    """
    from genrekit import evaluation
    from genrekit.prediction import load_model

    stdout_is_optional()
    sources = sources_of(words, data, f"explain {model}")
    loaded = load_model(model)
    output = output or Path(f"{loaded.name}.explanation")
    refuse_stdout(output)
    evaluation.check_explanation_folder(output, overwrite=overwrite)
    found = evaluation.explain(
        loaded,
        sources,
        split=split.value if split else None,
        merge_labels=merge_labels,
        ambiguous=ambiguous.value,
        read=read.value if read else None,
        repeats=repeats,
        seed=seed or 0,
        jobs=job_count(jobs),
        cache=open_cache(no_cache),
        say=say,
    )
    written = evaluation.write_explanation(found, output, overwrite=overwrite)
    say(f"wrote {written} and its pictures")
    print_rendered(lambda width: evaluation.render_explanation(found))
