"""Threshold of the distance, from the songs that folds held out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from genrekit.backends.encoder.distance import Distance, fit_distance
from genrekit.backends.encoder.heads import Floats, example_means
from genrekit.backends.encoder.table import Folds, Table, held_out, learnt_windows

# Share of the held-out songs whose distance is above the threshold.
FALSE_ALARMS = 0.05
# Fewer say nothing of where a threshold should be.
_LEAST_FOR_DISTANCE = 30
_LEAST_HELD = 10


def limited(table: Table, folds: Folds) -> tuple[Distance, float] | None:
    """Fit the distance on everything that is learnt from, and its threshold on the songs that the folds held out."""
    held = held_out(folds)
    if len(table.targets) < _LEAST_FOR_DISTANCE or len(held) < _LEAST_HELD:
        return None
    found = np.zeros(len(table.patches))
    for learn_from, out_of_fold in folds:
        rows, out = table.windows_of(learn_from), table.windows_of(out_of_fold)
        fitted = fit_distance([table.patches[i] for i in rows], table.classes(rows))
        found[out] = measure(fitted, [table.patches[i] for i in out])
    of_examples = example_means(found[table.windows_of(held)][:, None], table.subset(held).starts)[:, 0]
    windows = learnt_windows(table, folds)
    distance = fit_distance([table.patches[i] for i in windows], table.classes(windows))
    return distance, float(f"{np.quantile(of_examples, 1 - FALSE_ALARMS):.4g}")


def measure(distance: Distance, patches: Sequence[Floats]) -> Floats:
    """Return the distance of windows by the features of their patches."""
    means = np.stack([window.mean(axis=0) for window in patches])
    return distance(means, np.array([len(window) for window in patches]))
