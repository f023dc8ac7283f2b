"""Combinations of the values of settings, and the configs that they make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from genrekit.backends import Backend, BackendConfig, make_config
from genrekit.errors import ConfigError
from genrekit.training.prepared_dataset import preparation

MAX_CANDIDATES = 1000

Settings = dict[str, Any]


def combinations(grid: Mapping[str, Sequence[Any]]) -> list[Settings]:
    """Return every combination of the values, in the order of the values.

    Raises
    ------
    ConfigError
        If there are more than 1,000, or a key has no value.

    Examples
    --------
    >>> combinations({"max_depth": [4, 6], "gamma": [0]})
    [{'max_depth': 4, 'gamma': 0}, {'max_depth': 6, 'gamma': 0}]
    """
    count = 1
    for key, values in grid.items():
        count *= len(values)
        if not values:
            raise ConfigError(f"The grid has no value for {key!r}.", f"For example: --grid {key}=1,2")
    if count > MAX_CANDIDATES:
        raise ConfigError(
            f"The grid has {count:,} combinations; {MAX_CANDIDATES:,} are allowed.",
            "Use fewer values per key.",
        )
    return [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]


def configs(
    backend: Backend, config: BackendConfig, grid: Mapping[str, Sequence[Any]]
) -> list[tuple[Settings, BackendConfig]]:
    """Return every combination of a grid, with the config that results from ``config``.

    Parameters
    ----------
    backend : Backend
    config : BackendConfig
        Values of all other keys.
    grid : Mapping of str to sequence

    Returns
    -------
    list of (dict, BackendConfig)

    Raises
    ------
    ConfigError
        If a combination is not a valid config, there are too many, or they mix single-label and multi-label models.
    """
    base = config.model_dump()
    made = [(settings, make_config(backend, {**base, **settings})) for settings in combinations(grid)]
    if len({getattr(one, "multilabel", False) for _, one in made}) > 1:
        raise ConfigError(
            "Single-label and multi-label models have different metrics, which a grid cannot compare.",
            "Remove multilabel from --grid and train each separately.",
        )
    return made


def preparations(backend: Backend, configs: Sequence[BackendConfig]) -> dict[str, BackendConfig]:
    """Return one config per distinct `preparation`, by that key, in order of occurrence.

    Parameters
    ----------
    backend : Backend
        Its info lists the settings that ``prepare`` depends on.
    configs : sequence of BackendConfig
        Candidates of a grid.

    Returns
    -------
    dict of str to BackendConfig
    """
    found: dict[str, BackendConfig] = {}
    for config in configs:
        found.setdefault(preparation(backend, config), config)
    return found
