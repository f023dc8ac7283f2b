"""Comparison of heads on folds: scores of what each did not learn from, calibrated there, and the choice among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from genrekit.backends.encoder.backend import EncoderConfig
from genrekit.backends.encoder.heads import (
    NO_EVIDENCE,
    Calibration,
    Floats,
    example_means,
    fit_calibration,
    fit_head,
    log_losses,
)
from genrekit.backends.encoder.table import Folds, Table, held_out


@dataclass(frozen=True, eq=False)
class Candidate:
    """A head, or the mean of several, with the scores that it gave to examples it had not seen.

    Attributes
    ----------
    kinds : tuple of str
    calibrations : tuple of Calibration
        One for each of the kinds.
    scores : np.ndarray [shape=(n_examples, n_labels)]
    """

    kinds: tuple[str, ...]
    calibrations: tuple[Calibration, ...]
    scores: Floats

    @property
    def name(self) -> str:
        """Name of the head."""
        return self.kinds[0] if len(self.kinds) == 1 else "mean"


def compare(table: Table, folds: Folds, kinds: Sequence[str], config: EncoderConfig) -> list[Candidate]:
    """Score every head on every fold, and calibrate it on what was held out; the mean of all comes last."""
    held = held_out(folds)
    judged, windows = table.subset(held), table.windows_of(held)
    starts = judged.starts
    y = table.targets[table.owner]
    found = []
    for kind in kinds:
        margins = np.full((len(table.x), table.targets.shape[1]), -NO_EVIDENCE)
        for learn_from, held in folds:
            rows, out = table.windows_of(learn_from), table.windows_of(held)
            chain = fit_head(kind, table.x[rows], y[rows], multilabel=table.multilabel, seed=config.seed)
            margins[out] = chain(table.x[out])
        margins = margins[windows]
        calibration = fit_calibration(margins, judged.targets, starts, multilabel=table.multilabel)
        found.append(Candidate((kind,), (calibration,), example_means(calibration(margins), starts)))
    if found[1:]:
        mean = np.mean([candidate.scores for candidate in found], axis=0)
        found.append(Candidate(tuple(kinds), tuple(c.calibrations[0] for c in found), mean))
    return found


def choose(table: Table, candidates: Sequence[Candidate]) -> Candidate:
    """Select the candidate with the lowest log loss, or an earlier, simpler candidate that is not clearly worse.

    Not clearly: by less than a standard error over groups (Breiman, Friedman, Olshen and Stone, *Classification and
    Regression Trees*, 1984, section 3.4.3).
    """
    losses = [log_losses(c.scores, table.targets, multilabel=table.multilabel) for c in candidates]
    best = min(losses, key=lambda loss: float(loss.mean()))
    _, group = np.unique(table.groups, return_inverse=True)
    for candidate, loss in zip(candidates, losses, strict=True):
        difference = loss - best
        of_groups = np.bincount(group, weights=difference - difference.mean())
        if difference.mean() <= np.sqrt((of_groups**2).sum()) / len(difference):
            return candidate
    raise AssertionError("the best is not worse than itself")


def figures(table: Table, candidate: Candidate) -> dict[str, Any]:
    """Return the log loss of a candidate, and the accuracy where labels exclude one another, for the log and the history."""
    loss = log_losses(candidate.scores, table.targets, multilabel=table.multilabel).mean()
    found: dict[str, Any] = {"head": candidate.name}
    if not table.multilabel:
        right = candidate.scores.argmax(axis=1) == table.targets.argmax(axis=1)
        found["accuracy"] = round(float(right.mean()), 4)
    return {**found, "log_loss": round(float(loss), 4)}
