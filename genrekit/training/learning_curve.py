"""Learning curves: the same recipe on growing parts of the groups, always measured on the same test split."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from genrekit.backends import Backend, BackendConfig, Fitted
from genrekit.datasets import Split, group_keys
from genrekit.files import naming
from genrekit.metrics import Draws, Estimate, difference, paired_draws
from genrekit.models import Runtime
from genrekit.training.fit import fit_checked
from genrekit.training.prepared_dataset import PreparedDataset
from genrekit.types import Say

# Below this share of the groups a curve is steeper than what is to be expected of more data.
_FROM = 0.4
# A rise by less per doubling, in the metric's unit, is not worth collecting data for.
_LITTLE = 0.01
_NAMES = {"accuracy": "accuracy", "macro_f1": "macro-F1"}


@dataclass(frozen=True)
class CurvePart:
    """A part of the groups: its share in (0, 1], its training and validation examples, and the metric on the test split."""

    share: float
    groups: int
    examples: int
    value: Estimate


@dataclass(frozen=True)
class LearningCurve:
    """A metric by the number of groups that a recipe learns from.

    Attributes
    ----------
    metric : {'accuracy', 'macro_f1'}
    parts : tuple of CurvePart
        Growing; the last one holds all groups.
    per_doubling : Estimate
        Rise of the metric per doubling of the groups: the slope of a line over the logarithm of the groups, fitted to the parts
        from 40 % on, with the interval of the paired bootstrap over the groups of the test split.
    """

    metric: str
    parts: tuple[CurvePart, ...]
    per_doubling: Estimate

    @property
    def words(self) -> str:
        """Sentence on whether more data would help."""
        rise, name = self.per_doubling, _NAMES[self.metric]
        words = f"per doubling of the groups, {name} changes by {100 * rise.value:+.1f} points"
        if rise.low is None or rise.high is None:
            return f"Whether more data would help is not known: {words}, without an interval."
        words += f" ({100 * rise.low:+.1f} to {100 * rise.high:+.1f})"
        if rise.low > 0:
            return f"More data of this kind would probably help: {words}."
        if rise.high < _LITTLE:
            return f"More data of this kind would hardly help: {words}."
        return f"Whether more data would help is not told apart: {words}."

    def to_dict(self) -> dict[str, Any]:
        """Return the curve as JSON-able values."""
        parts = [asdict(one) for one in self.parts]
        return {**asdict(self), "parts": parts, "words": self.words}

    def to_csv(self) -> str:
        """Return one row per part."""
        file = StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["share", "groups", "examples", self.metric, "low", "high"])
        for one in self.parts:
            ends = ("" if end is None else f"{end:.6g}" for end in (one.value.low, one.value.high))
            writer.writerow([f"{one.share:g}", one.groups, one.examples, f"{one.value.value:.6g}", *ends])
        return file.getvalue()

    def write(self, output: Path) -> None:
        """Write the table and the picture beside a bundle: ``NAME.learning.csv`` and ``NAME.learning.png``."""
        table, picture = learning_files(output)
        with naming(table):
            table.write_text(self.to_csv(), encoding="utf-8")
        with naming(picture):
            picture.write_bytes(self.png())

    def png(self) -> bytes:
        """Return the curve with its intervals as a PNG."""
        from io import BytesIO
        from textwrap import fill

        from matplotlib.figure import Figure

        figure = Figure(figsize=(7, 4.6), dpi=100, layout="constrained")
        axes = figure.add_subplot()
        groups = [one.groups for one in self.parts]
        axes.plot(groups, [100 * one.value.value for one in self.parts], marker="o", color="#0072B2")
        for one in self.parts:
            if one.value.low is not None and one.value.high is not None:
                axes.plot([one.groups] * 2, [100 * one.value.low, 100 * one.value.high], color="#0072B2")
        axes.set_xscale("log")
        axes.set_xticks(groups, [f"{one.groups}\n{one.share:.0%}" for one in self.parts])
        axes.minorticks_off()
        axes.set(
            xlabel="groups to learn from",
            ylabel=f"{_NAMES[self.metric]} on the test split (%), 95 % intervals",
        )
        axes.set_title(fill(self.words, 80), fontsize=9)
        stream = BytesIO()
        figure.savefig(stream, format="png", metadata={"Software": None})
        return stream.getvalue()


def learning_files(output: Path) -> tuple[Path, Path]:
    """Return the table and the picture of the learning curve of a bundle."""
    name = output.name.removesuffix(".genrekit")
    return output.with_name(f"{name}.learning.csv"), output.with_name(f"{name}.learning.png")


def learning_curve(
    backend: Backend,
    config: BackendConfig,
    prepared: PreparedDataset,
    split: Split,
    fitted: Fitted,
    final_scores: np.ndarray,
    *,
    n_parts: int,
    say: Say,
) -> LearningCurve:
    """Fit a recipe on growing parts of the groups, each part within the next.

    Parameters
    ----------
    backend, config, prepared, split
        The recipe, and the data that it was fitted on.
    fitted : Fitted
        The model of all groups.
    final_scores : np.ndarray [shape=(n_test, n_labels)]
        Its scores of the test split.
    n_parts : int >= 2
        With n parts they hold 1/n, 2/n ... of the groups of the training and the validation split.
    say : callable
        Receives progress lines.

    Returns
    -------
    LearningCurve
    """
    labels = prepared.labels(split.train)
    test = prepared.select(split.test, labels)

    def drawn(scores: np.ndarray, thresholds: dict[str, float]) -> Draws:
        return paired_draws(
            scores,
            test.targets,
            labels,
            test.groups,
            multilabel=config.multilabel,
            thresholds=thresholds if config.multilabel else None,
        )

    metric = "macro_f1" if config.multilabel else "accuracy"
    train_order, valid_order = (_in_order(prepared, part, config.seed) for part in (split.train, split.valid))
    draws, sizes = [], []
    for k in range(1, n_parts + 1):
        share = k / n_parts
        train, valid = (_first(groups, share) for groups in (train_order, valid_order))
        sizes.append((share, _n(train_order, share) + _n(valid_order, share), len(train) + len(valid)))
        if k == n_parts:
            draws.append(drawn(final_scores, dict(fitted.thresholds)))
            break
        known = prepared.labels(train)
        say(f"learning curve: {share:.0%} of the groups, {len(train)} train and {len(valid)} valid")
        one, runtime = fit_checked(
            backend,
            prepared.select(train, known),
            prepared.select(prepared.with_label(valid, known), known),
            known,
            config,
            say,
        )
        scores = _scores(runtime, prepared, split, labels, known)
        draws.append(drawn(scores, dict(one.thresholds)))
    nothing = {name: np.zeros_like(values) for name, values in draws[0].items()}
    parts = tuple(
        CurvePart(*size, difference(one, nothing, metric)) for size, one in zip(sizes, draws, strict=True)
    )
    return LearningCurve(metric, parts, _slope(parts, draws, metric))


def _slope(parts: Sequence[CurvePart], draws: Sequence[Draws], metric: str) -> Estimate:
    """Return the slope over the logarithm to base 2 of the groups, by least squares."""
    used = [k for k, one in enumerate(parts) if one.share >= _FROM]
    used = used if len(used) > 1 else list(range(len(parts)))
    x = np.log2([parts[k].groups for k in used])
    x = x - x.mean()
    if not x.any():
        return Estimate(0.0, None, None)
    slopes = {metric: x / (x @ x) @ np.stack([draws[k][metric] for k in used])}
    return difference(slopes, {metric: np.zeros_like(slopes[metric])}, metric)


def _scores(
    runtime: Runtime, prepared: PreparedDataset, split: Split, labels: Sequence[str], known: Sequence[str]
) -> np.ndarray:
    """Return the scores of the test split, 0 for labels that a part does not have."""
    found = runtime.example_scores(prepared.select(split.test, known).windows)
    scores = np.zeros((len(found), len(labels)))
    scores[:, [labels.index(label) for label in known]] = found
    return scores


def _in_order(prepared: PreparedDataset, indices: Sequence[int], seed: int) -> list[list[int]]:
    """Return the prepared examples by group, so that every beginning has the labels in about equal shares."""
    kept = [i for i in indices if i in prepared.windows]
    examples = [prepared.dataset.examples[i] for i in kept]
    members: defaultdict[str, list[int]] = defaultdict(list)
    for i, key in zip(kept, group_keys(examples).tolist(), strict=True):
        members[key].append(i)
    counts = Counter(label for one in examples for label in one.labels)
    keys = sorted(members)
    np.random.default_rng(seed).shuffle(keys)
    by_label: defaultdict[str, list[str]] = defaultdict(list)
    for key in keys:
        own = {label for i in members[key] for label in prepared.dataset.examples[i].labels}
        by_label[min(own, key=lambda label: (counts[label], label))].append(key)
    # The first group of every label comes first.
    place = {key: n / len(own) for own in by_label.values() for n, key in enumerate(own)}
    return [members[key] for key in sorted(keys, key=place.__getitem__)]


def _n(groups: Sequence[Sequence[int]], share: float) -> int:
    return min(len(groups), max(1, round(share * len(groups)))) if groups else 0


def _first(groups: Sequence[Sequence[int]], share: float) -> list[int]:
    """Return the examples of the first groups, in the order of the data set."""
    return sorted(i for members in groups[: _n(groups, share)] for i in members)
