"""``genrekit models``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genrekit.cli import completion
from genrekit.cli.listing import print_facts, print_list
from genrekit.cli.printing import out

if TYPE_CHECKING:
    from genrekit.models import Bundle, Version

_MOST_LABELS = 12


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
    history: Annotated[
        bool,
        typer.Option(
            "--history",
            help="Print the versions of the model, the newest first: which it came from, how good each is, on which data.",
        ),
    ] = False,
) -> None:
    """List the shipped models; or say of one what it names, how good it is, what it needs, what it learnt from, its licence.

    The file is verified first.
    """
    import json

    from genrekit.errors import UsageError
    from genrekit.models import accuracy, load, shipped_models, summarise, versions_of
    from genrekit.prediction import find

    if card and (as_json or history):
        raise UsageError("Use --card alone, without --json and --history.")
    if model is None:
        if card or history:
            option = "--card" if card else "--history"
            raise UsageError(f"{option} needs a model.", f"For example: genrekit models gtzan {option}")
        bundles = {name: load(path) for name, path in shipped_models().items()}
        if as_json:
            out(json.dumps([_facts(bundle) for bundle in bundles.values()], indent=2))
            return
        facts = [(name, bundle.manifest) for name, bundle in bundles.items()]
        print_list(
            ("model", "backend", "reads", "labels", "accuracy"),
            [(name, m.backend, str(m.modality), _listed(m.labels), accuracy(m)) for name, m in facts],
            wide=3,
        )
        return
    bundle = find(model)
    if history:
        _print_history(versions_of(bundle), as_json=as_json)
    elif card:
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


def _listed(labels: Sequence[str]) -> str:
    """Return labels with commas; on a terminal the first of many."""
    more = len(labels) - _MOST_LABELS if sys.stdout.isatty() else 0
    return ", ".join(labels) if more <= 0 else f"{', '.join(labels[:_MOST_LABELS])} and {more} more"


def _print_history(versions: list[Version], *, as_json: bool) -> None:
    import json

    from genrekit.models import accuracy

    if as_json:
        facts = [
            {"sha256": one.sha256, "file": _file(one), **(_facts(one.bundle) if one.bundle else {})}
            for one in versions
        ]
        out(json.dumps(facts, indent=2))
        return
    rows = []
    for one in versions:
        if one.bundle is None:
            rows.append((one.sha256[:12], "not found", "", "", ""))
            continue
        manifest = one.bundle.manifest
        data = (manifest.data_fingerprint or "")[:12]
        examples = str(manifest.data.get("examples", ""))
        rows.append((one.sha256[:12], _file(one) or manifest.name, accuracy(manifest), examples, data))
    print_list(("sha256", "file", "accuracy", "examples", "data"), rows, wide=1)


def _file(version: Version) -> str | None:
    path = version.bundle.path if version.bundle else None
    return str(path) if path else None
