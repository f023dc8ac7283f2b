"""``genrekit backends``."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from genrekit.cli import completion
from genrekit.cli.listing import print_list
from genrekit.cli.printing import out

if TYPE_CHECKING:
    from genrekit.backends import Backend


class SettingsFormat(StrEnum):
    """Formats in which backends and their settings are printed."""

    TEXT = "text"
    JSON = "json"
    YAML = "yaml"


def backends(
    name: Annotated[
        str | None,
        typer.Argument(help="List the settings of this backend.", autocompletion=completion.backends),
    ] = None,
    columns: Annotated[
        bool, typer.Option("--columns", help="List the table columns that NAME reads, in their order.")
    ] = False,
    format: Annotated[
        SettingsFormat,
        typer.Option(
            "--format",
            "-f",
            help="How they are printed; yaml is a file of the defaults to start from: train --config FILE.",
        ),
    ] = SettingsFormat.TEXT,
) -> None:
    """List the backends, or the settings or columns of one."""
    import json

    from genrekit.backends import config_yaml, registry
    from genrekit.errors import UsageError
    from genrekit.text import visible

    if name is None:
        if columns or format is SettingsFormat.YAML:
            option = "--columns" if columns else "--format yaml"
            raise UsageError(
                f"{option} needs the name of a backend.", f"For example: genrekit backends gtzan {option}"
            )
        rows = [
            (item.name, str(item.info.modality), item.info.summary)
            if item.info
            else (item.name, "unavailable", item.reason)
            for item in registry.listings()
        ]
        if format is SettingsFormat.JSON:
            keys = ("name", "reads", "summary")
            out(json.dumps([dict(zip(keys, row, strict=True)) for row in rows], indent=2))
        else:
            print_list(("backend", "reads", "what it is"), rows)
        return
    backend = registry.get(name)
    if columns:
        if format is SettingsFormat.YAML:
            raise UsageError(
                "--columns is not printed as yaml.", "Leave --format yaml out, or pass --format json."
            )
        if not backend.info.columns:
            raise UsageError(f"Backend {name!r} reads no tables.")
        if format is SettingsFormat.JSON:
            out(json.dumps(list(backend.info.columns), indent=2))
        else:
            for column in backend.info.columns:
                out(visible(column))
    elif format is SettingsFormat.YAML:
        out(config_yaml(backend).rstrip("\n"))
    elif format is SettingsFormat.JSON:
        out(json.dumps(_settings(backend), indent=2))
    else:
        out(visible(f"{name}: {backend.info.summary}"))
        for key, facts in _settings(backend).items():
            out(visible(f"  {key} = {facts['default']}  [{facts['allowed']}]"))
            if facts["description"]:
                out(visible(f"      {facts['description']}"))


def _settings(backend: Backend) -> dict[str, dict[str, object]]:
    from genrekit.backends import settings_of

    defaults = backend.Config().model_dump(mode="json")
    return {
        key: {"default": defaults[key], "allowed": allowed, "description": description}
        for key, allowed, description in settings_of(backend)
    }
