"""``genrekit export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genrekit.cli import completion
from genrekit.cli.options import Overwrite
from genrekit.cli.printing import say


def export(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A bundle, or the name of a shipped model, of the backends encoder and spectrogram.",
            autocompletion=completion.models,
        ),
    ],
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="The folder to write into.")],
    overwrite: Overwrite = False,
) -> None:
    """Write a model for devices without genrekit: the ONNX graph, labels, the preparation as JSON, and references.

    The references, in Python with NumPy and in plain JavaScript, turn samples into scores.

    Exit status: 0 written; 1 the model is damaged; 2 wrong usage, or files are there already.
    """
    from genrekit.models import export as write
    from genrekit.prediction import find

    for path in write(find(model), to, overwrite=overwrite):
        say(str(path))
