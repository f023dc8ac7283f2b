"""``genrekit export``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genrekit.cli import completion
from genrekit.cli.options import Overwrite
from genrekit.cli.printing import say

if TYPE_CHECKING:
    import numpy as np

    from genrekit.models import Bundle

_MOST = 200


def export(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A bundle, or the name of a shipped model.",
            autocompletion=completion.models,
        ),
    ],
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="The folder to write into.")],
    int8: Annotated[
        list[str] | None,
        typer.Option(
            "--int8",
            metavar="PATH",
            help="Songs or pictures, 20 at least, to calibrate and measure a graph of 8 bits with; may be given several times.",
        ),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Write a model for devices without genrekit: the ONNX graph, labels, the preparation as JSON, and references.

    The references, in Python with NumPy and in plain JavaScript, turn samples, pixels or rows of features into scores.
    With --int8, model.int8.onnx is written as well if it is smaller and 99 % of the answers stay.

    Exit status: 0 written; 1 the model is damaged; 2 wrong usage, or files are there already.
    """
    from genrekit.models import export as write
    from genrekit.models import preparation_of, quantise
    from genrekit.prediction import find

    bundle = find(model)
    preparation_of(bundle)
    small = b""
    if int8:
        found = quantise(bundle.onnx, _prepared(bundle, int8))
        small = found.graph
        say(
            f"int8: {found.size_bytes / 1e6:.2f} of {len(bundle.onnx) / 1e6:.2f} MB, {found.cpu:.2f} of the CPU time, "
            f"the same answer for {found.same:.1%} of {found.inputs}, scores differ by {found.largest:.3f} at most"
        )
        if found.reason:
            say(f"it is not written: {found.reason}")
    for path in write(bundle, to, overwrite=overwrite, small=small):
        say(str(path))


def _prepared(bundle: Bundle, words: list[str]) -> list[np.ndarray]:
    """Return the windows of at most 200 files; those that cannot be read are named and left out."""
    from genrekit.backends import make_config, registry
    from genrekit.errors import MediaError, UsageError
    from genrekit.prediction import expand
    from genrekit.text import visible
    from genrekit.types import Example, Modality

    manifest = bundle.manifest
    if manifest.modality is Modality.TABLE:
        raise UsageError("A model of tables has no graph that 8 bits make smaller.", "Leave out --int8.")
    backend = registry.get(manifest.backend)
    config = make_config(backend, manifest.config)
    found: list[np.ndarray] = []
    for item in expand(words, kinds=(manifest.modality,)):
        try:
            if item.path is None:
                raise MediaError(item.error or "It is not a file of this machine.")
            found.append(backend.prepare(Example(id=item.name, path=item.path, labels=()), config).values)
        except MediaError as error:
            say(visible(f"left out: {item.name}: {error.message}"))
        if len(found) == _MOST:
            break
    return found
