"""Changes of tags: from predictions, existing values and the policy of the user to new values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from genrekit.errors import MediaError
from genrekit.labels import MAX_LABEL_LENGTH, GenreNames
from genrekit.library.tags.fields import Field, comparable, measured
from genrekit.types import Prediction


class Existing(StrEnum):
    """Treatment of existing values; with APPEND, all but genres are kept."""

    KEEP = "keep"
    OVERWRITE = "overwrite"
    APPEND = "append"


class Status(StrEnum):
    """Status of a field, and of a file: the first of these among its fields."""

    ERROR = "error"
    CHANGED = "changed"
    WOULD_CHANGE = "would change"
    KEPT = "kept"
    UNSURE = "unsure"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules for writing predictions into tags.

    Attributes
    ----------
    existing : Existing
    min_confidence : float in [0, 1]
        Labels with a lower score are not written.
    max_labels : int >= 1
        Largest number of labels per prediction.
    measured : tuple of Field
        Further fields to write: tempo, key or both.
    field : Field
        Field for labels: genre, grouping or comment. The last two receive one text, the labels separated by commas.
    names : GenreNames, optional
        Names that are written for labels; the labels themselves unless given. Where an existing value is another spelling of the genre, it is replaced only
        with OVERWRITE by a name that the user chose.
    """

    existing: Existing = Existing.KEEP
    min_confidence: float = 0.0
    max_labels: int = 1
    measured: tuple[Field, ...] = ()
    field: Field = Field.GENRE
    names: GenreNames | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """Change of one field: status, and values before and after."""

    status: Status
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()

    def done(self) -> Change:
        """Return the same change after the file was written."""
        return replace(self, status=Status.CHANGED) if self.status is Status.WOULD_CHANGE else self


@dataclass(frozen=True, slots=True)
class TagRow:
    """Outcome for one input: changes of its fields, score of the genre, and error."""

    input: str
    changes: Mapping[Field, Change] = field(default_factory=dict)
    score: float | None = None
    error: str | None = None

    @property
    def status(self) -> Status:
        """Status of the file."""
        if self.error is not None:
            return Status.ERROR
        found = {change.status for change in self.changes.values()}
        return next(status for status in Status if status in found)

    @property
    def pending(self) -> dict[Field, Change]:
        """Return the changes that are still to be written."""
        return {f: change for f, change in self.changes.items() if change.status is Status.WOULD_CHANGE}


def chosen(prediction: Prediction, policy: Policy) -> tuple[str, ...]:
    """Return the labels of a prediction that should be written, best first.

    More than one label comes from multi-label predictions and, if ``min_confidence`` is above 0, from others whose
    scores reach it. Without that threshold, the second label of a single-label prediction is not meaningful.

    Parameters
    ----------
    prediction : Prediction
        With or without a label.
    policy : Policy
        ``min_confidence`` and ``max_labels`` are applied.

    Returns
    -------
    tuple of str
        At most ``max_labels``; empty if no label is confident enough.

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
    """Return the values to write from a prediction and its measured properties, for each field of the policy.

    Parameters
    ----------
    prediction : Prediction
        With its analysis where measured properties are written.
    policy : Policy
        Fields to write.

    Returns
    -------
    dict of Field to tuple of str
        An empty tuple where the prediction has no value for a field.

    Raises
    ------
    MediaError
        As `chosen` and `genrekit.library.tags.fields.measured`.
    """
    labels = chosen(prediction, policy)
    if policy.names:
        labels = tuple(dict.fromkeys(map(policy.names, labels)))
    if labels and policy.field is not Field.GENRE:
        labels = (", ".join(labels),)
    found = {policy.field: labels}
    return found | {one: measured(one, prediction.analysis) for one in policy.measured}


def planned(
    field: Field,
    before: Sequence[str],
    wanted: Sequence[str],
    existing: Existing,
    names: GenreNames | None = None,
) -> Change:
    """Return the change of a field with values ``before``; `genrekit.library.tags.fields.comparable` compares values.

    With OVERWRITE, another spelling of a value is replaced only by a name that the user chose.

    Parameters
    ----------
    field : Field
        The field.
    before : sequence of str
        Present values, as the file spells them.
    wanted : sequence of str
        Values to write; empty if there is none.
    existing : Existing
        Treatment of present values that differ.
    names : GenreNames or None
        The names that the user chose; None for the display names.

    Returns
    -------
    Change
        Its status says whether there is anything to write.

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
    chosen_names = {name.casefold() for name in names.own.values()} if names else set()
    respelt = existing is Existing.OVERWRITE and any(
        value.casefold() in chosen_names and value not in there for value in wanted
    )
    if known == new.keys() and not respelt:
        return Change(Status.SAME, there, there)
    if there and (existing is Existing.KEEP or (existing is Existing.APPEND and field is not Field.GENRE)):
        return Change(Status.KEPT, there, there)
    spellings = dict.fromkeys(new[comparable(field, value)] for value in wanted)
    if there and existing is Existing.APPEND:
        after = (*there, *(value for value in spellings if comparable(field, value) not in known))
        return Change(Status.SAME if after == there else Status.WOULD_CHANGE, there, after)
    return Change(Status.WOULD_CHANGE, there, tuple(spellings))
