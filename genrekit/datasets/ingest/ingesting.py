"""Playlists into one leak-safe training table: labelled by rules, one row per track, grouped by artist."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from genrekit.datasets.base import Ambiguous
from genrekit.datasets.ingest.inputs import read
from genrekit.datasets.ingest.local import Library
from genrekit.datasets.ingest.reccobeats import BATCH, FEATURES, ReccoBeats
from genrekit.datasets.ingest.rules import LabelFrom, Rules, labels_of
from genrekit.datasets.ingest.store import Row, Store
from genrekit.datasets.ingest.writing import writing
from genrekit.errors import DatasetError, GenrekitError
from genrekit.remote import redact

MAX_NAMED = 20  # problems of one input that are named; the others are counted
HEAD = ("label", "group", "artist", "title", "album", "playlist", "isrc", "source", "track_id", "duration_ms")


@dataclass(frozen=True)
class IngestOptions:
    """Options of turning playlists into a table.

    Attributes
    ----------
    label_from : {'name', 'column', 'folder'}
        Source of the label: the name of the playlist, the genres that an entry names, the folder of the file.
    rules : Rules
    ambiguous : {'drop', 'first', 'multi'}
        Treatment of a track in playlists of several labels: left out, kept under the first, or under all.
    reccobeats : bool
        Whether features that are missing are asked for at ReccoBeats.
    match : Path, optional
        A folder of sound files; only tracks that are found there are written, with their paths.
    """

    label_from: LabelFrom = "name"
    rules: Rules = field(default_factory=Rules)
    ambiguous: Ambiguous = "drop"
    reccobeats: bool = False
    match: Path | None = None


@dataclass
class Ingested:
    """Counts of the entries by outcome.

    Attributes
    ----------
    entries, rows : int
        Read, and written.
    left_out : Counter of str
        Number of tracks or entries that were not written, by reason.
    labels : Counter of str
        Tracks by label.
    failed : list of (str, str)
        Inputs that could not be read to their end, and why.
    problems : list of (str, str)
        Entries that could not be used, and why; the first of each input.
    has_files, has_features : bool
        Content of the table that can be learnt from.
    without_features : int
        Rows that ReccoBeats has no features of, or that have no id to ask by.
    """

    entries: int = 0
    rows: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    failed: list[tuple[str, str]] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)
    has_files: bool = False
    has_features: bool = False
    without_features: int = 0


def ingest(
    inputs: Iterable[str],
    output: Path,
    options: IngestOptions | None = None,
    *,
    advance: Callable[[], None] = lambda: None,
) -> Ingested:
    """Read playlists and write a table of their tracks.

    Parameters
    ----------
    inputs : iterable of str
        Files, folders, zip archives, addresses; one that cannot be read stops none of the others.
    output : Path
        ``.csv``, ``.tsv`` or ``.parquet``; what is there is replaced.
    options : IngestOptions, optional
    advance : callable
        Called after every entry, and every sound file that is looked at.

    Returns
    -------
    Ingested

    Raises
    ------
    DatasetError
        If there is no track with a label, the output cannot be written, or ReccoBeats does not answer.
    """
    options = options or IngestOptions()
    done = Ingested()
    try:
        with Store() as store:
            for word in inputs:
                _read_one(word, store, options, done, advance)
            done.entries = store.count
            done.has_features = options.reccobeats or store.has("features")
            library = Library(options.match, advance) if options.match else None
            done.has_files = library is not None or (store.has("path") and not done.has_features)
            rows = _with_files(_chosen(store, options, done), library, done)
            if options.reccobeats:
                rows = _with_features(rows, done)
            with writing(output, _columns(done)) as table:
                for row in rows:
                    table.writerow(_cells(row, output.parent, done))
                    done.rows += 1
                    done.labels.update(row.labels)
                if not done.rows:
                    raise _nothing(done)
    except sqlite3.Error as error:
        raise DatasetError(
            f"The temporary database of the entries cannot be written: {error}.",
            "Free some space where temporary files are kept; SQLITE_TMPDIR names another folder.",
        ) from error
    return done


def _read_one(
    word: str, store: Store, options: IngestOptions, done: Ingested, advance: Callable[[], None]
) -> None:
    named, before = 0, store.count
    try:
        for entry in read(word):
            if isinstance(entry, tuple):
                done.left_out["could not be used"] += 1
                if named < MAX_NAMED:
                    named += 1
                    done.problems.append(entry)
                continue
            if entry.path and not Path(entry.path).is_file():
                entry.path = ""
            store.add(entry, labels_of(entry, options.label_from, options.rules))
            advance()
    except GenrekitError as error:
        done.failed.append((redact(word), str(error)))
        return
    if store.count == before:
        done.failed.append((redact(word), "It holds no track."))


def _chosen(store: Store, options: IngestOptions, done: Ingested) -> Iterator[Row]:
    """Return the tracks that have a label, each once."""
    for row in store.rows():
        sets = {frozenset(labels.split("|")) for labels in row.labels}
        if not sets:
            done.left_out["no label"] += 1
            continue
        if len(sets) > 1 and options.ambiguous == "drop":
            done.left_out["in playlists of several labels (--ambiguous first or multi keeps them)"] += 1
            continue
        taken = row.labels if options.ambiguous == "multi" else row.labels[:1]
        row.labels = tuple(dict.fromkeys(label for labels in taken for label in labels.split("|")))
        done.left_out["the same track again"] += row.entries - 1
        yield row


def _with_files(rows: Iterator[Row], library: Library | None, done: Ingested) -> Iterator[Row]:
    for row in rows:
        if library is not None:
            row.track.path = row.track.path or library.find(row.track)
        if done.has_files and not row.track.path:
            done.left_out["no sound file of it was found"] += 1
            continue
        yield row


def _with_features(rows: Iterator[Row], done: Ingested) -> Iterator[Row]:
    service = ReccoBeats()
    try:
        while block := list(islice(rows, BATCH)):
            wanted = {
                row.track.track_id for row in block if row.track.space == "spotify" and not row.track.features
            }
            found = service.find(sorted(wanted)) if wanted else {}
            for row in block:
                if not row.track.features:
                    row.track.features = found.get(row.track.track_id, {})
                done.without_features += not row.track.features
                yield row
    finally:
        service.close()


def _columns(done: Ingested) -> tuple[str, ...]:
    path = ("path",) if done.has_files else ()
    features = FEATURES if done.has_features and not done.has_files else ()
    return (*path, *HEAD, *features, "licence_note")


def _cells(row: Row, folder: Path, done: Ingested) -> list[str]:
    track = row.track
    cells = [
        "|".join(row.labels),
        row.group,
        track.artist,
        track.title,
        track.album,
        track.playlist,
        track.isrc,
        track.source,
        track.track_id,
        str(track.duration_ms or ""),
    ]
    if done.has_files:
        path, base = Path(track.path), folder.absolute()
        cells.insert(0, path.relative_to(base).as_posix() if path.is_relative_to(base) else track.path)
    elif done.has_features:
        cells += [track.features.get(name, "") for name in FEATURES]
    return [*cells, track.note]


def _nothing(done: Ingested) -> DatasetError:
    reasons = [f"{name}: {reason}" for name, reason in done.failed[:3]]
    reasons += [f"{count:,} left out: {reason}" for reason, count in done.left_out.items() if count]
    return DatasetError(f"There is no track to write. {' '.join(reasons)}".rstrip(), "Nothing was written.")
