"""Splits of data sets into train, valid and test: stratified by label, with groups kept whole.

*Conventions.* A group (the artist, or the track that slices were cut from) is never in two splits, unless a
random split is requested by name; then `Split.method` states that the numbers are inflated. A published split is
respected. Results depend on the examples and the seed, not on the order of the input. The splitters are
scikit-learn's `StratifiedKFold` and `StratifiedGroupKFold`; a split is one or a few of their folds.

The effect of separating groups: Flexer & Schnitzer, *Effects of album and artist filters in audio similarity
computed for very large music databases*, Computer Music Journal 34(3), 2010; Sturm, *The state of the art ten
years after a state of the art*, Journal of New Music Research 43(2), 2014.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal, get_args

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from genrekit.errors import DatasetError, UsageError
from genrekit.types import Example

By = Literal["auto", "group", "random", "published"]

SPLITS = ("train", "valid", "test")
# A split is a whole number of folds; 20 of them reach every share within 2.5 points and stay fast.
_MAX_FOLDS = 20
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


def group_keys(examples: Sequence[Example]) -> np.ndarray:
    """Return the group of every example; one without a group is its own group.

    Returns
    -------
    np.ndarray [shape=(n_examples,), dtype=str]
        Equal if and only if two examples must stay together.
    """
    return np.array([f"group {e.group}" if e.group else f"alone {e.id}" for e in examples], dtype=str)


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
    pool = _Pool.of(examples, by)
    everything = np.arange(len(examples))
    rest, test = _cut(pool, everything, test_size, seed)
    if test_size and not len(test):
        raise DatasetError(
            f"No test split can be cut from {len(examples)} examples: a label needs two groups (artists, "
            "tracks) or, where no groups are known, two examples.",
            "Add examples of other artists or tracks, or request no test split (size 0).",
        )
    train, valid = _cut(pool, rest, valid_size * len(everything) / len(rest), seed)
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
    pool = _Pool.of([examples[i] for i in chosen], by)
    everything = np.arange(len(chosen))
    free = everything[~pool.pinned(everything)]
    most = _most_folds(pool.y[free], pool.groups[free])
    if k > most:
        raise DatasetError(
            f"{k} folds cannot be made: there are enough groups (or examples without one) for {most}.",
            f"Request {most} folds." if most > 1 else "A label needs two groups to be learned and tested.",
        )
    folds = []
    for fold in _folds(pool.y[free], pool.groups[free], k, seed):
        test = free[fold]
        train, valid = _cut(pool, np.setdiff1d(everything, test), valid_size * k / (k - 1), seed)
        folds.append(tuple(np.asarray(chosen)[pool.index[part]] for part in (train, valid, test)))
    words = [f"{k}-fold cross-validation", *_words(examples, by, "folds", seed)]
    if len(chosen) < len(examples):
        words.append(f"{len(examples) - len(chosen)} examples without a published split left out")
    return _described(examples, folds, words)


@dataclass(frozen=True)
class _Pool:
    """Input of the splitters: examples sorted by id, so that the order of the input does not matter.

    ``index`` maps back to the positions of the caller; ``y`` and ``groups`` are numbers.
    """

    index: np.ndarray
    y: np.ndarray
    groups: np.ndarray

    @classmethod
    def of(cls, examples: Sequence[Example], by: By) -> _Pool:
        _check_labels(examples)
        index = np.array(sorted(range(len(examples)), key=lambda i: examples[i].id))
        counts = Counter(label for e in examples for label in e.labels)
        rarest = np.array([min(e.labels, key=lambda label: (counts[label], label)) for e in examples])
        keys = np.array([e.id for e in examples]) if by == "random" else group_keys(examples)
        y, groups = (np.unique(names[index], return_inverse=True)[1] for names in (rarest, keys))
        return cls(index, y, groups)

    def pinned(self, members: np.ndarray) -> np.ndarray:
        """Return a mask of the members whose group is the only one of a label, which must stay in train."""
        pairs = np.unique(np.stack([self.y[members], self.groups[members]]), axis=1)
        labels, n_groups = np.unique(pairs[0], return_counts=True)
        only = pairs[1, np.isin(pairs[0], labels[n_groups == 1])]
        return np.isin(self.groups[members], only)


def _cut(pool: _Pool, members: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Cut off about ``share`` of the members and return (rest, cut). The cut is empty if there are too few groups."""
    y, groups = pool.y[members], pool.groups[members]
    free = np.flatnonzero(~pool.pinned(members))
    most = _most_folds(y[free], groups[free])
    if share <= 0 or most < 2:
        return members, members[:0]
    share = min(share * len(members) / len(free), 1.0)
    n_folds = Fraction(share).limit_denominator(max(_MAX_FOLDS, round(1 / share))).denominator
    n_folds = max(min(n_folds, most), 2)
    n_cut = min(max(round(share * n_folds), 1), n_folds - 1)
    folds = [free[fold] for fold in _folds(y[free], groups[free], n_folds, seed)]
    cut = np.zeros(len(members), dtype=bool)
    for _ in range(n_cut):
        # The fold with the most labels that are missing in the cut: rare labels are in some folds only.
        news = [len(np.setdiff1d(y[fold], y[cut])) for fold in folds]
        cut[folds.pop(int(np.argmax(news)))] = True
    for label in np.unique(y[cut]):
        if label not in y[~cut]:  # all of its groups were cut: return one to train
            cut &= groups != groups[cut & (y == label)][0]
    return members[~cut], members[cut]


def _folds(y: np.ndarray, groups: np.ndarray, k: int, seed: int) -> list[np.ndarray]:
    """Return the test splits of a stratified k-fold that keeps groups whole."""
    alone = len(np.unique(groups)) == len(groups)
    kind = StratifiedKFold if alone else StratifiedGroupKFold
    with warnings.catch_warnings():
        # Expected for rare labels: they are in some folds only, and Split.method names them.
        warnings.filterwarnings("ignore", "The least populated class in y", UserWarning)
        splitter = kind(k, shuffle=True, random_state=seed)
        return [test for _, test in splitter.split(np.zeros(len(y)), y, None if alone else groups)]


def _most_folds(y: np.ndarray, groups: np.ndarray) -> int:
    """Return the largest number of folds: scikit-learn needs one group per fold, and one label in all folds."""
    return min(len(np.unique(groups)), int(np.bincount(y).max())) if len(y) else 0


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
    _check_labels([e for e in examples if e.split])
    words = ["published split"]
    train, valid = np.array(splits["train"], dtype=int), np.array(splits["valid"], dtype=int)
    if valid_size and len(train) and not len(valid):
        pool = _Pool.of([examples[i] for i in train], "group")
        rest, cut = _cut(pool, np.arange(len(train)), valid_size, seed)
        train, valid = train[pool.index[rest]], train[pool.index[cut]]
        words.append(f"valid cut from train, groups kept whole, seed {seed}")
    if n_left_out:
        words.append(f"{n_left_out} examples without a split left out")
    return _described(examples, [(train, valid, splits["test"])], words)[0]


def _words(examples: Sequence[Example], by: By, what: str, seed: int) -> list[str]:
    n_groups = len({e.group for e in examples if e.group})
    if not n_groups:
        return [f"stratified random {what}, seed {seed}", NO_GROUPS]
    if by == "random":
        return [f"stratified random {what} without regard to groups, seed {seed}"]
    return [f"stratified {what}, {n_groups} groups kept whole, seed {seed}"]


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
            words.append(f"labels without an example in {name}{_some(sorted(learned - there))}")
    unlearned = set().union(*(labels(s.valid + s.test) - labels(s.train) for s in splits if s.train))
    if unlearned:
        words.append(f"labels measured but not in train{_some(sorted(unlearned))}")
    measured = [(s.test, s.train + s.valid) if s.test else (s.valid, s.train) for s in splits]
    separated = set().union(*(groups(part) & groups(seen) for part, seen in measured))
    if separated:
        n_measured = len(groups(i for part, _ in measured for i in part))
        words.append(
            "the numbers are inflated because parts of the same group were used for learning and measuring "
            f"({len(separated)} of the {n_measured} groups measured)"
        )
    return tuple(replace(split, method="; ".join(words), inflated=bool(separated)) for split in splits)


def _rising(positions: Iterable[int]) -> tuple[int, ...]:
    return tuple(sorted(int(i) for i in positions))


def _some(names: Sequence[str], most: int = 5) -> str:
    """Return ': a, b, c and 7 more', or nothing."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f": {', '.join(names[:most])}{more}" if names else ""


def _check_by(by: str, allowed: Sequence[str]) -> None:
    if by not in allowed:
        raise UsageError(f"A split by {by!r} is not known here; allowed are {', '.join(allowed)}.")


def _check_labels(examples: Sequence[Example]) -> None:
    unlabelled = [e.id for e in examples if not e.labels]
    if unlabelled or not examples:
        raise DatasetError(
            f"{len(unlabelled)} of {len(examples)} examples to split have no label{_some(unlabelled)}.",
            "Label them or leave them out." if examples else "Pass at least one example.",
        )


def _check_sizes(test_size: float, valid_size: float) -> None:
    if not (0 <= test_size < 1 and 0 <= valid_size < 1 and test_size + valid_size < 1):
        raise UsageError(
            f"The shares of test ({test_size:g}) and valid ({valid_size:g}) must be at least 0 and together "
            "below 1.",
            "Usual are 0.2 and 0.1.",
        )
