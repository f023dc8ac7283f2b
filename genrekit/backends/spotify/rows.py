"""The rows that the ``spotify`` backend learns from, and the whole groups of them that are held out."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedGroupKFold

from genrekit.backends.base import Prepared
from genrekit.errors import DatasetError

Integers = npt.NDArray[np.intp]

# A validation side smaller than this part of the training side is joined to it, and another one cut.
_LEAST_VALID = 0.05
_MOST_FOLDS, _ROWS_A_FOLD = 10, 20


@dataclass(frozen=True, eq=False)
class Table:
    """Rows below each other, and which of them are held out.

    Attributes
    ----------
    X : np.ndarray [shape=(n_rows, 15), dtype=float32]
    targets : np.ndarray [shape=(n_rows, n_labels), dtype=float32]
    learn, held : np.ndarray [dtype=int]
        The rows to learn from at first, and those that judge it. A row can be neither: one that nobody could be
        right about, for its label stands in its own group only. The model that is kept learns from all.
    """

    X: npt.NDArray[np.float32]
    targets: npt.NDArray[np.float32]
    learn: Integers
    held: Integers

    @classmethod
    def of(
        cls,
        train: Prepared,
        valid: Prepared | None,
        labels: Sequence[str],
        seed: int,
        *,
        multilabel: bool,
    ) -> Table:
        """Join the sides, and hold out the validation side, or whole groups where it is missing or too small.

        Raises
        ------
        DatasetError
            If there is one label only, or nothing can be held out.
        """
        both = [train, valid] if valid else [train]
        X = np.concatenate([row for side in both for row in side.windows])  # one a row of a table
        targets = np.concatenate([side.targets for side in both])
        groups = np.concatenate([side.groups for side in both])
        _check(targets, groups, labels)
        cuts = _cuts(targets, groups, seed)
        if len(X) - len(train) >= _LEAST_VALID * len(train):
            cuts = [(np.arange(len(train)), np.arange(len(train), len(X))), *cuts]
        for learn, held in cuts:
            seen = targets[learn].any(axis=0)
            judges = held if multilabel else held[targets[held][:, seen].any(axis=1)]
            if len(judges) and seen.sum() > 1:
                return cls(X, targets, learn, judges)
        raise DatasetError(
            "Every label of the training side stands in one group only, or in one row, so nothing can be held out "
            "to say when to stop.",
            "Give at least two groups (artists) a label, or leave the group column out.",
        )


def _cuts(
    targets: npt.NDArray[np.float32], groups: npt.NDArray[Any], seed: int
) -> list[tuple[Integers, Integers]]:
    """Ways to hold out whole groups, with labels in proportion."""
    # A row counts for the rarest of its labels.
    strata = np.where(targets > 0, targets.sum(axis=0), np.inf).argmin(axis=1)
    most = int(np.bincount(strata).max())
    if most < 2:
        return []
    folds = max(2, min(_MOST_FOLDS, len(targets) // _ROWS_A_FOLD, most))
    cutter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        return [
            (learn, held) for learn, held in cutter.split(strata, strata, groups) if len(learn) and len(held)
        ]


def _check(targets: npt.NDArray[np.float32], groups: npt.NDArray[Any], labels: Sequence[str]) -> None:
    seen = np.flatnonzero(targets.any(axis=0))
    if len(seen) < 2:
        raise DatasetError(
            f"The training side has one label only, {', '.join(repr(labels[k]) for k in seen.tolist())}; a classifier needs two or more.",
            "Add examples of another label, or make the training side larger.",
        )
    if len(np.unique(groups)) < 2:
        raise DatasetError(
            "All examples of the training side are in one group, so nothing can be held out to say when to stop.",
            "Give the groups that belong together (artists, tracks), or leave the group column out.",
        )
