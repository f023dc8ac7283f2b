"""``genrekit compare``."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genrekit.cli.options import (
    Ambiguity,
    Ambiguous,
    By,
    Cluster,
    Jobs,
    MergeLabels,
    NoCache,
    Overwrite,
    Part,
    Read,
    Seed,
    Settings,
    SplitBy,
    Track,
    configure,
    job_count,
    open_cache,
    tracker_of,
)
from genrekit.cli.printing import say
from genrekit.cli.reports import print_rendered
from genrekit.files import check_output, naming

if TYPE_CHECKING:
    from genrekit.backends import Backend, BackendConfig
    from genrekit.evaluation import Comparison


class Format(StrEnum):
    """Form of the leaderboard on stdout."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    MD = "md"


def compare(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="MODEL...",
            help="Two or more paths of bundles or names of shipped models; none with --backend.",
        ),
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option("--data", metavar="SOURCE", help="The labelled data; may be given several times."),
    ] = None,
    split: Annotated[
        Part | None,
        typer.Option(
            "--split",
            metavar="train|valid|test",
            help="Only this split: published, or made again as the training of the first model made it.",
        ),
    ] = None,
    backend: Annotated[
        str | None,
        typer.Option("--backend", metavar="A,B,...", help="Cross-validate these backends; needs --cv."),
    ] = None,
    cv: Annotated[
        int | None, typer.Option("--cv", metavar="FOLDS", min=2, max=100, help="The number of folds.")
    ] = None,
    settings: Settings = None,
    seed: Seed = None,
    split_by: By = SplitBy.AUTO,
    rank_by: Annotated[
        str | None,
        typer.Option(
            "--rank-by",
            metavar="METRIC",
            help="accuracy (the default), macro_f1 or log_loss; multi-label: macro_f1 (the default), micro_f1 or samples_f1.",
        ),
    ] = None,
    no_cost: Annotated[
        bool, typer.Option("--no-cost", help="Do not measure time and memory per input.")
    ] = False,
    merge_labels: MergeLabels = False,
    ambiguous: Ambiguity = Ambiguous.DROP,
    read: Read = None,
    format: Annotated[
        Format, typer.Option("--format", "-f", help="Form of the leaderboard on stdout.")
    ] = Format.TABLE,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html",
            metavar="FILE",
            help="Also write one HTML file with reliability diagrams and confusion matrices side by side.",
        ),
    ] = None,
    jobs: Jobs = None,
    cluster: Cluster = None,
    track: Track = None,
    no_cache: NoCache = False,
    overwrite: Overwrite = False,
) -> None:
    """Compare models on the same examples, or backends on the same folds: a leaderboard with ties.

    Models that the paired bootstrap over groups does not tell apart share a rank.
    """
    from genrekit import evaluation
    from genrekit.errors import UsageError

    if (backend is None) != (cv is None):
        raise UsageError("--backend and --cv go together.", "For example: --backend gtzan,spectrogram --cv 5")
    if not data:
        raise UsageError(
            "There is no data set to compare on.", "Name one: genrekit compare A B --data music/"
        )
    if html is not None:
        check_output(html, overwrite=overwrite)
    tracker = tracker_of(track)
    cache = open_cache(no_cache)
    common: dict[str, Any] = {
        "by": rank_by,
        "cost": not no_cost,
        "merge_labels": merge_labels,
        "ambiguous": ambiguous.value,
        "read": read.value if read else None,
        "jobs": job_count(jobs),
        "cache": cache,
        "cluster": cluster,
        "say": say,
    }
    if backend is not None and cv is not None:
        if models or split is not None:
            raise UsageError("--backend cross-validates recipes: pass neither a MODEL nor --split with it.")
        recipes = [_recipe(name.strip(), settings, seed) for name in backend.split(",") if name.strip()]
        found = evaluation.compare_recipes(
            recipes, data, k=cv, split_by=split_by.value, seed=seed or 0, **common
        )
    else:
        if settings or seed is not None or split_by is not SplitBy.AUTO:
            raise UsageError("--set, --seed and --split-by belong to --backend; a model has its own.")
        found = evaluation.compare(models or [], data, split=split.value if split else None, **common)
    if html is not None:
        with naming(html):
            html.write_text(evaluation.comparison_html(found), encoding="utf-8", errors="backslashreplace")
        say(f"wrote {html}")
    _print(found, format)
    if tracker:
        from genrekit.tracking import of_comparison

        options = {"models": models or backend, "source": data, "folds": cv, "set": settings, "seed": seed}
        options["split"] = split.value if split else None
        texts = {
            "comparison.csv": evaluation.comparison_csv(found),
            "comparison.json": evaluation.comparison_json(found),
            "comparison.md": evaluation.comparison_markdown(found),
            "comparison.html": evaluation.comparison_html(found),
        }
        chosen = {name: value for name, value in options.items() if value is not None}
        say(f"logged as run {tracker.log(of_comparison(found, chosen, texts))}")


def _recipe(name: str, settings: list[str] | None, seed: int | None) -> tuple[str, Backend, BackendConfig]:
    """Return a backend with the settings that are for all backends, and those that begin with its name and a point."""
    own = []
    for word in settings or []:
        prefix, point, _ = word.partition("=")[0].partition(".")
        if not point:
            own.append(word)
        elif prefix.strip() == name:
            own.append(word.partition(".")[2])
    backend, config = configure(name, None, own, seed)
    return name, backend, config


def _print(found: Comparison, format: Format) -> None:
    from genrekit import evaluation
    from genrekit.text import encodable

    if format is Format.TABLE:
        print_rendered(lambda width: evaluation.render_comparison(found))
        return
    text = {
        Format.CSV: evaluation.comparison_csv,
        Format.JSON: evaluation.comparison_json,
        Format.MD: evaluation.comparison_markdown,
    }[format](found)
    print(encodable(text.rstrip("\n"), sys.stdout), flush=True)
