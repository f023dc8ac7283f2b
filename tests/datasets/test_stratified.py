"""Folds that keep groups whole, against scikit-learn's."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.model_selection import StratifiedGroupKFold

from genrekit.datasets.stratified import k_folds


@pytest.mark.parametrize("seed", range(12))
def test_the_folds_are_those_of_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    k = int(rng.integers(2, 9))
    n = int(rng.integers(60, 240))
    y = np.append(rng.choice(4, n, p=rng.dirichlet(np.ones(4))), [0] * k)
    groups = rng.integers(0, n // int(rng.integers(1, 4)), len(y))
    assert len(np.unique(groups)) < len(groups)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        theirs = [
            test for _, test in StratifiedGroupKFold(k, shuffle=True, random_state=seed).split(y, y, groups)
        ]
    for ours, expected in zip(k_folds(y, groups, k, seed), theirs, strict=True):
        np.testing.assert_array_equal(ours, expected)
