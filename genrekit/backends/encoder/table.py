"""Tables of encoded windows, and the folds that their groups allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import GroupKFold

from genrekit.backends.encoder.backend import EncoderConfig
from genrekit.backends.encoder.heads import Floats
from genrekit.backends.encoder.pooling import pool
from genrekit.errors import DatasetError
from genrekit.group_folds import GroupFolds

Bools = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.intp]
Folds = Sequence[tuple[Integers, Integers]]  # examples to learn from, and to hold out


@dataclass(frozen=True, eq=False)
class Table:
    """Table of encoded windows, with the example of each.

    Attributes
    ----------
    patches : sequence of np.ndarray [shape=(n_patches, d)]
        The features of the patches, one array per window.
    x : np.ndarray [shape=(n_windows, d')]
        The same, pooled.
    targets : np.ndarray [shape=(n_examples, n_labels)]
    groups : np.ndarray [shape=(n_examples,)]
    counts : np.ndarray [shape=(n_examples,)]
        Windows per example.
    multilabel : bool
    """

    patches: Sequence[Floats]
    x: Floats
    targets: Bools
    groups: npt.NDArray[Any]
    counts: Integers
    multilabel: bool

    @property
    def owner(self) -> Integers:
        """The example of each window."""
        return np.repeat(np.arange(len(self.targets)), self.counts)

    @property
    def starts(self) -> Integers:
        """The first window of each example."""
        return np.asarray(np.cumsum(self.counts) - self.counts)

    def subset(self, examples: Integers) -> Table:
        """Return a table of some examples, in order."""
        windows = self.windows_of(examples)
        return replace(
            self,
            patches=[self.patches[i] for i in windows],
            x=self.x[windows],
            targets=self.targets[examples],
            groups=self.groups[examples],
            counts=self.counts[examples],
        )

    def windows_of(self, examples: Integers) -> Integers:
        """Return the windows of some examples, in order."""
        return np.flatnonzero(np.isin(self.owner, examples))

    def classes(self, windows: Integers) -> Integers:
        """Return the class of windows for the distance; multi-label windows are all of one class."""
        if self.multilabel:
            return np.zeros(len(windows), dtype=np.intp)
        return np.asarray(self.targets.argmax(axis=1)[self.owner[windows]])

    def folds(self, most: int, seed: int) -> list[tuple[Integers, Integers]]:
        """Return examples to learn from and to hold out, whole groups each; at least two folds.

        Raises
        ------
        DatasetError
            If there is one group only.
        """
        n_groups = len(np.unique(self.groups))
        if n_groups < 2:
            raise DatasetError(
                "All examples of the training split are in one group, so nothing can be held out to choose a head.",
                "Name the groups that belong together (artists, tracks), or leave the group column out.",
            )
        if self.multilabel:
            cutter: Any = GroupKFold(min(most, n_groups), shuffle=True, random_state=seed)
            return list(cutter.split(self.targets, groups=self.groups))
        y = self.targets.argmax(axis=1)
        rarest = min(len(np.unique(self.groups[y == k])) for k in np.unique(y))
        cutter = GroupFolds(max(2, min(most, rarest)), shuffle=True, random_state=seed)
        return [(a, b) for a, b in cutter.split(y, y, self.groups) if len(a) and len(b)]


def make_table(
    features: Sequence[Floats], targets: Bools, groups: npt.NDArray[Any], config: EncoderConfig
) -> Table:
    """Make a table of the features of examples [shape=(n_windows, n_patches, d) each]."""
    patches = [window for windows in features for window in windows]
    return Table(
        patches=patches,
        x=np.stack([pool(window, config.pooling) for window in patches]),
        targets=targets,
        groups=groups,
        counts=np.array([len(windows) for windows in features]),
        multilabel=config.multilabel,
    )


def held_out(folds: Folds) -> Integers:
    """Return the examples that any fold holds out, in order."""
    return np.unique(np.concatenate([held for _, held in folds]))


def learnt_windows(table: Table, folds: Folds) -> Integers:
    """Return the windows that a model is fitted on: all of them, or those of a single fold."""
    return np.arange(len(table.x)) if folds[1:] else table.windows_of(folds[0][0])
