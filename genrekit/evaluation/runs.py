"""Trainings of a folder as a leaderboard: bundles and run folders, read and not computed again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from genrekit.errors import BundleError, UsageError
from genrekit.metrics import LOWER_IS_BETTER, Estimate
from genrekit.models import SUFFIX, load
from genrekit.text import nearest

RUN_SUFFIX = ".run"
MAX_BYTES = 16 << 20


@dataclass(frozen=True)
class Run:
    """One training.

    Attributes
    ----------
    name : str
        Of the bundle and of the run folder, without suffix.
    state : {'finished', 'interrupted', 'damaged'}
    backend : str
        Empty where only a run folder is there.
    metrics : Mapping of str to Estimate
        On the test split; empty if nothing was measured.
    settings : Mapping
        The config.
    facts : Mapping
        Other facts: source and size of the data, the split, members, size of the bundle.
    note : str
        Why it is damaged.
    """

    name: str
    state: str
    backend: str = ""
    metrics: Mapping[str, Estimate] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class Difference:
    """One thing that differs between two runs.

    Attributes
    ----------
    kind : {'setting', 'metric', 'fact'}
    name : str
    before, after : Any
        None where a run does not have it.
    """

    kind: str
    name: str
    before: Any
    after: Any


def find_runs(folder: str | Path = ".") -> list[Run]:
    """Return the trainings of a folder, by name.

    Parameters
    ----------
    folder : str or Path
        Folder of ``NAME.genrekit`` and ``NAME.run``.

    Raises
    ------
    UsageError
        If it is not a folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder.", "Name the folder that bundles were written to.")
    names = {one.name.removesuffix(SUFFIX) for one in folder.glob(f"*{SUFFIX}") if one.is_file()}
    names |= {one.name.removesuffix(RUN_SUFFIX) for one in folder.glob(f"*{RUN_SUFFIX}") if one.is_dir()}
    return [_read(folder, name) for name in sorted(names)]


def sort_runs(runs: Sequence[Run], key: str) -> list[Run]:
    """Sort runs by a metric, the best first, or by name, backend or state; those without a value come last.

    Raises
    ------
    UsageError
        If no run has the key.
    """
    if key in ("name", "backend", "state"):
        return sorted(runs, key=lambda run: (getattr(run, key), run.name))
    known = sorted({name for run in runs for name in run.metrics})
    if key not in known:
        guess = nearest(key, known)
        raise UsageError(
            f"No run has {key!r} to sort by; there are {', '.join([*known, 'name', 'backend', 'state'])}.",
            f"Did you mean {guess}?" if guess else "",
        )
    sign = 1 if key in LOWER_IS_BETTER else -1
    return sorted(
        runs,
        key=lambda run: (
            key not in run.metrics,
            sign * run.metrics[key].value if key in run.metrics else 0,
            run.name,
        ),
    )


def differences(runs: Sequence[Run], one: str, other: str) -> list[Difference]:
    """Return what differs between two runs: settings, metrics, and facts on the data.

    Raises
    ------
    UsageError
        If there is no run of a name.
    """
    by_name = {run.name: run for run in runs}
    found = []
    for name in (one, other):
        key = Path(name).name.removesuffix(SUFFIX).removesuffix(RUN_SUFFIX)
        if key not in by_name:
            guess = nearest(key, list(by_name))
            raise UsageError(
                f"There is no run {name!r}; there are {', '.join(by_name) or 'none'}.",
                f"Did you mean {guess}?" if guess else "",
            )
        found.append(by_name[key])
    a, b = found
    values = (
        ("setting", {"backend": a.backend, **a.settings}, {"backend": b.backend, **b.settings}),
        ("metric", {k: v.value for k, v in a.metrics.items()}, {k: v.value for k, v in b.metrics.items()}),
        ("fact", a.facts, b.facts),
    )
    return [
        Difference(kind, name, before.get(name), after.get(name))
        for kind, before, after in values
        for name in dict.fromkeys([*before, *after])
        if before.get(name) != after.get(name)
    ]


def _read(folder: Path, name: str) -> Run:
    bundle, run = folder / f"{name}{SUFFIX}", folder / f"{name}{RUN_SUFFIX}"
    if bundle.is_file():
        try:
            manifest = load(bundle).manifest
        except BundleError as error:
            return Run(name, "damaged", note=error.message)
        metrics = _estimates((manifest.metrics or {}).get("metrics"))
        facts: dict[str, Any] = {
            key: manifest.data[key] for key in ("source", "examples") if key in manifest.data
        }
        if isinstance(split := manifest.data.get("split"), Mapping):
            facts["split"] = split.get("method")
        if manifest.members:
            facts["members"] = ", ".join(f"{one.name} {one.weight:.3f}" for one in manifest.members)
        facts["size_mb"] = round(bundle.stat().st_size / 1e6, 2)
        return Run(name, "finished", manifest.backend, metrics, dict(manifest.config), facts)
    try:
        settings = yaml.safe_load(_text(run / "config.yaml")) if (run / "config.yaml").exists() else {}
        started = json.loads(_text(run / "run.json")) if (run / "run.json").exists() else {}
        report = json.loads(_text(run / "metrics.json")) if (run / "metrics.json").exists() else {}
        return Run(
            name,
            "interrupted" if started else "finished",
            str(started.get("backend", "")),
            _estimates(report.get("metrics")),
            dict(settings or {}),
        )
    except (OSError, ValueError, TypeError, AttributeError, yaml.YAMLError) as error:
        return Run(name, "damaged", note=" ".join(str(error).split())[:200])


def _estimates(found: object) -> dict[str, Estimate]:
    if not isinstance(found, Mapping):
        return {}
    return {
        str(name): Estimate(float(one["value"]), one.get("low"), one.get("high"))
        for name, one in found.items()
        if isinstance(one, Mapping) and isinstance(one.get("value"), int | float)
    }


def _text(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        return file.read(MAX_BYTES)
