"""From ``--config file.yaml`` and ``--set key=value`` to a backend's validated Config."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from genrekit.backends.base import Backend, BackendConfig
from genrekit.errors import ConfigError

MAX_CONFIG_BYTES = 1 << 20


def read_config_file(path: str | Path) -> dict[str, Any]:
    """Read a YAML file that maps keys to values.

    Raises
    ------
    ConfigError
        If the file is missing, over 1 MiB, no YAML, or no mapping.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MAX_CONFIG_BYTES:
            raise ConfigError(f"The config {path} is larger than 1 MiB.")
        loaded = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"The config {path} cannot be read: {error.strerror}.") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"The config {path} is no YAML: {' '.join(str(error).split())}") from None
    if loaded is None:
        return {}
    if not isinstance(loaded, dict) or not all(isinstance(key, str) for key in loaded):
        raise ConfigError(f"The config {path} must map keys to values, as in 'window_s: 30'.")
    return loaded


def parse_settings(settings: Sequence[str]) -> dict[str, Any]:
    """Read ``key=value`` words; values are YAML scalars or lists, so numbers and booleans keep their type.

    Raises
    ------
    ConfigError
        If a word has no ``=`` or its value is no YAML.
    """
    values: dict[str, Any] = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals or not key.strip():
            raise ConfigError(f"--set takes key=value, not {setting!r}.", "For example: --set window_s=30")
        try:
            values[key.strip()] = yaml.safe_load(text)
        except (yaml.YAMLError, RecursionError) as error:
            raise ConfigError(
                f"The value of --set {setting!r} cannot be read: {' '.join(str(error).split())}"
            ) from None
    return values


def make_config(backend: Backend, values: Mapping[str, Any]) -> BackendConfig:
    """Validate values against a backend's Config.

    Raises
    ------
    ConfigError
        If a key is unknown (the nearest right one is named), a value has the wrong type or is out of range.
    """
    try:
        return backend.Config.model_validate(dict(values))
    except ValidationError as error:
        problems = "; ".join(_problem(backend, detail) for detail in error.errors(include_url=False))
        raise ConfigError(
            f"The config of backend {backend.info.name!r} is wrong: {problems}.",
            f"'genrekit backends {backend.info.name}' lists every key with its default.",
        ) from None


def _problem(backend: Backend, detail: Any) -> str:
    key = ".".join(str(part) for part in detail["loc"]) or "(config)"
    if detail["type"] == "extra_forbidden":
        known = list(backend.Config.model_fields)
        nearest = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
        meant = f"did you mean {nearest[0]!r}?" if nearest else f"known keys: {', '.join(known)}"
        return f"unknown key {key!r} ({meant})"
    message = detail["msg"][:1].lower() + detail["msg"][1:]
    return f"{key} = {detail['input']!r}: {message}"
