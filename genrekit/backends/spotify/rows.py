"""Training rows of the ``spotify`` backend, and the held-out groups."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from genrekit.backends.base import Prepared
from genrekit.errors import DatasetError
from genrekit.features import SPOTIFY_COLUMNS, model_input
from genrekit.group_folds import GroupFolds

Integers = npt.NDArray[np.intp]

# A validation split smaller than this share of the training split is joined to it, and another one is made.
_LEAST_VALID = 0.05
_MOST_FOLDS, _ROWS_A_FOLD = 10, 20
_GAPS = (0.1, 0.4)  # least and largest share of the features that are taken out of a row


@dataclass(frozen=True, eq=False)
class Table:
    """Rows of examples, stacked, with the indices of held-out rows.

    Attributes
    ----------
    X : np.ndarray [shape=(n_rows, 15), dtype=float32]
    targets : np.ndarray [shape=(n_rows, n_labels), dtype=float32]
    learn, held : np.ndarray [dtype=int]
        Rows to train on first, and held-out rows; copies behind the rows that they were made from. A row can be neither: if its label occurs only in its own group, no
        model could predict it when held out. The final model is trained on all rows.
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
        """Join the splits, and hold out the validation split, or whole groups if it is missing or too small.

        Parameters
        ----------
        train : Prepared
        valid : Prepared or None
        labels : sequence of str
            Names for messages.
        seed : int >= 0
        multilabel : bool

        Returns
        -------
        Table

        Raises
        ------
        DatasetError
            If there is a single label, or nothing can be held out.
        """
        both = [train, valid] if valid else [train]
        X = np.concatenate([row for part in both for row in part.windows])  # one window per row of a table
        targets = np.concatenate([part.targets for part in both])
        groups = np.concatenate([part.groups for part in both])
        _check(targets, groups, labels)
        given = [(np.arange(len(train)), np.arange(len(train), len(X)))]
        enough = len(X) - len(train) >= _LEAST_VALID * len(train)
        for learn, held in chain(given if enough else [], _cuts(targets, groups, seed)):
            seen = targets[learn].any(axis=0)
            judges = held if multilabel else held[targets[held][:, seen].any(axis=1)]
            if len(judges) and seen.sum() > 1:
                return cls(X, targets, learn, judges)
        raise DatasetError(
            "Every label of the training split occurs in one group only, or in one row, so nothing can be held out "
            "for early stopping.",
            "Provide at least two groups (artists) per label, or leave the group column out.",
        )

    def with_gaps(self, copies: int, seed: int) -> Table:
        """Add copies of all rows with values taken out, for training and for calibration.

        Half of the copies lack one feature, as tables lack a column, and half lack each feature with a probability
        of 0.1 to 0.4. A feature that no row has is not counted.

        Parameters
        ----------
        copies : int >= 0
            Copies per row.
        seed : int >= 0

        Returns
        -------
        Table
            The rows, and behind them the copies.
        """
        rng = np.random.default_rng(seed)
        n = len(self.X)
        starts = n * np.arange(1 + copies)[:, None]
        return replace(
            self,
            X=np.concatenate([self.X, *(_gaps(self.X, rng) for _ in range(copies))]),
            targets=np.tile(self.targets, (1 + copies, 1)),
            learn=(starts + self.learn).ravel(),
            held=(starts + self.held).ravel(),
        )


def _gaps(X: npt.NDArray[np.float32], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Return a copy with values removed; numbers computed from a missing value are missing too."""
    features = X[:, : len(SPOTIFY_COLUMNS)]
    known = np.flatnonzero(~np.isnan(features).all(axis=0))
    one = np.zeros(features.shape, dtype=bool)
    one[np.arange(len(X)), rng.choice(known, len(X))] = True
    several = rng.random(features.shape) < rng.uniform(*_GAPS, (len(X), 1))
    gone = np.where(rng.random((len(X), 1)) < 0.5, one, several)
    left = model_input(np.where(gone, np.float32(np.nan), features))
    return np.where(np.isnan(left), np.float32(np.nan), X)


def _cuts(
    targets: npt.NDArray[np.float32], groups: npt.NDArray[Any], seed: int
) -> Iterator[tuple[Integers, Integers]]:
    """Yield ways to hold out whole groups, with labels in proportion."""
    # A row counts for the rarest of its labels.
    strata = np.where(targets > 0, targets.sum(axis=0), np.inf).argmin(axis=1)
    most = int(np.bincount(strata).max())
    if most < 2:
        return
    folds = max(2, min(_MOST_FOLDS, len(targets) // _ROWS_A_FOLD, most))
    cutter = GroupFolds(folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        cuts = list(cutter.split(strata, strata, groups))
    yield from ((learn, held) for learn, held in cuts if len(learn) and len(held))


def _check(targets: npt.NDArray[np.float32], groups: npt.NDArray[Any], labels: Sequence[str]) -> None:
    seen = np.flatnonzero(targets.any(axis=0))
    if len(seen) < 2:
        raise DatasetError(
            f"The training split has one label only, {', '.join(repr(labels[k]) for k in seen.tolist())}; a classifier needs two or more.",
            "Add examples of another label, or make the training split larger.",
        )
    if len(np.unique(groups)) < 2:
        raise DatasetError(
            "All examples of the training split are in one group, so nothing can be held out for early stopping.",
            "Name the groups that belong together (artists, tracks), or leave the group column out.",
        )
