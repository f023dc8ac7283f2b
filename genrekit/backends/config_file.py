"""Settings of a backend as a YAML file to start from, which `read_config_file` reads."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

import yaml

from genrekit.backends.base import Backend, BackendConfig

_WIDTH = 100


def settings_of(backend: Backend) -> Iterator[tuple[str, str, str]]:
    """Yield the key, the allowed values in words and the description of each setting that a backend takes."""
    properties = backend.Config.model_json_schema()["properties"]
    for key, field in backend.Config.model_fields.items():
        if _is_for_users(backend, key, properties[key]):
            yield key, _allowed(properties[key]), field.description or ""


def config_yaml(backend: Backend, config: BackendConfig | None = None) -> str:
    """Return a config as YAML, each setting below what it means and what is allowed.

    Parameters
    ----------
    backend : Backend
    config : BackendConfig, optional
        The defaults unless given.

    Examples
    --------
    >>> from genrekit.backends import registry
    >>> print(config_yaml(registry.get("gtzan")).splitlines()[0])
    # Settings of backend gtzan: genrekit train SOURCE --backend gtzan --config FILE
    """
    values = (config or backend.Config()).model_dump(mode="json")
    name = backend.info.name
    lines = [f"# Settings of backend {name}: genrekit train SOURCE --backend {name} --config FILE"]
    for key, allowed, description in settings_of(backend):
        words = f"{description} [{allowed}]" if description else f"[{allowed}]"
        lines += ["", *(f"# {line}" for line in textwrap.wrap(" ".join(words.split()), _WIDTH))]
        lines.append(_line(key, values[key]))
    return "\n".join(lines) + "\n"


def _line(key: str, value: Any) -> str:
    return yaml.safe_dump({key: value}, allow_unicode=True, sort_keys=False, width=_WIDTH).rstrip("\n")


def _is_for_users(backend: Backend, key: str, schema: dict[str, Any]) -> bool:
    """Return whether a user may set a key: not what a backend finds out itself, which is an object."""
    is_object = any("$ref" in option for option in schema.get("anyOf", [schema]))
    return not is_object and (key != "multilabel" or backend.info.multilabel)


def _allowed(schema: dict[str, Any]) -> str:
    """Return the allowed values of a key in words, from its JSON schema."""
    options = schema.get("enum")
    if isinstance(options, list):
        return " | ".join(map(str, options))
    if "anyOf" in schema:
        return " | ".join(_allowed(option) for option in schema["anyOf"])
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
