"""Which genres a file gets: what was predicted, what is there, and what the user wants of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from genrekit.errors import MediaError
from genrekit.labels import MAX_LABEL_LENGTH, canonical
from genrekit.types import Prediction


class Existing(StrEnum):
    """What becomes of the genres that a file has already."""

    KEEP = "keep"
    OVERWRITE = "overwrite"
    APPEND = "append"


class Status(StrEnum):
    """What a row says about its file."""

    WOULD_CHANGE = "would change"
    CHANGED = "changed"
    KEPT = "kept"
    SAME = "same"
    UNSURE = "unsure"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Policy:
    """How predictions become tags.

    Attributes
    ----------
    existing : Existing
    min_confidence : float in [0, 1]
        Labels with a lower score are not written.
    max_labels : int >= 1
        The most labels of one prediction that are written.
    """

    existing: Existing = Existing.KEEP
    min_confidence: float = 0.0
    max_labels: int = 1


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one input: its genres before and after, the score of the answer, and why not."""

    input: str
    status: Status
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    score: float | None = None
    error: str | None = None


def chosen(prediction: Prediction, policy: Policy) -> tuple[str, ...]:
    """The labels of a prediction that are worth writing, best first.

    Several are the labels of a multi-label answer, and, where ``min_confidence`` is above 0, others whose score
    reaches it. Without that bound the second best of a single-label answer is only what is left over.

    Raises
    ------
    MediaError
        If a label is not fit for a tag: empty, longer than 200 characters, or not printable.
    """
    if prediction.label is None:
        return ()
    scores = dict(prediction.scores)
    if prediction.score is not None:
        scores[prediction.label] = prediction.score
    names = [prediction.label, *prediction.labels]
    if policy.min_confidence > 0:
        names += scores
    sure = [name for name in dict.fromkeys(names) if scores.get(name, 0.0) >= policy.min_confidence]
    for name in sure[: policy.max_labels]:
        if not name.strip() or len(name) > MAX_LABEL_LENGTH or not name.isprintable():
            raise MediaError(f"The label {name[:MAX_LABEL_LENGTH]!r} is not fit for a tag.")
    return tuple(sure[: policy.max_labels])


def planned(
    before: Sequence[str], labels: Sequence[str], existing: Existing
) -> tuple[Status, tuple[str, ...]]:
    """What a file with genres ``before`` would have after; spellings of one genre count as the same.

    Examples
    --------
    >>> planned(["Hip Hop"], ["rap", "jazz"], Existing.APPEND)
    (<Status.WOULD_CHANGE: 'would change'>, ('Hip Hop', 'jazz'))
    >>> planned(["Rock"], ["jazz"], Existing.KEEP)
    (<Status.KEPT: 'kept'>, ('Rock',))
    """
    there = tuple(before)
    if not labels:
        return Status.UNSURE, there
    known = {canonical(genre) for genre in there}
    new = {canonical(label): label for label in reversed(labels)}  # the first spelling of each stays
    if known == new.keys():
        return Status.SAME, there
    if there and existing is Existing.KEEP:
        return Status.KEPT, there
    spellings = dict.fromkeys(new[canonical(label)] for label in labels)
    if there and existing is Existing.APPEND:
        joined = (*there, *(label for label in spellings if canonical(label) not in known))
        return (Status.SAME if joined == there else Status.WOULD_CHANGE), joined
    return Status.WOULD_CHANGE, tuple(spellings)
