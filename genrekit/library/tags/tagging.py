"""Tagging of files from predictions: each file is read, its change planned and, if requested, written."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from genrekit.errors import GenrekitError, MediaError, OutputExistsError
from genrekit.hashing import hash_file
from genrekit.library.identity import CHANGED, same_song
from genrekit.library.tags.base import TagFile
from genrekit.library.tags.changes import Change, Policy, Status, TagRow, planned, wanted
from genrekit.library.tags.formats import open_tags
from genrekit.library.tags.journal import Entry, Journal
from genrekit.library.tags.writing import check_replaceable, rewrite, target_of
from genrekit.remote import is_remote
from genrekit.types import Prediction

_CHANGED_SINCE = "The file was changed since it was tagged; it is left alone."


def tag(
    predictions: Iterable[Prediction],
    policy: Policy,
    *,
    journal: Journal | None = None,
    keep_time: bool = False,
) -> Iterator[TagRow]:
    """Write predicted genres and measured properties into the files, or report what would change.

    Parameters
    ----------
    predictions : iterable of Prediction
        Predictions of local files, with the hash of their content, and with the measured properties of the policy.
    policy : Policy
    journal : Journal, optional
        Records the earlier content of each change. Without a journal nothing is written.
    keep_time : bool
        Whether to keep modification times.

    Yields
    ------
    TagRow
        One per prediction, in order; a failure is a row with ``error``.

    Raises
    ------
    OutputExistsError
        If the journal's name is taken.
    """
    written: dict[Path, Entry] = {}  # a link and its target are one file
    for prediction in predictions:
        try:
            yield _tag_one(prediction, policy, journal, keep_time, written)
        except OutputExistsError:
            raise
        except (GenrekitError, OSError) as error:
            yield _failed(prediction.id, error, prediction.score)


def undo(
    entries: Iterable[Entry],
    *,
    root: Path | None = None,
    journal: Journal | None = None,
    keep_time: bool = False,
) -> Iterator[TagRow]:
    """Restore the files of a journal, or report what would change.

    A file that is not what it was after its change is a row with ``error``; one that has its old values already,
    undone before or never changed, is a row 'same'.

    Parameters
    ----------
    entries : iterable of Entry
        From `genrekit.library.tags.journal.read_journal`.
    root : Path, optional
        Folder of the library if it was moved: a file is looked for by as much of the end of its path as is there.
    journal, keep_time
        As for `tag`: an undo can be undone.

    Yields
    ------
    TagRow
        One per entry.
    """
    for entry in entries:
        try:
            place = moved(Path(entry.path), root) if root else Path(entry.path)
            yield _undo_one(replace(entry, path=str(place)), journal, keep_time)
        except OutputExistsError:
            raise
        except (GenrekitError, OSError) as error:
            yield _failed(entry.path, error)


def _tag_one(
    prediction: Prediction,
    policy: Policy,
    journal: Journal | None,
    keep_time: bool,
    written: dict[Path, Entry],
) -> TagRow:
    name = prediction.id
    if prediction.error is not None:
        raise MediaError(prediction.error)
    if is_remote(name):
        raise MediaError("The input is an address; tags are only written into files here.")
    target = target_of(Path(name))
    sha256 = hash_file(target)
    earlier = written.get(target)
    if earlier is None or sha256 != earlier.sha256_after:
        earlier = None
    first = earlier.sha256_before if earlier else sha256
    # Predictions come one by one: this one may have been made before or after the file was tagged under another name.
    seen_now = prediction.content is not None and prediction.content.sha256 == sha256
    same_song(target, prediction.content, sha256 if seen_now else first)
    words = wanted(prediction, policy)
    tags = open_tags(target)
    changes = {
        field: planned(field, tags.values(field), new, policy.existing, policy.names)
        for field, new in words.items()
    }
    row = TagRow(name, changes, prediction.score)
    pending = row.pending
    if not pending:
        return row
    check_replaceable(target)
    if journal is None:
        return row

    def edit(tags: TagFile) -> None:
        for field, change in pending.items():
            tags.put(field, change.after)
            found = tags.values(field)
            if found != change.after:  # ID3 reads '17' and '(17)' as genre numbers
                raise MediaError(
                    f"The tag would read {', '.join(found)!r} instead of {', '.join(change.after)!r}."
                )

    entry = rewrite(target, sha256, pending, edit, journal.append, changed=CHANGED, keep_time=keep_time)
    written[target] = replace(entry, sha256_before=first)
    return _written(row)


def _undo_one(entry: Entry, journal: Journal | None, keep_time: bool) -> TagRow:
    target = target_of(Path(entry.path))
    now = hash_file(target)
    if now == entry.sha256_before:
        return _there(entry)
    if now != entry.sha256_after:
        tags = open_tags(target)
        if all(tags.values(field) == old for field, (old, _) in entry.values.items()):
            return _there(entry)  # undone already; the bytes around the tags need not be the same
        raise MediaError(_CHANGED_SINCE)
    back = {field: Change(Status.WOULD_CHANGE, new, old) for field, (old, new) in entry.values.items()}
    row = TagRow(entry.path, back)
    check_replaceable(target)
    if journal is None:
        return row
    rewrite(
        target,
        now,
        back,
        lambda tags: tags.restore(entry.before),
        journal.append,
        changed=_CHANGED_SINCE,
        keep_time=keep_time,
    )
    return _written(row)


def moved(path: Path, root: Path) -> Path:
    """Return where a file is below another folder, by the longest end of its path that is there.

    Parameters
    ----------
    path : Path
        Path that the file had, absolute or not.
    root : Path
        The folder to search.

    Returns
    -------
    Path
        ``root`` joined with the longest end of ``path`` that exists there.

    Raises
    ------
    MediaError
        If not even its name is there.
    """
    parts = path.parts[1:] if path.anchor else path.parts
    if ".." in parts:
        parts = parts[len(parts) - parts[::-1].index("..") :]
    places = (root.joinpath(*parts[start:]) for start in range(len(parts)))
    found = next((place for place in places if os.path.lexists(place)), None)
    if found is None:
        raise MediaError(f"There is no such file below {root}.")
    return found


def _there(entry: Entry) -> TagRow:
    """Return the row of a file that has the old values already."""
    return TagRow(
        entry.path,
        {field: Change(Status.SAME, values, values) for field, (values, _) in entry.values.items()},
    )


def _written(row: TagRow) -> TagRow:
    return replace(row, changes={field: change.done() for field, change in row.changes.items()})


def _failed(name: str, error: GenrekitError | OSError, score: float | None = None) -> TagRow:
    words = str(error) if isinstance(error, GenrekitError) else error.strerror or str(error)
    return TagRow(name, score=score, error=words)
