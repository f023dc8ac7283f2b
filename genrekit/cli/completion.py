"""Words that a shell completes: models, backends, data sets and genres."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import typer


def models(incomplete: str) -> list[str]:
    """Return the names of shipped models, and bundles in the folder of what was typed."""
    from genrekit.models import SUFFIX, shipped_models

    start = Path(incomplete)
    folder = start if incomplete.endswith("/") else start.parent
    bundles = sorted(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else []
    return _starting([*shipped_models(), *map(str, bundles)], incomplete)


def backends(incomplete: str) -> list[str]:
    """Return the names of backends, without importing any."""
    from genrekit.backends import registry

    return _starting(registry.names(), incomplete)


def sources(incomplete: str) -> list[str]:
    """Return the data sets that have a name, as 'gtzan:'; the shell completes files where none fits."""
    from genrekit.datasets import registry

    return _starting((f"{name}:" for name in registry.names()), incomplete)


def models_or_sources(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return completions of 'evaluate [MODEL] SOURCE...': models first, unless a backend is named."""
    is_first = not ctx.params.get("words") and not ctx.params.get("backend")
    return [*(models(incomplete) if is_first else []), *sources(incomplete)]


def genres(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return lists of labels extended by one more label of the named models, or of the shipped ones."""
    from genrekit.errors import GenrekitError
    from genrekit.models import shipped_models
    from genrekit.prediction import find

    before, comma, word = incomplete.rpartition(",")
    taken = {label.strip() for label in before.split(",")}
    found: dict[str, None] = {}
    for name in ctx.params.get("model") or shipped_models():
        try:
            found |= dict.fromkeys(find(name).manifest.labels)
        except GenrekitError:
            continue
    return [f"{before}{comma}{label}" for label in _starting(found, word.lstrip()) if label not in taken]


def _starting(words: Iterable[str], incomplete: str) -> list[str]:
    return [word for word in words if word.startswith(incomplete)]
