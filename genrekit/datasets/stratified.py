"""Stratified cuts and folds of examples that keep groups whole, of which `genrekit.datasets.splits` makes its splits.

The splitters are scikit-learn's `StratifiedKFold` and `genrekit.group_folds.GroupFolds`; a cut is one or a few of their folds.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from sklearn.model_selection import StratifiedKFold

from genrekit.errors import DatasetError
from genrekit.group_folds import GroupFolds
from genrekit.text import counted
from genrekit.types import Example

# A cut is a whole number of folds; 20 of them reach every share within 2.5 points and stay fast.
_MAX_FOLDS = 20


def group_keys(examples: Sequence[Example]) -> np.ndarray:
    """Return the group of every example; one without a group is its own group.

    Returns
    -------
    np.ndarray [shape=(n_examples,), dtype=str]
        Equal if and only if two examples must stay together.
    """
    return np.array([f"group {e.group}" if e.group else f"alone {e.id}" for e in examples], dtype=str)


@dataclass(frozen=True)
class Pool:
    """Input of the splitters: examples sorted by id, so that the order of the input does not matter.

    ``index`` maps back to the positions of the caller; ``y`` and ``groups`` are numbers.
    """

    index: np.ndarray
    y: np.ndarray
    groups: np.ndarray

    @classmethod
    def of(cls, examples: Sequence[Example], *, random: bool = False) -> Pool:
        """Number the labels and groups of examples; ``random`` puts every example into a group of its own."""
        check_labels(examples)
        index = np.array(sorted(range(len(examples)), key=lambda i: examples[i].id))
        counts = Counter(label for e in examples for label in e.labels)
        rarest = np.array([min(e.labels, key=lambda label: (counts[label], label)) for e in examples])
        keys = np.array([e.id for e in examples]) if random else group_keys(examples)
        y, groups = (np.unique(names[index], return_inverse=True)[1] for names in (rarest, keys))
        return cls(index, y, groups)

    def pinned(self, members: np.ndarray) -> np.ndarray:
        """Return a mask of the members whose group is the only one of a label, which must stay in train."""
        pairs = np.unique(np.stack([self.y[members], self.groups[members]]), axis=1)
        labels, n_groups = np.unique(pairs[0], return_counts=True)
        only = pairs[1, np.isin(pairs[0], labels[n_groups == 1])]
        return np.isin(self.groups[members], only)


def cut(pool: Pool, members: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Cut off about ``share`` of the members and return (rest, cut). The cut is empty if there are too few groups."""
    y, groups = pool.y[members], pool.groups[members]
    free = np.flatnonzero(~pool.pinned(members))
    most = most_folds(y[free], groups[free])
    if share <= 0 or most < 2:
        return members, members[:0]
    share = min(share * len(members) / len(free), 1.0)
    n_folds = Fraction(share).limit_denominator(max(_MAX_FOLDS, round(1 / share))).denominator
    n_folds = max(min(n_folds, most), 2)
    n_cut = min(max(round(share * n_folds), 1), n_folds - 1)
    folds = [free[fold] for fold in k_folds(y[free], groups[free], n_folds, seed)]
    held = np.zeros(len(members), dtype=bool)
    for _ in range(n_cut):
        # The fold with the most labels that are missing in the cut: rare labels are in some folds only.
        news = [len(np.setdiff1d(y[fold], y[held])) for fold in folds]
        held[folds.pop(int(np.argmax(news)))] = True
    for label in np.unique(y[held]):
        if label not in y[~held]:  # all of its groups were cut: return one to train
            held &= groups != groups[held & (y == label)][0]
    return members[~held], members[held]


def k_folds(y: np.ndarray, groups: np.ndarray, k: int, seed: int) -> list[np.ndarray]:
    """Return the test splits of a stratified k-fold that keeps groups whole."""
    alone = len(np.unique(groups)) == len(groups)
    kind = StratifiedKFold if alone else GroupFolds
    with warnings.catch_warnings():
        # Expected for rare labels: they are in some folds only, and Split.method names them.
        warnings.filterwarnings("ignore", "The least populated class in y", UserWarning)
        splitter = kind(k, shuffle=True, random_state=seed)
        return [test for _, test in splitter.split(np.zeros(len(y)), y, None if alone else groups)]


def most_folds(y: np.ndarray, groups: np.ndarray) -> int:
    """Return the largest number of folds: scikit-learn needs one group per fold, and one label in all folds."""
    return min(len(np.unique(groups)), int(np.bincount(y).max())) if len(y) else 0


def check_labels(examples: Sequence[Example]) -> None:
    unlabelled = [e.id for e in examples if not e.labels]
    if unlabelled or not examples:
        raise DatasetError(
            f"{len(unlabelled)} of {counted(len(examples), 'example')} to split have no label{some(unlabelled)}.",
            "Label them or leave them out." if examples else "Pass at least one example.",
        )


def some(names: Sequence[str], most: int = 5) -> str:
    """Return ': a, b, c and 7 more', or nothing."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f": {', '.join(names[:most])}{more}" if names else ""
