"""From predictions to rows: each file looked at, planned and, where that is wanted, rewritten."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from genrekit.addresses import is_remote
from genrekit.errors import GenrekitError, MediaError, OutputExistsError
from genrekit.hashing import hash_file
from genrekit.tags.base import TagFile
from genrekit.tags.changes import Policy, Row, Status, chosen, planned
from genrekit.tags.formats import open_tags
from genrekit.tags.journal import Entry, Journal
from genrekit.tags.writing import check_replaceable, rewrite, target_of
from genrekit.types import Prediction

_CHANGED = "The file was changed since it was predicted."
_CHANGED_SINCE = "The file was changed since it was tagged; it is left alone."


def tag(
    predictions: Iterable[Prediction],
    policy: Policy,
    *,
    journal: Journal | None = None,
    keep_time: bool = False,
) -> Iterator[Row]:
    """Put the genres of predictions into their files, or say what that would do.

    Parameters
    ----------
    predictions : iterable of Prediction
        Of files here, with their content's hash.
    policy : Policy
    journal : Journal, optional
        Gets what was there before each change. Without one nothing is written.
    keep_time : bool
        Whether modification times stay.

    Yields
    ------
    Row
        One a prediction, in order; what cannot be done is a row with ``error``.

    Raises
    ------
    OutputExistsError
        If the journal's name is taken.
    """
    for prediction in predictions:
        try:
            yield _tag_one(prediction, policy, journal, keep_time)
        except OutputExistsError:
            raise
        except (GenrekitError, OSError) as error:
            yield _failed(prediction.id, error, prediction.score)


def undo(
    entries: Iterable[Entry], *, journal: Journal | None = None, keep_time: bool = False
) -> Iterator[Row]:
    """Put back what was in the files of a journal, or say what that would do.

    A file that is not what it was after its change is a row with ``error``; one that was never changed, since
    the run was cut short before, is a row 'same'.

    Parameters
    ----------
    entries : iterable of Entry
        From `genrekit.tags.journal.read_journal`.
    journal, keep_time
        As for `tag`: undoing can be undone.

    Yields
    ------
    Row
        One an entry.
    """
    for entry in entries:
        try:
            yield _undo_one(entry, journal, keep_time)
        except OutputExistsError:
            raise
        except (GenrekitError, OSError) as error:
            yield _failed(entry.path, error)


def _tag_one(prediction: Prediction, policy: Policy, journal: Journal | None, keep_time: bool) -> Row:
    name = prediction.id
    if prediction.error is not None:
        raise MediaError(prediction.error)
    if is_remote(name):
        raise MediaError("The input is an address; tags are only written into files here.")
    target = target_of(Path(name))
    if prediction.content is None:
        raise MediaError("The result has no sha256 of its file; 'genrekit predict -o' writes it.")
    sha256 = prediction.content.sha256
    if hash_file(target) != sha256:
        raise MediaError(_CHANGED)
    before = open_tags(target).genres
    status, after = planned(before, chosen(prediction, policy), policy.existing)
    row = Row(name, status, before, after, prediction.score)
    if status is not Status.WOULD_CHANGE:
        return row
    check_replaceable(target)
    if journal is None:
        return row

    def edit(tags: TagFile) -> None:
        tags.set_genres(after)
        if tags.genres != after:  # ID3 reads '17' and '(17)' as numbers of genres
            raise MediaError(
                f"The tag would read {', '.join(tags.genres)!r} instead of {', '.join(after)!r}."
            )

    rewrite(target, sha256, edit, journal.append, changed=_CHANGED, keep_time=keep_time)
    return replace(row, status=Status.CHANGED)


def _undo_one(entry: Entry, journal: Journal | None, keep_time: bool) -> Row:
    target = target_of(Path(entry.path))
    now, there = hash_file(target), tuple(entry.genres_before)
    if now == entry.sha256_before:
        return Row(entry.path, Status.SAME, there, there)
    if now != entry.sha256_after:
        raise MediaError(_CHANGED_SINCE)
    row = Row(entry.path, Status.WOULD_CHANGE, tuple(entry.genres_after), there)
    check_replaceable(target)
    if journal is None:
        return row
    rewrite(
        target,
        now,
        lambda tags: tags.restore(entry.before),
        journal.append,
        changed=_CHANGED_SINCE,
        keep_time=keep_time,
    )
    return replace(row, status=Status.CHANGED)


def _failed(name: str, error: GenrekitError | OSError, score: float | None = None) -> Row:
    words = str(error) if isinstance(error, GenrekitError) else error.strerror or str(error)
    return Row(name, Status.ERROR, score=score, error=words)
