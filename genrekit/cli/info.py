"""``genrekit info``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from genrekit.cli.listing import print_facts
from genrekit.cli.options import Format
from genrekit.cli.printing import out


def info(
    format: Annotated[
        Format, typer.Option("--format", "-f", help="How the facts are printed.")
    ] = Format.TEXT,
) -> None:
    """Show what a report of a fault should have: versions, extras, models, devices, and the cache."""
    import json

    facts = _facts()
    if format is Format.JSON:
        out(json.dumps(facts, indent=2))
        return
    extras = [
        f"{name}: {'installed' if not missing else f'not installed, pip install genrekit[{name}] brings ' + ', '.join(missing)}"
        for name, missing in facts["extras"].items()
    ]
    lines = [(name, version or "missing") for name, version in facts["versions"].items()]
    lines += [
        ("extras", "\n".join(extras) or "unknown: genrekit is not installed as a package"),
        ("models", ", ".join(facts["models"]) or "none"),
        ("backends", ", ".join(facts["backends"])),
        ("devices", "\n".join(facts["devices"])),
        ("cache", f"{facts['cache']['folder'] or 'none'}, {facts['cache']['bytes'] / 1e6:,.1f} MB"),
    ]
    print_facts(lines)


def _facts() -> dict[str, Any]:
    from genrekit.backends import registry
    from genrekit.execution import default_jobs
    from genrekit.files import NO_FOLDER, cache_folder
    from genrekit.installation import extras, versions
    from genrekit.models import shipped_models
    from genrekit.preparation import cache_contents

    folder = cache_folder()
    cores = default_jobs()
    return {
        "versions": versions(),
        "extras": {extra.name: list(extra.missing) for extra in extras()},
        "models": list(shipped_models()),
        "backends": list(registry.names()),
        "devices": [f"cpu: {cores} cores", *_accelerators()],
        "cache": {
            "folder": "" if folder == NO_FOLDER else str(folder),
            "bytes": sum(one.size for one in cache_contents(folder)),
        },
    }


def _accelerators() -> list[str]:
    try:
        import torch
    except (ImportError, OSError) as error:  # OSError: a library of the system is missing
        return [f"torch cannot be loaded: {error}"]
    found = [f"cuda:{k}: {torch.cuda.get_device_name(k)}" for k in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found.append("mps: the GPU of this Mac")
    return found
