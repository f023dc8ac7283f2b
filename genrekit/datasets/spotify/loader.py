"""A table of Spotify audio features as labelled tracks, cleaned and grouped."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from genrekit.datasets.base import Ambiguous, Dataset
from genrekit.datasets.genres import KEEP_SEVERAL, Genres
from genrekit.datasets.label_column import choose_label_column
from genrekit.datasets.names import Groups, read_split
from genrekit.datasets.spotify.cleaning import clean, same_tracks, were_left_out
from genrekit.datasets.spotify.columns import LABELS, SUBGENRES, Roles, first_artist
from genrekit.errors import DatasetError
from genrekit.features import NO_FEATURE, SPOTIFY_COLUMNS, SpotifyTable, Values, as_text, understand
from genrekit.tables import Table
from genrekit.text import known, printable, quote_all
from genrekit.types import Example, Modality

_WHY = {
    "unreadable": "not readable",
    "bad_value": "a value that is not a number or out of range",
    "no_feature": "no audio feature",
    "no_label": "no label",
    "several": "more than one genre in a cell; --ambiguous first or multi keeps them",
}
_NO_ID = re.compile(r"row \d+")
# Features that nearly all rows have identify rows, if there are enough of them.
_NEARLY_ALL, _ENOUGH_COLUMNS = 0.99, 5


@dataclass
class _Rows:
    """Rows of a table that were read so far."""

    numbers: list[int] = field(default_factory=list)
    values: Values = field(default_factory=lambda: np.empty((0, len(SPOTIFY_COLUMNS))))
    texts: dict[str, list[str]] = field(default_factory=dict)
    errors: dict[int, str] = field(default_factory=dict)
    unreadable: list[tuple[int, str]] = field(default_factory=list)

    def column(self, name: str | None) -> list[str]:
        """Return the text of a column; empty if there is no such column."""
        return [""] * len(self.numbers) if name is None else self.texts.get(name, [])


def open_spotify(
    source: str, opened: Table, *, ambiguous: Ambiguous = "drop", require_labels: bool = True
) -> Dataset:
    """Read a table of Spotify audio features and clean it.

    Rows with the same id, or without ids the same artist and name, are one track, and so are rows with all
    equal 13 features: one recording that was released twice. A track is taken once; if it is listed under more
    than one genre, ``ambiguous`` decides. A table that names no tracks keeps all of its rows; only 'multi' joins
    those with the same features. The group is the column ``group``, else the first artist, else the rows with the
    same features.

    Parameters
    ----------
    source : str
        The source as given.
    opened : Table
        A table with at least seven of the 13 features.
    ambiguous : {'drop', 'first', 'multi'}
        Treatment of a track with more than one genre: no row, its first row, or one row with all genres.
    require_labels : bool
        Whether rows without a label are left out, and a table without a label column refused.

    Returns
    -------
    Dataset
        Rows of the 13 features, NaN where missing. Every row left out has its reason in ``left_out``,
        ``removed`` has the counts, ``notes`` a summary.

    Raises
    ------
    DatasetError
        If there is no label column, too few features, no usable row, or a word in the split column that is
        not a split.
    UsageError
        If ``ambiguous`` is another word.
    """
    roles = Roles(opened.columns)
    if require_labels and roles.label is None:
        raise DatasetError(
            f"{printable(source)} has Spotify's audio features but no label column; it has the columns "
            f"{quote_all(filter(str.strip, opened.columns), limit=30)}.",
            f"Name the column of genres 'label' or 'genre'. Known are {quote_all(LABELS + SUBGENRES)}.",
        )
    table, rows = _collect(opened, roles)
    if require_labels and roles.label is not None:
        roles.label = choose_label_column(source, roles.labels, rows.column, opened.columns)
    genres = Genres(ambiguous)
    read = [genres.read(text) for text in rows.column(roles.label)]
    labels = [reading.labels for reading in read]
    reasons = {
        i: ("no_feature" if text == NO_FEATURE else "bad_value", text) for i, text in rows.errors.items()
    }
    if require_labels:
        for i, (_, problem, several) in enumerate(read):
            if problem:
                reasons.setdefault(i, ("several" if several else "no_label", problem))
    fit = [i for i in range(len(labels)) if i not in reasons]
    alike = _alike(rows.values)
    tracks = _tracks(rows, roles) or [alike if ambiguous == "multi" else range(len(alike))]
    cleaned = clean(
        same_tracks(*([key[i] for i in fit] for key in tracks)),
        [labels[i] for i in fit],
        [rows.numbers[i] for i in fit],
        ambiguous=ambiguous,
    )
    reasons |= {fit[k]: reason for k, reason in cleaned.left_out.items()}
    left_out = [(number, "unreadable", text) for number, text in rows.unreadable]
    left_out += [(rows.numbers[i], kind, text) for i, (kind, text) in reasons.items()]
    left_out.sort(key=lambda entry: entry[0])
    if table is None or not cleaned.labels:
        first = "; ".join(f"row {number} {text}" for number, _, text in left_out[:3])
        raise DatasetError(
            f"{printable(source)} has no usable row"
            + (f": {first}." if first else " below its column names."),
            KEEP_SEVERAL
            if left_out and all(kind == "several" for _, kind, _ in left_out)
            else "A row needs a label, a number in at least one feature column, and no value out of range.",
        )
    examples = _examples(source, rows, roles, alike, {fit[k]: found for k, found in cleaned.labels.items()})
    removed = Counter(kind for _, kind, _ in left_out)
    counts = [were_left_out(removed[kind], why) for kind, why in _WHY.items() if removed[kind]]
    return Dataset(
        source,
        "spotify",
        Modality.TABLE,
        tuple(examples),
        tuple((f"row {number}", text) for number, _, text in left_out),
        (*opened.notes, *table.notes, *roles.notes(), *counts, *cleaned.notes, *genres.notes()),
        dict(removed),
    )


def _collect(opened: Table, roles: Roles) -> tuple[SpotifyTable | None, _Rows]:
    """Read all frames; the first with rows determines how features are read."""
    rows, table = _Rows(), None
    blocks = [rows.values]
    for frame in opened.frames():
        rows.unreadable += frame.broken
        if not frame.table.num_rows:
            continue
        if table is None:
            table = understand(frame.table)
            rows.texts = {column: [] for column in roles.wanted(table.columns.values())}
        read = table.read(frame.table, frame.numbers)
        rows.errors |= {len(rows.numbers) + i: text for i, text in read.errors.items()}
        rows.numbers += read.numbers.tolist()
        blocks.append(read.values)
        for column, cells in rows.texts.items():
            # Text from Arrow is valid UTF-8, so that every terminal and file can represent it.
            cells += as_text(frame.table.column(column)).fill_null("").to_pylist()
    rows.values = np.concatenate(blocks)
    return table, rows


def _alike(values: Values) -> list[bytes]:
    """Return keys that are equal for rows with the same features, ignoring features that are often missing."""
    columns = (~np.isnan(values)).mean(axis=0) >= _NEARLY_ALL if len(values) else np.zeros(0, dtype=bool)
    return _bytes(values[:, columns] if columns.sum() >= _ENOUGH_COLUMNS else values)


def _bytes(values: Values) -> list[bytes]:
    # -0.0 and 0.0 are equal, with different bits.
    block = np.ascontiguousarray(values + 0.0)
    width = block.shape[1] * block.itemsize
    data = block.tobytes()
    return [data[at : at + width] for at in range(0, len(data), width)]


def _tracks(rows: _Rows, roles: Roles) -> list[Sequence[Hashable | None]]:
    """Return two keys for the track of every row; empty if the table names no tracks."""
    names: list[Hashable | None] = [None] * len(rows.numbers)
    title, artist = (next(iter(columns), None) for columns in (roles.tracks, roles.artists))
    if title is not None and artist is not None:
        pairs = zip(rows.column(artist), rows.column(title), strict=True)
        folded = ((known(a).casefold(), known(t).casefold()) for a, t in pairs)
        names = [pair if all(pair) else None for pair in folded]
    for column in reversed(roles.ids):
        ids = map(known, rows.column(column))
        names = [(column, text) if text else name for text, name in zip(ids, names, strict=True)]
    if not any(names):
        return []
    # Without these two, which have the most digits, rows may be equal by chance.
    tempo, duration_ms = (rows.values[:, SPOTIFY_COLUMNS.index(name)] for name in ("tempo", "duration_ms"))
    alike = zip(_bytes(rows.values), ~np.isnan(tempo + duration_ms), strict=True)
    return [names, [key if told else None for key, told in alike]]


def _examples(
    source: str,
    rows: _Rows,
    roles: Roles,
    alike: Sequence[bytes],
    labels_of: Mapping[int, tuple[str, ...]],
) -> list[Example]:
    ids, groups, splits = (rows.column(column) for column in (roles.id, roles.group, roles.split))
    artists = rows.column(next(iter(roles.artists), None))
    extra = {column: rows.texts[column] for column in roles.repeated(()) if column in rows.texts}
    seen: set[str] = set()
    group_of: dict[bytes, str] = {}
    named = Groups()
    examples = []
    for i, labels in labels_of.items():
        number = rows.numbers[i]
        name = known(ids[i])
        if not name or name in seen or _NO_ID.fullmatch(name):
            name = f"row {number}"
        seen.add(name)
        group = named.read(groups[i]) or first_artist(artists[i])
        # The single object math.nan makes dicts of equal rows equal.
        numbers = [math.nan if x != x else x for x in rows.values[i].tolist()]
        examples.append(
            Example(
                id=name,
                row=dict(zip(SPOTIFY_COLUMNS, numbers, strict=True)),
                labels=labels,
                group=group or group_of.setdefault(alike[i], f"features of row {number}"),
                split=read_split(splits[i], f"{printable(source)}, row {number}"),
                extra={column: cells[i] for column, cells in extra.items()},
                row_number=number,
            )
        )
    return examples
