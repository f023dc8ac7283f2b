"""``genrekit backends``."""

from __future__ import annotations

from typing import Annotated

import typer


def backends(
    name: Annotated[str | None, typer.Argument(help="List the settings of this backend.")] = None,
) -> None:
    """List the backends, or the settings of one."""
    from genrekit.backends import registry

    if name is None:
        for item in registry.listings():
            if item.info:
                typer.echo(f"{item.name}\t{item.info.modality}\t{item.info.summary}")
            else:
                typer.echo(f"{item.name}\tunavailable\t{item.reason}")
        return
    backend = registry.get(name)
    typer.echo(f"{name}: {backend.info.summary}")
    properties = backend.Config.model_json_schema()["properties"]
    for key, field in backend.Config.model_fields.items():
        typer.echo(
            f"  {key} = {field.default}  [{_allowed(properties[key])}]\n      {field.description or ''}".rstrip()
        )


def _allowed(schema: dict[str, object]) -> str:
    """The allowed values of a key in words, from its JSON schema."""
    options = schema.get("enum")
    if isinstance(options, list):
        return " | ".join(map(str, options))
    words = [str(schema.get("type", "any"))]
    for key, sign in (
        ("minimum", ">="),
        ("exclusiveMinimum", ">"),
        ("maximum", "<="),
        ("exclusiveMaximum", "<"),
    ):
        if key in schema:
            words.append(f"{sign} {schema[key]}")
    return " ".join(words)
