"""Validated configs of backends, from ``--config file.yaml`` and ``--set key=value``."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import shorten
from typing import Any

from pydantic import ValidationError

from genrekit.backends import registry
from genrekit.backends.base import Backend, BackendConfig
from genrekit.errors import ConfigError

MAX_CONFIG_BYTES = 1 << 20
MAX_PROBLEMS = 10

# Exceptions of PyYAML for a wrong '!!int x', '!!bool x', '!!timestamp x' or 2020-13-45, besides its own.
_YAML_ERRORS = (ValueError, LookupError, AttributeError, ArithmeticError, RecursionError)
_REPR = reprlib.Repr()
_REPR.maxlevel = 2  # ten lines of aliases can mean a billion values
_REPR.maxstring = 80


def read_config_file(path: str | Path, name: str = "config") -> dict[str, Any]:
    """Read a YAML file that maps keys to values.

    Parameters
    ----------
    path : str or Path
    name : str
        Word for the file in errors.

    Raises
    ------
    ConfigError
        If the file is missing, over 1 MiB, not YAML, or not a mapping.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MAX_CONFIG_BYTES:
            raise ConfigError(f"The {name} {path} is larger than 1 MiB.")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"The {name} {path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise ConfigError(f"The {name} {path} is not YAML: {error}") from None
    loaded = _load_yaml(text, f"The {name} {path} is not YAML")
    if loaded is None:
        return {}
    if not isinstance(loaded, dict) or not all(isinstance(key, str) for key in loaded):
        raise ConfigError(f"The {name} {path} must map keys to values, as in 'window_s: 30'.")
    return loaded


def parse_settings(settings: Sequence[str]) -> dict[str, Any]:
    """Parse ``key=value`` words; values are YAML scalars or lists, so numbers and booleans keep their type.

    Raises
    ------
    ConfigError
        If a word has no ``=`` or its value is not YAML.
    """
    values: dict[str, Any] = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals or not key.strip():
            raise ConfigError(
                f"--set takes key=value, not {_short(setting)}.", "For example: --set window_s=30"
            )
        values[key.strip()] = _load_yaml(text, f"The value of --set {_short(setting)} cannot be read")
    return values


def parse_grid(backend: Backend, words: Sequence[str]) -> dict[str, list[Any]]:
    """Parse the words of ``--grid``: ``key=1,2,3``, a YAML file of keys with lists, or ``default``.

    Parameters
    ----------
    backend : Backend
    words : sequence of str
        Values of the option.

    Returns
    -------
    dict of str to list

    Raises
    ------
    ConfigError
        If a word is none of these, a file cannot be read, nothing is in it, or the backend has no default grid.

    Examples
    --------
    >>> parse_grid(registry.get("gtzan"), ["window_s=3,10", "folds=[5]"])
    {'window_s': [3, 10], 'folds': [5]}
    """
    grid: dict[str, list[Any]] = {}
    for word in words:
        if word == "default":
            values: dict[str, Any] = {
                key: list(options) for key, options in backend.Config.default_grid.items()
            }
            if not values:
                raise ConfigError(
                    f"Backend {backend.info.name!r} has no grid of its own.", "For example: --grid key=1,2,3"
                )
        elif "=" in word:
            key, _, text = word.partition("=")
            values = parse_settings([f"{key}=[{text}]" if not text.lstrip().startswith("[") else word])
        else:
            values = read_config_file(word)
        for key, options in values.items():
            grid[key] = options if isinstance(options, list) else [options]
    if words and not grid:
        raise ConfigError("The grid is empty.", "For example: --grid key=1,2,3")
    return grid


def make_config(backend: Backend, values: Mapping[str, Any]) -> BackendConfig:
    """Validate values against a backend's Config.

    Parameters
    ----------
    backend : Backend
    values : Mapping of str to Any
        Values by key; the others are defaults.

    Returns
    -------
    BackendConfig

    Raises
    ------
    ConfigError
        If a key is unknown (the nearest right one is named), a value has the wrong type or is out of range, or
        ``multilabel`` is on and the backend learns one label per example.
    """
    try:
        config = backend.Config.model_validate(dict(values))
    except ValidationError as error:
        details = error.errors(include_url=False)
        problems = "; ".join(_problem(backend, detail) for detail in details[:MAX_PROBLEMS])
        if len(details) > MAX_PROBLEMS:
            problems += f"; and {len(details) - MAX_PROBLEMS} more"
        raise ConfigError(
            f"The config of backend {backend.info.name!r} is wrong: {problems}.",
            f"'genrekit backends {backend.info.name}' lists every key with its default.",
        ) from None
    if config.multilabel and not backend.info.multilabel:
        raise ConfigError(
            f"Backend {backend.info.name!r} learns one label per example; it has no multilabel.",
            "Leave multilabel out, or choose another backend: genrekit backends",
        )
    return config


def resolve(
    backend: Backend | str, config: BackendConfig | Mapping[str, Any] | None
) -> tuple[Backend, BackendConfig]:
    """Return a backend and its Config, each as it is, by name, or from values; without values, the defaults.

    Parameters
    ----------
    backend : Backend or str
    config : BackendConfig or Mapping, optional

    Returns
    -------
    tuple of Backend, BackendConfig

    Raises
    ------
    BackendError
        If there is no backend of that name.
    ConfigError
        If a value is wrong.
    """
    found = registry.get(backend) if isinstance(backend, str) else backend
    return found, config if isinstance(config, BackendConfig) else make_config(found, config or {})


def _load_yaml(text: str, wrong: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, *_YAML_ERRORS) as error:
        raise ConfigError(f"{wrong}: {shorten(str(error), 400)}") from None


def _short(value: object) -> str:
    try:
        return _REPR.repr(value)
    except ValueError:  # Python refuses to format integers of more than 4300 digits
        return f"a very long {type(value).__name__}"


def _problem(backend: Backend, detail: Any) -> str:
    key = ".".join(str(part) for part in detail["loc"]) or "(config)"
    if detail["type"] == "extra_forbidden":
        known = [k for k in backend.Config.model_fields if k != "multilabel" or backend.info.multilabel]
        nearest = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
        meant = f"did you mean {nearest[0]!r}?" if nearest else f"known keys: {', '.join(known)}"
        return f"unknown key {_short(key)} ({meant})"
    message = detail["msg"][:1].lower() + detail["msg"][1:]
    return f"{key} = {_short(detail['input'])}: {message}"
