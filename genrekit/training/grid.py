"""Grid search: every combination of some settings, compared on grouped folds that exclude the test split."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from genrekit.backends import Backend, BackendConfig
from genrekit.datasets import By, Dataset, Split, make_folds
from genrekit.errors import OutputExistsError, TrainingError
from genrekit.execution import default_jobs, open_pool
from genrekit.files import naming
from genrekit.hashing import hash_json
from genrekit.text import counted, sentence
from genrekit.training.combinations import Settings, configs
from genrekit.training.prepared_dataset import PreparedDataset
from genrekit.training.trial_table import START, Row, read_table, rounded, write_table
from genrekit.training.trials import Result, Rules, TrialRunner
from genrekit.types import Say

SUFFIX = ".grid.csv"
FOLDS = 5


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
    cluster: str | None,
    overwrite: bool,
    say: Say,
) -> tuple[BackendConfig, list[Candidate]]:
    """Find the settings of the lowest log loss over grouped folds of the training and validation splits.

    Every candidate is a row of ``table`` as soon as it is measured, or failed; a search over the same data, folds and other
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
    cluster : str or None
        Address of a Dask cluster that measures candidates.
    overwrite : bool
        Whether to replace the table of another search instead of refusing it.
    say : callable
        Receives one line per candidate.

    Returns
    -------
    config : BackendConfig
        The best config.
    candidates : list of Candidate
        All that could be measured, best first.

    Raises
    ------
    ConfigError
        If a combination is not a valid config, or there are too many.
    OutputExistsError
        If ``table`` holds another search.
    TrainingError
        If all combinations failed.
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
    run = hash_json(
        {
            "data": dataset.fingerprint,
            "backend": [backend.info.name, backend.info.feature_version],
            "config": {k: v for k, v in config.model_dump(mode="json").items() if k not in grid},
            "folds": [[list(fold.train), list(fold.test)] for fold in folds],
        }
    )[:16]
    keys = tuple(grid)
    done = {_key(row.settings): row for row in _earlier(table, run, keys, overwrite=overwrite)}
    left = [(number, one) for number, (settings, one) in enumerate(wanted) if _key(settings) not in done]
    say(
        f"grid: {counted(len(wanted), 'combination')} on {counted(len(folds), 'fold')} of {counted(len(members), 'example')}"
        + (f", {len(wanted) - len(left)} of them done before" if len(left) < len(wanted) else "")
    )
    measure = TrialRunner(backend, prepared_datasets, folds, Rules(), max(1, default_jobs() // jobs))
    with ExitStack() as stack:
        results: Iterator[Result]
        if (jobs > 1 and len(left) > 1) or (cluster and left):
            pool = open_pool(min(jobs, len(left)), cluster=cluster)
            stack.enter_context(pool)
            outcomes = pool.map(measure, [one for _, one in left])
            results = (outcome.value or Result(error=outcome.error or "failed") for outcome in outcomes)
        else:
            results = (measure(one) for _, one in left)
        for (number, _), result in zip(left, results, strict=True):
            settings = wanted[number][0]
            state = "fail" if result.error else "complete"
            row = Row(number, state, settings, result.folds, rounded(result.metrics), result.error)
            done[_key(settings)] = row
            with naming(table):
                write_table(table, run, keys, sorted(done.values(), key=lambda one: one.number))
            say(f"  {_words(settings, row)}")
    measured = [
        (Candidate(settings, row.metrics), one)
        for settings, one in wanted
        if (row := done[_key(settings)]).state == "complete"
    ]
    if not measured:
        first = next(iter(done.values()))
        raise TrainingError(
            f"All {len(wanted)} combinations of the grid failed; the first: {sentence(first.reason)}",
            f"{table} has the reason of each.",
        )
    ranked = sorted(measured, key=lambda pair: pair[0].loss)
    (best, best_config), candidates = ranked[0], [candidate for candidate, _ in ranked]
    say(f"best: {_words(best.settings, done[_key(best.settings)])}")
    return best_config, candidates


def _key(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the values of settings as the table has them."""
    return tuple("" if value is None else str(value) for value in settings.values())


def _words(settings: Settings, row: Row) -> str:
    words = " ".join(f"{key}={value}" for key, value in settings.items())
    if row.state != "complete":
        return f"{words}: failed: {row.reason}"
    return f"{words}: " + ", ".join(
        f"{name.replace('_', ' ')} {value:.4f}" for name, value in row.metrics.items()
    )


def _earlier(table: Path, run: str, keys: tuple[str, ...], *, overwrite: bool) -> list[Row]:
    """Return what an interrupted run of the same search has measured.

    Raises
    ------
    OutputExistsError
        If the file is of something else, and ``overwrite`` is false.
    """
    try:
        text = table.read_text(encoding="utf-8")
        found = read_table(text, run, keys)
    except FileNotFoundError:
        return []
    except (ValueError, TypeError, KeyError):
        text, found = "", []
    only_begun = text.startswith(START) and text.count("\n") <= 1
    if not (found or only_begun or overwrite):
        raise OutputExistsError(
            f"{table} holds another grid search.", "Use --overwrite to replace it, or another --output."
        )
    return found
