"""``genrekit evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from genrekit.cli import completion
from genrekit.cli.options import (
    Ambiguity,
    Ambiguous,
    By,
    Cluster,
    ConfigFile,
    Data,
    Format,
    Jobs,
    MergeLabels,
    Multilabel,
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
    sources_of,
    tracker_of,
)
from genrekit.cli.printing import say
from genrekit.cli.reports import refuse_folder, show
from genrekit.cli.similarity_report import show_similarity
from genrekit.progress import heartbeat


def evaluate(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL] SOURCE...",
            help="A bundle's path or the name of a shipped model (none with --backend), and the data: as for train.",
            autocompletion=completion.models_or_sources,
        ),
    ] = None,
    data: Data = None,
    split: Annotated[
        Part | None,
        typer.Option(
            "--split",
            metavar="train|valid|test",
            help="Only this split: the published one, or the one that the training made.",
        ),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            "--labels",
            metavar="A,B,...",
            help="Only these labels compete, and only their examples count.",
            autocompletion=completion.genres,
        ),
    ] = None,
    backend: Annotated[
        str | None,
        typer.Option(
            "--backend",
            metavar="NAME",
            help="Cross-validate this backend; needs --cv.",
            autocompletion=completion.backends,
        ),
    ] = None,
    cv: Annotated[
        int | None, typer.Option("--cv", metavar="FOLDS", min=2, max=100, help="The number of folds.")
    ] = None,
    config: ConfigFile = None,
    settings: Settings = None,
    seed: Seed = None,
    split_by: By = SplitBy.AUTO,
    multilabel: Multilabel = False,
    merge_labels: MergeLabels = False,
    ambiguous: Ambiguity = Ambiguous.DROP,
    read: Read = None,
    similarity: Annotated[
        bool,
        typer.Option(
            "--similarity",
            help="Measure the similarity of an --index instead of a MODEL; SOURCE has the genres and artists; without it they are read from tags.",
        ),
    ] = False,
    index: Annotated[
        Path | None,
        typer.Option(
            "--index",
            "-i",
            metavar="FOLDER",
            help="With --similarity: the folder that 'genrekit index' wrote.",
        ),
    ] = None,
    format: Annotated[
        Format, typer.Option("--format", "-f", help="How the report is printed.")
    ] = Format.TEXT,
    report_folder: Annotated[
        Path | None,
        typer.Option(
            "--report",
            metavar="DIR",
            help="Also write the report, with pictures of confusions and calibration, and every example's scores.",
        ),
    ] = None,
    jobs: Jobs = None,
    cluster: Cluster = None,
    track: Track = None,
    no_cache: NoCache = False,
    overwrite: Overwrite = False,
) -> None:
    """Measure a model on labelled data, a backend by cross-validation, or the similarity of an index."""
    from genrekit import evaluation
    from genrekit.errors import UsageError

    if similarity != (index is not None):
        raise UsageError(
            "--similarity and --index go together.", "For example: --similarity --index music.index music/"
        )
    if index is not None:
        if (
            backend
            or cv
            or split
            or labels
            or config
            or settings
            or seed is not None
            or report_folder
            or track
        ):
            raise UsageError(
                "--similarity takes --index and labelled data, and no MODEL, --backend, --split or --track."
            )
        show_similarity(
            index, [*(words or []), *(data or [])], merge_labels=merge_labels, read=read, format=format
        )
        return
    if (backend is None) != (cv is None):
        raise UsageError("--backend and --cv go together.", "For example: --backend gtzan --cv 5")
    words = words or []
    if backend is None and not words:
        raise UsageError(
            "Pass either a MODEL to measure or a --backend to cross-validate.",
            "For example: genrekit evaluate model.genrekit music/, or genrekit evaluate --backend gtzan --cv 5 music/",
        )
    model, words = (None, words) if backend else (words[0], words[1:])
    sources = sources_of(
        words, data, f"evaluate {model}" if model else f"evaluate --backend {backend} --cv {cv}"
    )
    cache = open_cache(no_cache)
    refuse_folder(report_folder, overwrite=overwrite)
    tracker = tracker_of(track)
    tracked: dict[str, Any] = {"source": sources, "split": split.value if split else None, "labels": labels}
    if backend is not None and cv is not None:
        if split is not None:
            raise UsageError("--split chooses a split for a MODEL; cross-validation measures every example.")
        if labels is not None:
            raise UsageError(
                "--labels chooses among those of a MODEL; a backend learns all labels of the data."
            )
        chosen, settled = configure(backend, config, settings, seed, multilabel=multilabel)
        tracked = {"backend": backend, "folds": cv, "source": sources, **settled.model_dump(mode="json")}
        with heartbeat("cross-validation", say) as progress:
            measured = evaluation.cross_validate(
                sources,
                backend=chosen,
                config=settled,
                k=cv,
                by=split_by.value,
                merge_labels=merge_labels,
                ambiguous=ambiguous.value,
                read=read.value if read else None,
                jobs=job_count(jobs),
                cache=cache,
                cluster=cluster,
                say=progress,
            )
    else:
        from genrekit.prediction import load_model

        if config or settings or seed is not None or split_by is not SplitBy.AUTO or multilabel:
            raise UsageError(
                "--config, --set, --seed, --multilabel and --split-by belong to --backend; a model has its own."
            )
        loaded = load_model(str(model))
        tracked |= {"model": model, "sha256": loaded.bundle.sha256}
        measured = evaluation.evaluate(
            loaded,
            sources,
            split=split.value if split else None,
            labels=tuple(label for label in (labels or "").split(",") if label.strip()),
            merge_labels=merge_labels,
            ambiguous=ambiguous.value,
            read=read.value if read else None,
            jobs=job_count(jobs),
            cache=cache,
            cluster=cluster,
            say=say,
        )
    show(measured, format, report_folder, overwrite=overwrite)
    if tracker:
        from genrekit.tracking import of_evaluation

        say(
            f"logged as run {tracker.log(of_evaluation(Path(str(model or backend)).stem, tracked, measured))}"
        )
