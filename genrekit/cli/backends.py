"""``genrekit backends``."""

from __future__ import annotations

from typing import Annotated

import typer

from genrekit.cli.printing import out


def backends(
    name: Annotated[str | None, typer.Argument(help="List the settings of this backend.")] = None,
    columns: Annotated[
        bool, typer.Option("--columns", help="List the table columns that NAME reads, in their order.")
    ] = False,
) -> None:
    """List the backends, or the settings or columns of one."""
    from genrekit.backends import registry
    from genrekit.errors import UsageError
    from genrekit.output import visible

    if name is None:
        if columns:
            raise UsageError(
                "--columns needs the name of a backend.", "For example: genrekit backends gtzan --columns"
            )
        for item in registry.listings():
            if item.info:
                fields = (item.name, str(item.info.modality), item.info.summary)
            else:
                fields = (item.name, "unavailable", item.reason)
            out("\t".join(map(visible, fields)))
        return
    backend = registry.get(name)
    if columns:
        if not backend.info.columns:
            raise UsageError(f"Backend {name!r} reads no tables.")
        for column in backend.info.columns:
            out(visible(column))
        return
    out(visible(f"{name}: {backend.info.summary}"))
    properties = backend.Config.model_json_schema()["properties"]
    for key, field in backend.Config.model_fields.items():
        if key == "multilabel" and not backend.info.multilabel:
            continue
        out(visible(f"  {key} = {field.default}  [{_allowed(properties[key])}]"))
        if field.description:
            out(visible(f"      {field.description}"))


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
