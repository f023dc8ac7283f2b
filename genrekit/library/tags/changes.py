"""What the fields of a file get: what was predicted and measured, what is there, and what the user wants of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from genrekit.errors import MediaError
from genrekit.labels import MAX_LABEL_LENGTH
from genrekit.library.tags.fields import Field, comparable, measured
from genrekit.types import Prediction


class Existing(StrEnum):
    """What becomes of the values that a file has already; all but genres are kept where genres are appended."""

    KEEP = "keep"
    OVERWRITE = "overwrite"
    APPEND = "append"


class Status(StrEnum):
    """What is said about a field, and about a file: of its fields' the first of these."""

    ERROR = "error"
    CHANGED = "changed"
    WOULD_CHANGE = "would change"
    KEPT = "kept"
    UNSURE = "unsure"
    SAME = "same"


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
    measured : tuple of Field
        What is written beside the labels: of tempo and key.
    field : Field
        Where labels go: genre, grouping or comment. The last two get one text, the labels with commas between them.
    """

    existing: Existing = Existing.KEEP
    min_confidence: float = 0.0
    max_labels: int = 1
    measured: tuple[Field, ...] = ()
    field: Field = Field.GENRE


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one field: its values before and after."""

    status: Status
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()

    def done(self) -> Change:
        """The same, once the file is written."""
        return replace(self, status=Status.CHANGED) if self.status is Status.WOULD_CHANGE else self


@dataclass(frozen=True, slots=True)
class TagRow:
    """What became of one input: of each of its fields, the score of the genre, and why not."""

    input: str
    changes: Mapping[Field, Change] = field(default_factory=dict)
    score: float | None = None
    error: str | None = None

    @property
    def status(self) -> Status:
        """What became of the file."""
        if self.error is not None:
            return Status.ERROR
        found = {change.status for change in self.changes.values()}
        return next(status for status in Status if status in found)

    @property
    def pending(self) -> dict[Field, Change]:
        """The changes that are still to be written."""
        return {f: change for f, change in self.changes.items() if change.status is Status.WOULD_CHANGE}


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


def wanted(prediction: Prediction, policy: Policy) -> dict[Field, tuple[str, ...]]:
    """What a prediction and its measures are worth writing, for each field that is asked for.

    Raises
    ------
    MediaError
        As `chosen` and `genrekit.library.tags.fields.measured`.
    """
    labels = chosen(prediction, policy)
    if labels and policy.field is not Field.GENRE:
        labels = (", ".join(labels),)
    found = {policy.field: labels}
    return found | {one: measured(one, prediction.analysis) for one in policy.measured}


def planned(field: Field, before: Sequence[str], wanted: Sequence[str], existing: Existing) -> Change:
    """What becomes of a field with values ``before``; what `genrekit.library.tags.fields.comparable` calls the same, is.

    Examples
    --------
    >>> planned(Field.GENRE, ["Hip Hop"], ["rap", "jazz"], Existing.APPEND)
    Change(status=<Status.WOULD_CHANGE: 'would change'>, before=('Hip Hop',), after=('Hip Hop', 'jazz'))
    >>> planned(Field.BPM, ["120"], ["60"], Existing.KEEP)
    Change(status=<Status.KEPT: 'kept'>, before=('120',), after=('120',))
    """
    there = tuple(before)
    if not wanted:
        return Change(Status.UNSURE, there, there)
    known = {comparable(field, value) for value in there}
    new = {comparable(field, value): value for value in reversed(wanted)}  # the first spelling of each stays
    if known == new.keys():
        return Change(Status.SAME, there, there)
    if there and (existing is Existing.KEEP or (existing is Existing.APPEND and field is not Field.GENRE)):
        return Change(Status.KEPT, there, there)
    spellings = dict.fromkeys(new[comparable(field, value)] for value in wanted)
    if there and existing is Existing.APPEND:
        after = (*there, *(value for value in spellings if comparable(field, value) not in known))
        return Change(Status.SAME if after == there else Status.WOULD_CHANGE, there, after)
    return Change(Status.WOULD_CHANGE, there, tuple(spellings))
