"""Folds that keep groups whole: those of scikit-learn."""

import numpy as np
import pytest
from sklearn.model_selection import StratifiedGroupKFold

from genrekit.group_folds import GroupFolds


@pytest.mark.filterwarnings("ignore:The least populated class")
@pytest.mark.parametrize(
    ("n_rows", "n_labels", "n_groups", "k"),
    [(12, 1, 12, 2), (60, 2, 9, 3), (200, 7, 40, 5), (300, 30, 250, 8), (150, 4, 6, 6)],
)
def test_the_folds_are_those_of_scikit_learn(n_rows, n_labels, n_groups, k):
    for seed in range(3):
        rng = np.random.default_rng(seed)
        y = rng.integers(0, n_labels, n_rows)
        groups = rng.permutation(np.arange(n_rows) % n_groups)
        ours, theirs = (
            [held.tolist() for _, held in kind(k, shuffle=True, random_state=seed).split(y, y, groups)]
            for kind in (GroupFolds, StratifiedGroupKFold)
        )
        assert ours == theirs
