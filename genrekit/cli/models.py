"""``genrekit models``."""

from __future__ import annotations

from typing import Annotated

import typer

from genrekit.cli.printing import out


def models(
    model: Annotated[
        str | None, typer.Argument(metavar="MODEL", help="A bundle's path, or the name of a shipped model.")
    ] = None,
    card: Annotated[bool, typer.Option("--card", help="Print the model card instead of the facts.")] = False,
) -> None:
    """List the shipped models, or show one bundle after checking it."""
    import json

    from genrekit.models import shipped_models
    from genrekit.prediction import find
    from genrekit.text import visible

    if model is None:
        from genrekit.models import load

        for name, path in shipped_models().items():
            manifest = load(path).manifest
            facts = (name, manifest.backend, str(manifest.modality), ", ".join(manifest.labels))
            out("\t".join(map(visible, facts)))
        return
    bundle = find(model)
    if card:
        out(bundle.card)
    else:
        out(json.dumps(bundle.manifest.model_dump(mode="json") | {"sha256": bundle.sha256}, indent=2))
