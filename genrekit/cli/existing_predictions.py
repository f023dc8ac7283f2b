"""Predictions for commands that use them: existing ones from a file, or new ones."""

from __future__ import annotations

import os
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from genrekit.cli.options import open_cache
from genrekit.cli.printing import say
from genrekit.text import printable

if TYPE_CHECKING:
    from genrekit.prediction import Input
    from genrekit.types import Prediction


class Rows(StrEnum):
    """Format of rows."""

    AUTO = "auto"
    TABLE = "table"
    JSONL = "jsonl"


SoundPaths = Annotated[
    list[str] | None, typer.Argument(metavar="PATH...", help="Sound files, folders, glob patterns.")
]
Finished = Annotated[
    Path | None,
    typer.Option(
        "--from",
        metavar="FILE",
        help="Use the predictions of 'genrekit predict -o FILE' for these paths, or all of them.",
    ),
]
RowFormat = Annotated[
    Rows, typer.Option("--format", "-f", help="auto: a table on a terminal, jsonl in a pipe.")
]


Root = Annotated[
    Path | None,
    typer.Option(
        "--root",
        metavar="FOLDER",
        help="Where the library is now, if it was moved: files of --from or --undo are looked for below it.",
    ),
]


def check_root(root: Path | None) -> None:
    """Refuse what is not a folder.

    Raises
    ------
    UsageError
    """
    from genrekit.errors import UsageError

    if root is not None and not root.is_dir():
        raise UsageError(
            f"{printable(root)} is not a folder.", "Pass the folder in which the library is now."
        )


def finished_predictions(results: Path, paths: list[str], root: Path | None) -> Iterator[Prediction]:
    """Yield the predictions in a results file: of some paths in their order, or all songs."""
    from genrekit.prediction import read_results, results_for

    found = _looked_for(read_results(results, root=root), results, root)
    return results_for(songs(paths), found, str(results)) if paths else _without_pictures(found)


def _looked_for(found: Iterator[Prediction], results: Path, root: Path | None) -> Iterator[Prediction]:
    """Yield predictions; at the first file that is missing, say once that --root names the folder it is in now."""
    from genrekit.prediction import NOT_THERE
    from genrekit.remote import is_remote

    said = root is not None
    for prediction in found:
        name = prediction.id
        is_file = prediction.content is not None and not is_remote(name)
        if prediction.error is not None and not prediction.error.startswith(NOT_THERE):
            is_file = False
        if is_file and not said and not os.path.lexists(name):
            said = True
            relative = "; its paths start at the folder where it was predicted: run the command there, or"
            start = "; if they were moved," if os.path.isabs(prediction.id) else relative  # noqa: PTH117
            say(
                f"genrekit: files that {printable(results)} names are not there{start} pass --root FOLDER, the folder in "
                "which they are now"
            )
        yield prediction


def songs(paths: list[str]) -> list[Input]:
    """Return the songs that paths mean, and report what was passed over."""
    from genrekit.media import PassedOver
    from genrekit.prediction import expand
    from genrekit.types import Modality

    passed = PassedOver()
    found = list(expand(paths, kinds={Modality.AUDIO}, passed=passed, tracks=False))
    if words := str(passed):
        say(words)
    return found


def _without_pictures(found: Iterator[Prediction]) -> Iterator[Prediction]:
    """Leave out pictures: albums have covers next to their songs."""
    from genrekit.media import found_modality
    from genrekit.types import Modality

    n_pictures = 0
    for prediction in found:
        if found_modality(Path(prediction.id)) is Modality.IMAGE:
            n_pictures += 1
        else:
            yield prediction
    if n_pictures:
        say(f"pictures among the predictions, left out: {n_pictures}")


def new_predictions(
    inputs: list[Input],
    names: list[str] | None,
    *,
    top_k: int,
    measures: tuple[str, ...] = (),
    jobs: int | None,
    no_cache: bool,
    rows: TextIO | None = None,
) -> Iterator[Prediction]:
    """Yield the predictions of the models for sound, with progress on stderr; ``rows`` gets rows meanwhile."""
    from genrekit.prediction import PredictOptions, load_models, predict
    from genrekit.progress import progress
    from genrekit.types import Modality

    models = tuple(m for m in load_models(names or None) if m.backend.info.modality is Modality.AUDIO)
    options = PredictOptions(top_k=top_k, measures=measures)
    stream = predict(inputs, model=models, options=options, jobs=jobs, cache=open_cache(no_cache), say=say)
    with progress(len(inputs), "predicting", rows=rows) as advance:
        for prediction in stream:
            yield prediction
            advance()
