"""Splits of data sets into train, valid and test: stratified by label, with groups kept whole.

*Conventions.* A group (the artist, or the track that slices were cut from) is never in two splits, unless a
random split is requested by name; then `Split.method` states that the numbers are inflated. A published split is
respected. Results depend on the examples and the seed, not on the order of the input.

The effect of separating groups: Flexer & Schnitzer, *Effects of album and artist filters in audio similarity
computed for very large music databases*, Computer Music Journal 34(3), 2010; Sturm, *The state of the art ten
years after a state of the art*, Journal of New Music Research 43(2), 2014.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from genrekit.datasets.stratified import Pool, check_labels, cut, k_folds, most_folds, some
from genrekit.errors import DatasetError, UsageError
from genrekit.text import counted
from genrekit.types import Example

By = Literal["auto", "group", "random", "published"]

SPLITS = ("train", "valid", "test")
NO_GROUPS = (
    "no groups known, so songs of one artist or album may be in train and in test, which makes the numbers too high "
    "for songs by new artists (docs/honest-evaluation.md)"
)
"""Consequence of missing groups, for reports."""


@dataclass(frozen=True)
class SplitOptions:
    """Arguments of `make_split`, with which a split can be made again.

    Attributes
    ----------
    by, test_size, valid_size
        As in `make_split`.
    seed : int in [0, 2**32), optional
        Seed of the split; in `genrekit.training.train.train`, None means that of the config.
    """

    by: By = "auto"
    test_size: float = 0.2
    valid_size: float = 0.1
    seed: int | None = None


@dataclass(frozen=True)
class Split:
    """A partition of examples into train, valid and test.

    Attributes
    ----------
    train, valid, test : tuple of int
        Positions in the examples, ascending and disjoint; any of them may be empty.
    method : str
        Description of the split for reports, with caveats.
    inflated : bool
        Whether parts of one group are used for both learning and measuring.
    options : SplitOptions, optional
        Arguments of `make_split`, including the seed.
    """

    train: tuple[int, ...]
    valid: tuple[int, ...]
    test: tuple[int, ...]
    method: str
    inflated: bool = False
    options: SplitOptions | None = None


def make_split(
    examples: Sequence[Example],
    *,
    test_size: float = 0.2,
    valid_size: float = 0.1,
    seed: int = 0,
    by: By = "auto",
) -> Split:
    """Divide examples into train, valid and test.

    Parameters
    ----------
    examples : sequence of Example
        At least one, all with labels. Of more than one label, the rarest is stratified.
    test_size, valid_size : float in [0, 1), together below 1
        Shares of all examples, reached as closely as whole groups allow. With a published split ``test_size``
        has no effect, and ``valid_size`` is the share of train that becomes valid if the published split has
        no valid.
    seed : int in [0, 2**32)
        The same seed gives the same split.
    by : {'auto', 'group', 'random', 'published'}
        'published' uses the splits of the examples and leaves out those without; 'group' keeps groups whole;
        'random' separates them; 'auto' is 'published' if any example has a split, else 'group'.

    Raises
    ------
    UsageError
        If a size or ``by`` is not allowed.
    DatasetError
        If an example has no label, a published split is requested and missing, or nothing can be held out.
    """
    _check_by(by, get_args(By))
    _check_sizes(test_size, valid_size)
    options = SplitOptions(by, test_size, valid_size, seed)
    if by == "published" or (by == "auto" and any(e.split for e in examples)):
        return replace(_published(examples, valid_size, seed), options=options)
    pool = Pool.of(examples, random=by == "random")
    everything = np.arange(len(examples))
    rest, test = cut(pool, everything, test_size, seed)
    if test_size and not len(test):
        raise DatasetError(
            f"No test split can be cut from {counted(len(examples), 'example')}: a label needs two groups (artists, "
            "tracks) or, where no groups are known, two examples.",
            "Add examples of other artists or tracks, or request no test split (size 0).",
        )
    train, valid = cut(pool, rest, valid_size * len(everything) / len(rest), seed)
    parts = pool.index[train], pool.index[valid], pool.index[test]
    return replace(_described(examples, [parts], _words(examples, by, "split", seed))[0], options=options)


def make_folds(
    examples: Sequence[Example], *, k: int = 5, seed: int = 0, by: By = "auto", valid_size: float = 0.0
) -> tuple[Split, ...]:
    """Divide examples into ``k`` partitions with different test splits.

    Every example is tested once, except those whose label has a single group: they are always in train.

    Parameters
    ----------
    examples : sequence of Example
        As for `make_split`.
    k : int >= 2
        The number of folds.
    seed : int in [0, 2**32)
        The same seed gives the same folds.
    by : {'auto', 'group', 'random'}
        As for `make_split`; 'auto' folds the examples that have a published split if any does (the lists leave out
        faulty ones on purpose), and ignores which split it is.
    valid_size : float in [0, 1)
        Share of all examples that is cut from train in every fold, with groups kept whole.

    Returns
    -------
    tuple of Split
        ``k`` partitions with the same ``method`` and ``inflated``.

    Raises
    ------
    UsageError
        If ``k``, ``valid_size`` or ``by`` is not allowed.
    DatasetError
        If there are fewer groups than folds.
    """
    _check_by(by, ("auto", "group", "random"))
    if k < 2:
        raise UsageError(f"Cross-validation needs at least 2 folds; {k} was given.", "5 and 10 are usual.")
    _check_sizes(1 / k, valid_size)
    listed = [i for i, e in enumerate(examples) if e.split]
    chosen = listed if listed and by == "auto" else range(len(examples))
    pool = Pool.of([examples[i] for i in chosen], random=by == "random")
    everything = np.arange(len(chosen))
    free = everything[~pool.pinned(everything)]
    most = most_folds(pool.y[free], pool.groups[free])
    if k > most:
        raise DatasetError(
            f"{counted(k, 'fold')} cannot be made: there are enough groups (or examples without one) for {most}.",
            f"Request {counted(most, 'fold')}."
            if most > 1
            else "A label needs two groups to be learned and tested.",
        )
    folds = []
    for fold in k_folds(pool.y[free], pool.groups[free], k, seed):
        test = free[fold]
        train, valid = cut(pool, np.setdiff1d(everything, test), valid_size * k / (k - 1), seed)
        folds.append(tuple(np.asarray(chosen)[pool.index[part]] for part in (train, valid, test)))
    words = [f"{k}-fold cross-validation", *_words(examples, by, "folds", seed)]
    if len(chosen) < len(examples):
        words.append(f"{counted(len(examples) - len(chosen), 'example')} without a published split left out")
    return _described(examples, folds, words)


def _published(examples: Sequence[Example], valid_size: float, seed: int) -> Split:
    splits: dict[str, list[int]] = {name: [] for name in SPLITS}
    for i, example in enumerate(examples):
        if example.split:
            if example.split not in splits:
                raise DatasetError(
                    f"{example.id!r} has the split {example.split!r}; allowed are {', '.join(SPLITS)}.",
                    "Correct the split column.",
                )
            splits[example.split].append(i)
    n_left_out = len(examples) - sum(map(len, splits.values()))
    if n_left_out == len(examples):
        raise DatasetError(
            "No example has a published split.",
            "Use a manifest with a split column (train, valid, test), or split by group.",
        )
    check_labels([e for e in examples if e.split])
    words = ["published split"]
    train, valid = np.array(splits["train"], dtype=int), np.array(splits["valid"], dtype=int)
    if valid_size and len(train) and not len(valid):
        pool = Pool.of([examples[i] for i in train])
        rest, held = cut(pool, np.arange(len(train)), valid_size, seed)
        train, valid = train[pool.index[rest]], train[pool.index[held]]
        words.append(f"valid cut from train, groups kept whole, seed {seed}")
    if n_left_out:
        words.append(f"{counted(n_left_out, 'example')} without a split left out")
    return _described(examples, [(train, valid, splits["test"])], words)[0]


def _words(examples: Sequence[Example], by: By, what: str, seed: int) -> list[str]:
    n_groups = len({e.group for e in examples if e.group})
    if not n_groups:
        return [f"stratified random {what}, seed {seed}", NO_GROUPS]
    if by == "random":
        return [f"stratified random {what} without regard to groups, seed {seed}"]
    return [f"stratified {what}, {counted(n_groups, 'group')} kept whole, seed {seed}"]


def _described(
    examples: Sequence[Example], parts: Sequence[Sequence[Iterable[int]]], words: Sequence[str]
) -> tuple[Split, ...]:
    """Sort the splits and add caveats: labels that are missing in a split, and groups that are separated.

    The folds of one cross-validation share their words, as they share one report.
    """
    splits = [Split(_rising(train), _rising(valid), _rising(test), "") for train, valid, test in parts]
    words = list(words)

    def labels(part: Iterable[int]) -> set[str]:
        return {label for i in part for label in examples[i].labels}

    def groups(part: Iterable[int]) -> set[str]:
        return {group for i in part if (group := examples[i].group)}

    learned = labels(i for s in splits for i in s.train)
    for name in ("valid", "test"):
        there = labels(i for s in splits for i in getattr(s, name))
        if there and learned - there:
            words.append(f"labels without an example in {name}{some(sorted(learned - there))}")
    unlearned = set().union(*(labels(s.valid + s.test) - labels(s.train) for s in splits if s.train))
    if unlearned:
        words.append(f"labels measured but not in train{some(sorted(unlearned))}")
    measured = [(s.test, s.train + s.valid) if s.test else (s.valid, s.train) for s in splits]
    separated = set().union(*(groups(part) & groups(seen) for part, seen in measured))
    if separated:
        n_measured = len(groups(i for part, _ in measured for i in part))
        words.append(
            "the numbers are inflated because parts of the same group were used for learning and measuring "
            f"({len(separated)} of the {counted(n_measured, 'group')} measured)"
        )
    return tuple(replace(split, method="; ".join(words), inflated=bool(separated)) for split in splits)


def _rising(positions: Iterable[int]) -> tuple[int, ...]:
    return tuple(sorted(int(i) for i in positions))


def _check_by(by: str, allowed: Sequence[str]) -> None:
    if by not in allowed:
        raise UsageError(f"A split by {by!r} is not known here; allowed are {', '.join(allowed)}.")


def _check_sizes(test_size: float, valid_size: float) -> None:
    if not (0 <= test_size < 1 and 0 <= valid_size < 1 and test_size + valid_size < 1):
        raise UsageError(
            f"The shares of test ({test_size:g}) and valid ({valid_size:g}) must be at least 0 and together "
            "below 1.",
            "Usual are 0.2 and 0.1.",
        )
