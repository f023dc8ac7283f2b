"""``genrekit models``."""

from __future__ import annotations

from typing import Annotated

import typer


def models(
    model: Annotated[
        str | None, typer.Argument(metavar="MODEL", help="A bundle's path, or the name of one in the box.")
    ] = None,
    card: Annotated[bool, typer.Option("--card", help="Print the model card instead of the facts.")] = False,
) -> None:
    """List the models in the box, or show one bundle after checking it."""
    import json

    from genrekit.model import find
    from genrekit.models import box

    if model is None:
        from genrekit.bundle import load

        for name, path in box().items():
            manifest = load(path).manifest
            typer.echo(f"{name}\t{manifest.backend}\t{manifest.modality}\t{', '.join(manifest.labels)}")
        return
    bundle = find(model)
    if card:
        typer.echo(bundle.card)
    else:
        facts = bundle.manifest.model_dump(mode="json") | {"sha256": bundle.sha256}
        typer.echo(json.dumps(facts, indent=2, ensure_ascii=False))
