"""Confidence intervals by the percentile bootstrap over groups (Efron & Tibshirani, *An introduction to the bootstrap*,
1993, chapter 13).

Groups, not examples, are drawn with replacement, because the slices of a track are not independent (the cluster
bootstrap: Field & Welsh, JRSS B 69(3), 2007). A resample is a row of counts: how often each group was drawn.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

LEVEL = 0.95
# Resamples x groups held at a time: 40 MB as float64.
_BLOCK = 5_000_000


def group_sums(terms: np.ndarray, group_of: np.ndarray) -> np.ndarray:
    """Sum the terms of the examples of each group.

    Parameters
    ----------
    terms : np.ndarray [shape=(n, k)]
        One row per example, n >= 1.
    group_of : np.ndarray [shape=(n,), dtype=int]
        The group of every example, in 0 ... n_groups - 1, without gaps.

    Returns
    -------
    np.ndarray [shape=(n_groups, k)]
    """
    order = np.argsort(group_of, kind="stable")
    starts = np.flatnonzero(np.diff(group_of[order], prepend=-1))
    sums: np.ndarray = np.add.reduceat(terms[order], starts)
    return sums


def bootstrap_draws(
    measure: Callable[[np.ndarray], dict[str, np.ndarray]], n_groups: int, *, n_boot: int, seed: int
) -> dict[str, np.ndarray]:
    """Measure resamples of the groups, in blocks of bounded memory.

    Parameters
    ----------
    measure : callable
        Takes counts [shape=(n, n_groups), dtype=int], returns n values per metric.
    n_groups, n_boot : int >= 1
    seed : int >= 0
        The same seed gives the same resamples; a smaller ``n_boot`` yields the first of them.

    Returns
    -------
    dict of str to np.ndarray [shape=(n_boot,)]
    """
    rng = np.random.default_rng(seed)
    blocks = []
    block = max(1, min(n_boot, _BLOCK // n_groups))
    for start in range(0, n_boot, block):
        size = min(block, n_boot - start)
        drawn = rng.integers(n_groups, size=(size, n_groups)) + n_groups * np.arange(size)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=size * n_groups).reshape(size, n_groups)
        blocks.append(measure(counts))
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def interval(draws: np.ndarray) -> tuple[float, float] | tuple[None, None]:
    """Return the ends of the 95 % interval of one metric's draws; None if all draws are NaN."""
    if np.isnan(draws).all():
        return None, None
    tail = (1 - LEVEL) / 2
    low, high = np.nanquantile(draws, [tail, 1 - tail])
    return float(low), float(high)
