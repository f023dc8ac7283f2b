"""Spaces of settings to search: from a backend's Config, from words of the command line, and from YAML files."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genrekit.backends import Backend, BackendConfig, make_config, parse_settings, read_config_file
from genrekit.errors import ConfigError

_RANGE = re.compile(r"\s*([-+.\deE]+)\s*\.\.\s*([-+.\deE]+)\s*(:log)?\s*")
FIXED = ("seed", "multilabel", "device", "precision")
"""Settings that are not searched: they change what is measured, or where it runs."""


@dataclass(frozen=True)
class Parameter:
    """The values of one setting.

    Attributes
    ----------
    key : str
    low, high : float or int
        Ends of a range, both within it; integers if the setting takes whole numbers only.
    log : bool
        Whether the range is searched on a logarithmic scale.
    choices : tuple
        Values without an order; then there is no range.
    """

    key: str
    low: float | int = 0
    high: float | int = 0
    log: bool = False
    choices: tuple[Any, ...] = ()

    @property
    def ends(self) -> tuple[Any, ...]:
        """The choices, or the two ends of the range."""
        return self.choices or (self.low, self.high)

    def has(self, value: Any) -> bool:
        """Return whether a value is in the space."""
        if self.choices:
            return any(type(value) is type(one) and value == one for one in self.choices)
        return (
            isinstance(value, int | float) and not isinstance(value, bool) and self.low <= value <= self.high
        )

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able facts."""
        if self.choices:
            return {"choices": list(self.choices)}
        return {"low": self.low, "high": self.high, "log": self.log}


Space = tuple[Parameter, ...]


def size_of(space: Space) -> int | None:
    """Return the number of combinations of a space; None if it is not finite."""
    sizes = [
        len(one.choices) or (int(one.high) - one.low + 1 if isinstance(one.low, int) else 0) for one in space
    ]
    return math.prod(sizes) if all(sizes) else None


def default_space(backend: Backend) -> dict[str, Any]:
    """Return the search space that the fields of a backend's Config declare: values of ``json_schema_extra={"tune": ...}`` by key."""
    found = {}
    for key, field in backend.Config.model_fields.items():
        extra = field.json_schema_extra
        if isinstance(extra, dict) and "tune" in extra:
            found[key] = extra["tune"]
    return found


def make_space(backend: Backend, config: BackendConfig, words: Sequence[str] = ()) -> Space:
    """Return the space of some words, or the backend's own without one.

    Parameters
    ----------
    backend, config
        The recipe; values of other settings are those of ``config``.
    words : sequence of str
        ``KEY=LOW..HIGH``, ``KEY=LOW..HIGH:log``, ``KEY=A,B,C``, or a YAML file that maps keys to one of these, to a list, or to
        ``{low: 1, high: 9, log: true}``.

    Raises
    ------
    ConfigError
        If there is nothing to search, a key is unknown, or a value is not allowed.

    Examples
    --------
    >>> from genrekit.backends import registry
    >>> gtzan = registry.get("gtzan")
    >>> make_space(gtzan, gtzan.Config(), ["window_s=3..30:log", "folds=3,5"])
    (Parameter(key='window_s', low=3.0, high=30.0, log=True, choices=()), Parameter(key='folds', low=0, high=0, log=False, choices=(3, 5)))
    """
    given: dict[str, Any] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if equals:
            given[key.strip()] = text
        else:
            given |= read_config_file(word)
    if not words:
        given = default_space(backend)
    if not given:
        raise ConfigError(
            f"There is nothing to search: backend {backend.info.name!r} has no space of its own."
            if not words
            else "The space is empty.",
            "For example: --space learning_rate=0.001..0.1:log --space max_depth=3,5,7",
        )
    space = tuple(_parameter(backend, key, value) for key, value in given.items())
    base = config.model_dump()
    for one in space:
        for value in one.ends:
            make_config(backend, {**base, one.key: value})
    return space


def _parameter(backend: Backend, key: str, value: Any) -> Parameter:
    if key not in backend.Config.model_fields:
        make_config(backend, {key: None})  # names the nearest key
    if key in FIXED:
        raise ConfigError(f"{key} is not searched.", f"Set it for all trials: --set {key}=...")
    if isinstance(value, str):
        if match := _RANGE.fullmatch(value):
            return _range(backend, key, match[1], match[2], log=bool(match[3]))
        value = parse_settings(
            [f"{key}=[{value}]" if not value.lstrip().startswith("[") else f"{key}={value}"]
        )[key]
    if isinstance(value, Mapping):
        if "choices" in value and set(value) == {"choices"}:
            value = value["choices"]
        elif set(value) <= {"low", "high", "log"} and {"low", "high"} <= set(value):
            return _range(backend, key, value["low"], value["high"], log=value.get("log", False) is True)
        else:
            raise ConfigError(
                f"The space of {key} is {str(dict(value))[:80]}; allowed are low, high and log, or choices.",
                f"For example: {key}: {{low: 1, high: 9}}",
            )
    choices = list(value) if isinstance(value, list | tuple) else [value]
    unique = [one for i, one in enumerate(choices) if one not in choices[:i]]
    if len(unique) < 2:
        raise ConfigError(
            f"The space of {key} has {len(unique)} value{'s' * (len(unique) != 1)}; a search needs two or more.",
            f"Use --set {key}=VALUE for a value that stays, or --space {key}=A,B.",
        )
    if any(isinstance(one, list | dict) for one in unique):
        raise ConfigError(
            f"The space of {key} has a value that is a list; values are numbers, words or true and false."
        )
    return Parameter(key, choices=tuple(unique))


def _range(backend: Backend, key: str, low: Any, high: Any, *, log: bool) -> Parameter:
    annotation = backend.Config.model_fields[key].annotation
    whole = annotation is int
    try:
        ends = [int(str(end)) if whole else float(end) for end in (low, high)]
    except (TypeError, ValueError):
        kind = "whole numbers" if whole else "numbers"
        raise ConfigError(f"The space of {key} is {low}..{high}; its ends must be {kind}.") from None
    if annotation not in (int, float, int | None, float | None):
        raise ConfigError(
            f"{key} takes no numbers, so it has no range.", f"Pass its values: --space {key}=A,B"
        )
    if not all(map(math.isfinite, ends)) or ends[0] >= ends[1]:
        raise ConfigError(
            f"The space of {key} is {low}..{high}; the first number must be below the second.",
            f"For example: --space {key}={min(low, high)}..{max(low, high)}" if low != high else "",
        )
    if log and ends[0] <= 0:
        raise ConfigError(f"The space of {key} begins at {low}; on a logarithmic scale it must be above 0.")
    return Parameter(key, ends[0], ends[1], log)
