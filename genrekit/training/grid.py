"""Grid search: every combination of some settings, compared on grouped folds that exclude the test split."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

from genrekit.backends import Backend, BackendConfig, make_config
from genrekit.datasets import By, Dataset, Split, make_folds
from genrekit.errors import ConfigError, OutputExistsError, TrainingError
from genrekit.execution import default_jobs, open_pool
from genrekit.files import naming
from genrekit.hashing import hash_json
from genrekit.text import counted, sentence
from genrekit.training.prepared_dataset import PreparedDataset, preparation
from genrekit.training.trials import Result, Rules, TrialRunner
from genrekit.types import Say

MAX_CANDIDATES = 1000
SUFFIX = ".grid.csv"
FOLDS = 5

Settings = dict[str, Any]


@dataclass(frozen=True)
class Candidate:
    """One combination of settings and its metrics by name, over all folds together."""

    settings: Settings
    metrics: Mapping[str, float]

    @property
    def loss(self) -> float:
        """Value that is minimised: log loss, or 1 - macro-F1 for multi-label models."""
        return self.metrics["log_loss"] if "log_loss" in self.metrics else 1 - self.metrics["macro_f1"]

    def row(self) -> dict[str, Any]:
        """Return the candidate as stored in the bundle."""
        return {**self.settings, **{name: round(value, 4) for name, value in self.metrics.items()}}


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
            "Give fewer values per key.",
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


def search_folds(
    dataset: Dataset, members: Sequence[int], *, seed: int, by: By, valid_size: float
) -> tuple[Split, ...]:
    """Return the folds on which settings are compared.

    Parameters
    ----------
    dataset : Dataset
    members : sequence of int
        Positions of the examples that take part.
    seed, by, valid_size
        As for `genrekit.datasets.make_folds`; 'published' has no folds of its own, and is by groups.

    Returns
    -------
    tuple of Split
        With positions in the data set.
    """
    how: By = "auto" if by == "published" else by
    made = make_folds(
        [dataset.examples[i] for i in members], k=FOLDS, seed=seed, by=how, valid_size=valid_size
    )
    return tuple(
        replace(
            fold,
            train=tuple(members[i] for i in fold.train),
            valid=tuple(members[i] for i in fold.valid),
            test=tuple(members[i] for i in fold.test),
        )
        for fold in made
    )


def search(
    backend: Backend,
    config: BackendConfig,
    grid: Mapping[str, Sequence[Any]],
    prepared_datasets: Mapping[str, PreparedDataset],
    split: Split,
    *,
    table: Path,
    by: By,
    valid_size: float,
    jobs: int,
    overwrite: bool,
    say: Say,
) -> tuple[BackendConfig, list[Candidate]]:
    """Find the settings of the lowest log loss over grouped folds of the training and validation splits.

    Every candidate is written to ``table`` as soon as it is measured; a search over the same data, folds and other
    settings resumes where an interrupted one stopped.

    Parameters
    ----------
    backend, config
        The recipe; the grid's settings replace those of ``config``.
    grid : Mapping of str to sequence
        The values of each setting.
    prepared_datasets : Mapping of str to PreparedDataset
        The data set prepared per distinct `preparation` of the combinations. Candidates are measured on the examples
        that all of them have.
    split : Split
        Split of the data; its test part is not used.
    table : Path
        The CSV file to write.
    by, valid_size
        As for `genrekit.datasets.splits.make_folds`.
    jobs : int >= 1
        Number of processes, each of which measures one candidate at a time.
    overwrite : bool
        Whether to replace the table of another search instead of refusing it.
    say : callable
        Receives one line per candidate.

    Returns
    -------
    config : BackendConfig
        The best config.
    candidates : list of Candidate
        All candidates, best first.

    Raises
    ------
    ConfigError
        If a combination is not a valid config, or there are too many.
    OutputExistsError
        If ``table`` holds another search.
    """
    wanted = configs(backend, config, grid)
    dataset = next(iter(prepared_datasets.values())).dataset
    ready = [
        {i for i in (*split.train, *split.valid) if i in one.windows} for one in prepared_datasets.values()
    ]
    members = sorted(set.intersection(*ready))
    if lost := len(set.union(*ready)) - len(members):
        say(f"grid: left out {counted(lost, 'example')} that some of the settings cannot prepare")
    folds = search_folds(dataset, members, seed=config.seed, by=by, valid_size=valid_size)
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
        f"grid: {counted(len(wanted), 'combination')} on {counted(len(folds), 'fold')} of {counted(len(members), 'example')}"
        + (f", {len(wanted) - len(left)} of them done before" if len(left) < len(wanted) else "")
    )
    run = TrialRunner(backend, prepared_datasets, folds, Rules(), max(1, default_jobs() // jobs))
    with ExitStack() as stack:
        results: Iterator[Result]
        if jobs > 1 and len(left) > 1:
            pool = open_pool(min(jobs, len(left)))
            stack.enter_context(pool)
            outcomes = pool.map(run, [one for _, one in left])
            results = (outcome.value or Result(error=outcome.error or "failed") for outcome in outcomes)
        else:
            results = (run(one) for _, one in left)
        for (settings, _), result in zip(left, results, strict=True):
            if result.error:
                words = " ".join(f"{key}={value}" for key, value in settings.items())
                raise TrainingError(
                    f"The combination {words} cannot be measured: {sentence(result.error)}",
                    "Leave it out; the same command then goes on after the others. 'genrekit tune' goes on by itself.",
                )
            candidate = Candidate(settings, result.metrics)
            done[_key(settings)] = candidate
            journal.append(candidate)
            say(f"  {_words(candidate)}")
    ranked = sorted((done[_key(settings)] for settings, _ in wanted), key=lambda candidate: candidate.loss)
    say(f"best: {_words(ranked[0])}")
    best = next(one for settings, one in wanted if _key(settings) == _key(ranked[0].settings))
    return best, ranked


def _key(settings: Mapping[str, Any]) -> str:
    return json.dumps(settings, sort_keys=True)


def _words(candidate: Candidate) -> str:
    settings = " ".join(f"{key}={value}" for key, value in candidate.settings.items())
    return f"{settings}: " + ", ".join(
        f"{name.replace('_', ' ')} {value:.4f}" for name, value in candidate.metrics.items()
    )


@dataclass(frozen=True)
class _Journal:
    """The table of a search: one row per candidate, appended when it is measured; the column ``run`` identifies the search."""

    path: Path
    run: str
    keys: tuple[str, ...]

    def read(self, *, overwrite: bool) -> dict[str, Candidate]:
        """Return what an interrupted run of the same search has measured; a half-written last line is removed."""
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}
        found: dict[str, Candidate] = {}
        whole = text[: text.rfind("\n") + 1]
        rows = list(csv.DictReader(whole.splitlines()))
        if not rows and text.startswith("run,settings,"):  # interrupted before its first row was complete
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
        """Append a row, and the header if it is missing."""
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
