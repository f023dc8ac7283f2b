"""Batches of trials: asked, measured, and told in order."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from genrekit.backends import Backend, BackendConfig, make_config
from genrekit.errors import ConfigError
from genrekit.text import counted
from genrekit.training import PREDICT_MS, Result, Rules
from genrekit.tuning.space import Space, size_of
from genrekit.tuning.study import Study
from genrekit.tuning.words import line_of
from genrekit.types import Say


def search_batches(
    study: Study,
    parameters: Space,
    config: BackendConfig,
    default: Mapping[str, Any],
    measure: Any,
    *,
    make: Any,
    in_space: bool,
    trials: int,
    batch: int,
    prune: str,
    timeout_s: float | None,
    start_s: float,
    say: Say,
) -> Result | None:
    """Ask, measure and tell batches until there are enough trials; return the result of the defaults."""
    timed = PREDICT_MS in study.objectives
    goal = study.objectives[0]
    free = Rules("no", goal, timed=timed)
    baseline: Result | None = None
    if not in_space:
        say("measuring the defaults, which are not in the space")
        (baseline,) = measure([config], free)
        if baseline.error:
            say(f"the defaults failed: {baseline.error}")
            baseline = None
    size = size_of(parameters)
    if size is not None and size < trials:
        say(f"the space has {counted(size, 'combination')}: all of them are tried, and none twice")
        trials = size
    first = 0
    while first < trials:
        if timeout_s is not None and time.monotonic() - start_s > timeout_s and first:
            say(f"the time is over: {first} of {counted(trials, 'trial')}")
            break
        # The defaults are a batch of their own: every other trial can be compared with them.
        together = 1 if in_space and first == 0 else min(batch, trials - first)
        asked = [
            study.ask(number, default if in_space and number == 0 else None)
            for number in range(first, first + together)
        ]
        left = [one for one in asked if not one.state.is_finished()]
        if left:
            best = study.best(before=first)
            reference = baseline if best is None else study.result(best.number)
            curves = tuple(
                tuple((share, loss) for share, loss in one.user_attrs.get("curve", ()))
                for one in study.complete(before=first)
            )
            rules = Rules(prune, goal, reference, curves, timed)
            made = [make(one.params) for one in left]
            good = [one for one in made if isinstance(one, BackendConfig)]
            measured = iter(measure(good, rules) if good else [])
            for one, its in zip(left, made, strict=True):
                result = next(measured) if isinstance(its, BackendConfig) else Result(error=str(its))
                study.tell(one.number, result)
                say(line_of(study, one.number, result))
            study.write_table()
        first += together
    study.write_table()
    if in_space and study.complete(before=1):
        baseline = study.result(0)
    return baseline


def made(backend: Backend, config: BackendConfig, values: Mapping[str, Any]) -> BackendConfig | ConfigError:
    """Return a config with some values, or the error that names settings that exclude one another."""
    try:
        return make_config(backend, {**config.model_dump(), **values})
    except ConfigError as error:
        return error
