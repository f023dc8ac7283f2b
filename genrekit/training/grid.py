"""Grid search: every combination of some settings, compared on grouped folds that never touch the test side."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from genrekit.backends import Backend, BackendConfig, make_config
from genrekit.datasets import By, Split, make_folds
from genrekit.errors import ConfigError, OutputExistsError
from genrekit.execution import default_jobs
from genrekit.files import naming
from genrekit.hashing import hash_json
from genrekit.training.fit import cross_fit
from genrekit.training.prepared_dataset import Material
from genrekit.types import Say

MAX_CANDIDATES = 1000
SUFFIX = ".grid.csv"
FOLDS = 5

Settings = dict[str, Any]


@dataclass(frozen=True)
class Candidate:
    """One combination of settings with what it reached: metrics by name, over all folds together."""

    settings: Settings
    metrics: Mapping[str, float]

    @property
    def loss(self) -> float:
        """What the best candidate has least of: log loss, or 1 - macro-F1 where there are several labels."""
        return self.metrics["log_loss"] if "log_loss" in self.metrics else 1 - self.metrics["macro_f1"]

    def row(self) -> dict[str, Any]:
        """The candidate as the bundle keeps it."""
        return {**self.settings, **{name: round(value, 4) for name, value in self.metrics.items()}}


def combinations(grid: Mapping[str, Sequence[Any]]) -> list[Settings]:
    """Every combination of the values, in the order in which they are given.

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
            "Give fewer values a key.",
        )
    return [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]


def configs(
    backend: Backend, config: BackendConfig, grid: Mapping[str, Sequence[Any]]
) -> list[tuple[Settings, BackendConfig]]:
    """Every combination of a grid, with the config that it makes of ``config``.

    Raises
    ------
    ConfigError
        If a combination is no valid config, there are too many, or some have one label and some several.
    """
    base = config.model_dump()
    made = [(settings, make_config(backend, {**base, **settings})) for settings in combinations(grid)]
    if len({getattr(one, "multilabel", False) for _, one in made}) > 1:
        raise ConfigError(
            "A model of one label and one of several are measured by different numbers, which no grid compares.",
            "Take multilabel out of --grid and train each by itself.",
        )
    return made


def preparation(backend: Backend, config: BackendConfig) -> str:
    """Return what ``prepare`` depends on in a config, as one key: equal keys, equal windows."""
    values = config.model_dump(mode="json")
    return json.dumps({key: values[key] for key in backend.info.prepare_keys}, sort_keys=True)


def preparations(backend: Backend, configs: Sequence[BackendConfig]) -> dict[str, BackendConfig]:
    """Return one config per distinct `preparation`, by that key, in the order in which they come."""
    found: dict[str, BackendConfig] = {}
    for config in configs:
        found.setdefault(preparation(backend, config), config)
    return found


def search(
    backend: Backend,
    config: BackendConfig,
    grid: Mapping[str, Sequence[Any]],
    materials: Mapping[str, Material],
    split: Split,
    *,
    table: Path,
    by: By,
    valid_size: float,
    jobs: int,
    overwrite: bool,
    say: Say,
) -> tuple[BackendConfig, list[Candidate]]:
    """Find the settings of the lowest log loss over grouped folds of the training and validation sides.

    Every candidate is written into ``table`` as soon as it is measured; a search over the same data, folds and
    other settings goes on where an interrupted one stopped.

    Parameters
    ----------
    backend, config
        The recipe; the grid's settings replace those of ``config``.
    grid : Mapping of str to sequence
        The values of each setting.
    materials : Mapping of str to Material
        The data as every distinct `preparation` of the combinations has it. Candidates are measured on the
        examples that all of them have.
    split : Split
        Of the data; its test part is not touched.
    table : Path
        The CSV file to write.
    by, valid_size
        How folds are made, as for `genrekit.datasets.splits.make_folds`.
    jobs : int >= 1
        Candidates at a time, a process each.
    overwrite : bool
        Whether a table of another search is replaced; else it is refused.
    say : callable
        Gets a line a candidate.

    Returns
    -------
    config : BackendConfig
        The best.
    candidates : list of Candidate
        All of them, best first.

    Raises
    ------
    ConfigError
        If a combination is no valid config, or there are too many.
    OutputExistsError
        If ``table`` holds another search.
    """
    wanted = configs(backend, config, grid)
    dataset = next(iter(materials.values())).dataset
    ready = [{i for i in (*split.train, *split.valid) if i in one.windows} for one in materials.values()]
    members = sorted(set.intersection(*ready))
    if lost := len(set.union(*ready)) - len(members):
        say(f"grid: {lost} examples left out that some of the settings cannot prepare")
    examples = [dataset.examples[i] for i in members]
    # 'published' has no folds of its own; the groups of the same data do.
    how: By = "auto" if by == "published" else by
    folds = [
        replace(
            fold,
            train=tuple(members[i] for i in fold.train),
            valid=tuple(members[i] for i in fold.valid),
            test=tuple(members[i] for i in fold.test),
        )
        for fold in make_folds(examples, k=FOLDS, seed=config.seed, by=how, valid_size=valid_size)
    ]
    journal = _Journal(
        table,
        hash_json(
            {
                "data": dataset.fingerprint,
                "backend": [backend.info.name, backend.info.feature_version],
                "config": {k: v for k, v in config.model_dump(mode="json").items() if k not in grid},
                "folds": [[list(fold.train), list(fold.test)] for fold in folds],
            }
        ),
        tuple(grid),
    )
    done = journal.read(overwrite=overwrite)
    left = [(settings, one) for settings, one in wanted if _key(settings) not in done]
    say(
        f"grid: {len(wanted)} combinations on {len(folds)} folds of {len(members)} examples"
        + (f", {len(wanted) - len(left)} of them done before" if len(left) < len(wanted) else "")
    )
    threads = max(1, default_jobs() // jobs)
    pool = Parallel(n_jobs=min(jobs, max(len(left), 1)), return_as="generator_unordered", max_nbytes=None)
    tasks = (
        delayed(_measure)(backend, one, settings, materials[preparation(backend, one)], folds, threads)
        for settings, one in left
    )
    for candidate in pool(tasks):
        done[_key(candidate.settings)] = candidate
        journal.append(candidate)
        say(f"  {_words(candidate)}")
    ranked = sorted((done[_key(settings)] for settings, _ in wanted), key=lambda candidate: candidate.loss)
    say(f"best: {_words(ranked[0])}")
    best = next(one for settings, one in wanted if _key(settings) == _key(ranked[0].settings))
    return best, ranked


def _measure(
    backend: Backend,
    config: BackendConfig,
    settings: Settings,
    material: Material,
    folds: Sequence[Split],
    threads: int,
) -> Candidate:
    with threadpool_limits(threads):
        report = cross_fit(backend, config, material, folds, lambda text: None).report
    return Candidate(settings, {name: estimate.value for name, estimate in report.metrics.items()})


def _key(settings: Mapping[str, Any]) -> str:
    return json.dumps(settings, sort_keys=True)


def _words(candidate: Candidate) -> str:
    settings = " ".join(f"{key}={value}" for key, value in candidate.settings.items())
    return f"{settings}: " + ", ".join(
        f"{name.replace('_', ' ')} {value:.4f}" for name, value in candidate.metrics.items()
    )


@dataclass(frozen=True)
class _Journal:
    """The table of a search: a row a candidate, appended when it is measured; ``run`` says of which search."""

    path: Path
    run: str
    keys: tuple[str, ...]

    def read(self, *, overwrite: bool) -> dict[str, Candidate]:
        """What an interrupted run of the same search has measured; a half-written last line is cut off."""
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}
        found: dict[str, Candidate] = {}
        whole = text[: text.rfind("\n") + 1]
        rows = list(csv.DictReader(whole.splitlines()))
        if not rows and text.startswith("run,settings,"):  # cut off before its first row was whole
            self.path.unlink()
            return {}
        for row in rows:
            try:
                settings = json.loads(row["settings"])
                metrics = {
                    name: float(row[name]) for name in row if name not in ("run", "settings", *self.keys)
                }
            except (ValueError, KeyError, TypeError):
                continue
            if row.get("run") == self.run and tuple(settings) == self.keys:
                found[_key(settings)] = Candidate(settings, metrics)
        if not found:
            if not overwrite:
                raise OutputExistsError(
                    f"{self.path} holds another grid search.",
                    "Give --overwrite to replace it, or another --output.",
                )
            self.path.unlink()
        elif whole != text:
            with naming(self.path):
                self.path.write_text(whole, encoding="utf-8")
        return found

    def append(self, candidate: Candidate) -> None:
        """Add a row, and the header where there is none."""
        row = {
            "run": self.run,
            "settings": json.dumps(candidate.settings),
            **candidate.settings,
            **candidate.metrics,
        }
        new = not self.path.exists()
        with self.path.open("a", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(row), lineterminator="\n")
            if new:
                writer.writeheader()
            writer.writerow(row)
            file.flush()
