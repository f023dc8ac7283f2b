"""``genrekit models``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from genrekit.cli import completion
from genrekit.cli.listing import print_facts, print_list
from genrekit.cli.printing import out

if TYPE_CHECKING:
    from genrekit.models import Bundle


def models(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL",
            help="A bundle's path, or the name of a shipped model.",
            autocompletion=completion.models,
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the manifest, or the list, as JSON.")
    ] = False,
    card: Annotated[bool, typer.Option("--card", help="Print the model card in Markdown.")] = False,
) -> None:
    """List the shipped models; or say of one what it names, how good it is, what it needs, what it learnt from, its licence.

    The file is verified first.
    """
    import json

    from genrekit.errors import UsageError
    from genrekit.models import accuracy, load, shipped_models, summarise
    from genrekit.prediction import find

    if card and as_json:
        raise UsageError("Give either --card or --json, not both.")
    if model is None:
        if card:
            raise UsageError("--card needs a model.", "For example: genrekit models gtzan --card")
        bundles = {name: load(path) for name, path in shipped_models().items()}
        if as_json:
            out(json.dumps([_facts(bundle) for bundle in bundles.values()], indent=2))
            return
        facts = [(name, bundle.manifest) for name, bundle in bundles.items()]
        print_list(
            ("model", "backend", "reads", "labels", "accuracy"),
            [(name, m.backend, str(m.modality), ", ".join(m.labels), accuracy(m)) for name, m in facts],
            wide=3,
        )
        return
    bundle = find(model)
    if card:
        out(bundle.card)
    elif as_json:
        out(json.dumps(_facts(bundle), indent=2))
    else:
        size = f"{bundle.path.stat().st_size / 1e6:.1f} MB, " if bundle.path else ""
        print_facts(
            [
                ("model", bundle.manifest.name),
                *summarise(bundle.manifest),
                ("file", f"{size}sha256 {bundle.sha256}"),
            ]
        )


def _facts(bundle: Bundle) -> dict[str, Any]:
    return {**bundle.manifest.model_dump(mode="json"), "sha256": bundle.sha256}
