"""Comparison of classifiers on grouped folds.

A fold holds out whole groups; the held-out scores measure a candidate, and its sigmoid is fitted to them alone (one
slope and one offset for all labels, so that the mean over the windows of an example is calibrated).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from joblib import Parallel, delayed

from genrekit.backends.base import Prepared
from genrekit.backends.gtzan.estimators import (
    TRANSFORMS,
    VOTERS,
    Integers,
    Sigmoid,
    build_classifier,
    build_transform,
    example_means,
    log_losses,
    log_odds,
)
from genrekit.backends.gtzan.relative import Floats
from genrekit.errors import DatasetError
from genrekit.execution import default_jobs
from genrekit.group_folds import GroupFolds
from genrekit.progress import progress

# Log odds of an absent class.
_NO_ODDS = -20.0


@contextmanager
def _same_warnings() -> Iterator[None]:
    """Keep the filters of warnings while threads fit forests.

    scikit-learn sets the filters around each tree. They belong to the process: a thread restores what another one set, which
    may be no filter, and then scikit-learn warns of that per tree (https://github.com/scikit-learn/scikit-learn/issues/32631).
    """
    with warnings.catch_warnings():
        show = warnings.showwarning

        def show_others(message: Warning | str, *where: Any, **more: Any) -> None:
            if "sklearn.utils.parallel.delayed" not in str(message):
                show(message, *where, **more)

        warnings.showwarning = show_others
        yield


@dataclass(frozen=True, eq=False)
class Table:
    """Windows of examples, stacked, with their owners.

    Attributes
    ----------
    X : np.ndarray [shape=(n_windows, 57), dtype=float64]
        Values that float32 can hold.
    y, groups : np.ndarray [shape=(n_examples,)]
        Classes, counted over the labels that occur, and groups.
    counts : np.ndarray [shape=(n_examples,)]
        Number of windows per example.
    classes : np.ndarray [shape=(n_classes,)]
        Label of each class.
    """

    X: Floats
    y: Integers
    groups: npt.NDArray[Any]
    counts: Integers
    classes: Integers

    @classmethod
    def of(cls, *parts: Prepared) -> Table:
        """Join prepared splits."""
        windows = [w for part in parts for w in part.windows]
        classes, y = np.unique(
            np.concatenate([part.targets for part in parts]).argmax(axis=1), return_inverse=True
        )
        return cls(
            X=np.concatenate(windows).astype(np.float32).astype(np.float64),
            y=y,
            groups=np.concatenate([part.groups for part in parts]),
            counts=np.array([len(w) for w in windows]),
            classes=classes,
        )

    @cached_property
    def owner(self) -> Integers:
        """Example of each window."""
        return np.repeat(np.arange(len(self.y)), self.counts)

    def windows_of(self, examples: Integers) -> Integers:
        """Return the windows of examples, in order."""
        return np.flatnonzero(np.isin(self.owner, examples))

    def folds(self, most: int, seed: int) -> list[tuple[Integers, Integers]]:
        """Return training and held-out examples per fold: as many folds as the rarest class has groups, at least 2."""
        groups = [len(np.unique(self.groups[self.y == k])) for k in range(len(self.classes))]
        cutter = GroupFolds(max(2, min(most, *groups)), shuffle=True, random_state=seed)
        return [
            (learn, held)
            for learn, held in cutter.split(self.y, self.y, self.groups)
            if len(held) and len(np.unique(self.y[learn])) > 1
        ]


@dataclass(frozen=True, eq=False)
class Candidate:
    """A recipe with its scores of held-out examples.

    Attributes
    ----------
    classifier, transform : str
    sigmoid : Sigmoid
    scores : np.ndarray [shape=(n_scored, n_classes)]
        Calibrated, one row per example.
    """

    classifier: str
    transform: str
    sigmoid: Sigmoid
    scores: Floats


@dataclass(frozen=True, eq=False)
class Comparison:
    """The examples that can be held out, and the scores of candidates on them.

    An example whose label occurs only in its own group would be held out together with its label, so that no model
    could predict it; such examples are used for training only and are excluded from the figures.
    """

    table: Table
    folds: Sequence[tuple[Integers, Integers]]
    scored: Integers
    fold: Integers
    seed: int

    @classmethod
    def of(cls, table: Table, most: int, seed: int, labels: Sequence[str]) -> Comparison:
        """Create the folds.

        Raises
        ------
        DatasetError
            If there are too few examples to hold any out.
        """
        _check(table, labels)
        folds = table.folds(most, seed)
        fold = np.full(len(table.y), -1)
        for number, (learn, held) in enumerate(folds):
            fold[held[np.isin(table.y[held], table.y[learn])]] = number
        scored = np.flatnonzero(fold >= 0)
        if not len(scored):
            raise DatasetError(
                "Every label of the training split occurs in one group only, so nothing can be held out to choose "
                "a classifier and to calibrate it.",
                "Provide at least two groups (artists, tracks) per label, or leave the group column out.",
            )
        return cls(table, folds, scored, fold[scored], seed)

    @property
    def too_few_for_lda(self) -> bool:
        """Return whether a fold has too few windows for linear discriminant analysis: no more than classes."""
        return any(
            self.table.counts[learn].sum() <= len(np.unique(self.table.y[learn])) for learn, _ in self.folds
        )

    def run(self, recipes: Sequence[tuple[str, str]]) -> list[Candidate]:
        """Score every recipe on every fold, and calibrate it."""
        transforms = list(dict.fromkeys(transform for _, transform in recipes))
        jobs = [(transform, fold) for transform in transforms for fold in self.folds]
        # Threads: fits release the interpreter lock, and a pool of processes would cost more than it saves.
        parallel = Parallel(n_jobs=default_jobs(), prefer="threads", return_as="generator")
        parts: dict[tuple[str, str], list[Floats]] = {recipe: [] for recipe in recipes}
        with _same_warnings(), progress(len(jobs), "comparing", unit="folds") as advance:
            for found in parallel(delayed(self._fold)(recipes, *job) for job in jobs):
                for recipe, part in found.items():
                    parts[recipe].append(part)
                advance()
        return [self._candidate(recipe, parts[recipe]) for recipe in recipes]

    def _fold(
        self, recipes: Sequence[tuple[str, str]], transform: str, fold: tuple[Integers, Integers]
    ) -> dict[tuple[str, str], Floats]:
        """Return the held-out log odds of the recipes of one transform, which takes most of the time and is fitted once."""
        learn, held = (self.table.windows_of(part) for part in fold)
        y = self.table.y[self.table.owner[learn]]
        transformer = build_transform(transform)
        X_learn = transformer.fit_transform(self.table.X[learn])
        X_held = transformer.transform(self.table.X[held])
        found = {}
        for recipe in (recipe for recipe in recipes if recipe[1] == transform):
            model = build_classifier(recipe[0], seed=self.seed).fit(X_learn, y)
            odds = np.full((len(held), len(self.table.classes)), _NO_ODDS)
            odds[:, model.classes_] = log_odds(model, X_held)
            found[recipe] = odds
        return found

    def _candidate(self, recipe: tuple[str, str], parts: Sequence[Floats]) -> Candidate:
        odds = np.full((len(self.table.X), len(self.table.classes)), _NO_ODDS)
        for (_, held), part in zip(self.folds, parts, strict=True):
            odds[self.table.windows_of(held)] = part
        odds = odds[self.table.windows_of(self.scored)]
        counts = self.table.counts[self.scored]
        starts = np.cumsum(counts) - counts
        sigmoid = Sigmoid.fit(odds, self.y, starts)
        return Candidate(*recipe, sigmoid, example_means(sigmoid(odds), starts))

    @property
    def y(self) -> Integers:
        """Classes of the scored examples."""
        return self.table.y[self.scored]

    def losses(self, *candidates: Candidate) -> Floats:
        """Return the log loss of a candidate, or of a vote of candidates, per scored example."""
        return log_losses(np.mean([c.scores for c in candidates], axis=0), self.y)

    def clearly_worse(self, candidates: Sequence[Candidate], best: Sequence[Candidate]) -> bool:
        """Return whether the mean loss is larger by more than its standard error over groups."""
        difference = self.losses(*candidates) - self.losses(*best)
        _, group = np.unique(self.table.groups[self.scored], return_inverse=True)
        of_groups = np.bincount(group, weights=difference - difference.mean())
        return bool(difference.mean() > np.sqrt((of_groups**2).sum()) / len(difference))

    def row(self, *candidates: Candidate) -> dict[str, Any]:
        """Return a row of the comparison, for the history."""
        right = np.mean([c.scores for c in candidates], axis=0).argmax(axis=1) == self.y
        by_fold = [right[self.fold == number].mean() for number in np.unique(self.fold)]
        return {
            "classifier": "+".join(c.classifier for c in candidates),
            "transform": "+".join(c.transform for c in candidates),
            "accuracy": round(float(right.mean()), 4),
            "accuracy_sd_of_folds": round(float(np.std(by_fold, ddof=min(1, len(by_fold) - 1))), 4),
            "log_loss": round(float(self.losses(*candidates).mean()), 4),
        }


def choose(
    comparison: Comparison, candidates: Sequence[Candidate]
) -> tuple[list[Candidate], list[dict[str, Any]]]:
    """Return the recipe of the lowest log loss, single or a vote, with the simplest transform that is not clearly worse.

    Not clearly worse: within one standard error (Breiman, Friedman, Olshen and Stone, *Classification and Regression
    Trees*, 1984, section 3.4.3). Transforms differ less than folds do, and the lowest of several losses is partly luck.

    Parameters
    ----------
    comparison : Comparison
    candidates : sequence of Candidate

    Returns
    -------
    tuple of list of Candidate, list of dict
        The candidates of the chosen recipe, and the rows of the comparison.
    """
    by_recipe = {(c.classifier, c.transform): c for c in candidates}
    transforms = [t for t in TRANSFORMS if all((voter, t) in by_recipe for voter in VOTERS)]
    options = [[c] for c in candidates] + [[by_recipe[voter, t] for voter in VOTERS] for t in transforms]
    ranked = sorted(options, key=lambda option: comparison.losses(*option).mean())
    who = [c.classifier for c in ranked[0]]
    simplest = next(
        option
        for option in options  # which are in the order of TRANSFORMS
        if [c.classifier for c in option] == who and not comparison.clearly_worse(option, ranked[0])
    )
    return simplest, [comparison.row(*option) for option in ranked]


def _check(table: Table, labels: Sequence[str]) -> None:
    counts = np.bincount(table.y)
    if len(counts) < 2:
        raise DatasetError(
            f"The training split has one label only, {labels[int(table.classes[0])]!r}; a classifier needs two or more.",
            "Add examples of another label, or make the training split larger.",
        )
    alone = [labels[int(label)] for label, n in zip(table.classes, counts, strict=True) if n < 2]
    if alone:
        raise DatasetError(
            f"The training split has a single example of {', '.join(map(repr, alone))}; two or more are needed, so "
            "that one can be held out.",
            "Add examples, or leave the label out.",
        )
    if len(np.unique(table.groups)) < 2:
        raise DatasetError(
            "All examples of the training split are in one group, so nothing can be held out to choose a classifier.",
            "Name the groups that belong together (artists, tracks), or leave the group column out.",
        )
