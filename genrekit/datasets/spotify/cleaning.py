"""Repeated tracks, and tracks with more than one genre: what is kept, and notes on it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from genrekit.datasets.base import Ambiguous
from genrekit.datasets.genres import check_ambiguous
from genrekit.text import quote_all


@dataclass(frozen=True)
class Cleaned:
    """Result of cleaning rows.

    Attributes
    ----------
    labels : Mapping of int to tuple of str
        The index of every row that is kept, in order, with its labels.
    left_out : Mapping of int to (str, str)
        The index of every other row, with 'repeated', 'ambiguous' or 'merged' and the reason in words.
    notes : tuple of str
        Removed rows, as sentences with counts.
    """

    labels: Mapping[int, tuple[str, ...]]
    left_out: Mapping[int, tuple[str, str]]
    notes: tuple[str, ...]


def clean(
    tracks: Sequence[Hashable],
    labels: Sequence[tuple[str, ...]],
    numbers: Sequence[int],
    *,
    ambiguous: Ambiguous = "drop",
) -> Cleaned:
    """Keep one row per track.

    Parameters
    ----------
    tracks : sequence of hashable
        Keys that are equal for rows of the same track, as `same_tracks` returns them.
    labels : sequence of tuple of str
        The labels of every row; a row without labels agrees with every other.
    numbers : sequence of int
        The row numbers, for the reasons.
    ambiguous : {'drop', 'first', 'multi'}
        Treatment of a track whose rows have different labels.

    Raises
    ------
    UsageError
        If ``ambiguous`` is another word.

    Examples
    --------
    >>> clean("aab", [("pop",), ("rock",), ("jazz",)], [2, 3, 4], ambiguous="multi").labels
    {0: ('pop', 'rock'), 2: ('jazz',)}
    """
    check_ambiguous(ambiguous)
    rows_of: dict[Hashable, list[int]] = defaultdict(list)
    for i, track in enumerate(tracks):
        rows_of[track].append(i)
    kept: dict[int, tuple[str, ...]] = {}
    left_out: dict[int, tuple[str, str]] = {}
    several = 0
    for rows in rows_of.values():
        first, *others = rows
        sets = list(dict.fromkeys(frozenset(labels[i]) for i in rows if labels[i]))
        chosen = next((labels[i] for i in rows if labels[i]), ())
        several += len(sets) > 1
        if len(sets) > 1 and ambiguous == "drop":
            names = quote_all(sorted(frozenset().union(*sets)))
            left_out.update((i, ("ambiguous", f"is a track with more than one genre: {names}")) for i in rows)
            continue
        if ambiguous == "multi":
            chosen = tuple(dict.fromkeys(label for i in rows for label in labels[i]))
        kept[first] = chosen
        for i in others:
            reason = "repeated" if not labels[i] or frozenset(labels[i]) == sets[0] else _SECOND[ambiguous]
            left_out[i] = reason, f"{_WORDS[reason]} of row {numbers[first]}"
    counts = Counter(reason for reason, _ in left_out.values())
    return Cleaned(dict(sorted(kept.items())), dict(sorted(left_out.items())), tuple(_notes(counts, several)))


def same_tracks(*keys: Sequence[Hashable | None]) -> list[int]:
    """Join rows that agree in at least one key.

    Parameters
    ----------
    *keys : sequence of hashable or None
        One key per row; None agrees with nothing.

    Returns
    -------
    list of int
        For every row, the index of the first row of its track.

    Examples
    --------
    >>> same_tracks(["x", "y", "x", None], [1, 2, 3, 2])
    [0, 1, 0, 1]
    """
    first = list(range(len(keys[0])))

    def find(i: int) -> int:
        while first[i] != i:
            first[i] = first[first[i]]
            i = first[i]
        return i

    for key in keys:
        seen: dict[Hashable, int] = {}
        for i, value in enumerate(key):
            if value is not None:
                one, other = find(seen.setdefault(value, i)), find(i)
                first[max(one, other)] = min(one, other)
    return [find(i) for i in range(len(first))]


def were_left_out(count: int, why: str) -> str:
    """Return a note that some rows were left out.

    Examples
    --------
    >>> were_left_out(1, "no label"), were_left_out(1200, "no label")
    ('1 row was left out: no label', '1,200 rows were left out: no label')
    """
    return f"{count:,} {'row was' if count == 1 else 'rows were'} left out: {why}"


_SECOND = {"first": "ambiguous", "multi": "merged"}
_WORDS = {
    "repeated": "repeats the track",
    "ambiguous": "has another genre for the track",
    "merged": "was joined to the same track",
}


def _notes(counts: Mapping[str, int], several: int) -> list[str]:
    """Return notes on what was left out; ``several`` is the number of tracks with more than one genre."""
    tracks = f"{several:,} track{' has' if several == 1 else 's have'} more than one genre"
    notes = []
    if repeated := counts.get("repeated"):
        notes.append(were_left_out(repeated, "the same track again"))
    if merged := counts.get("merged"):
        notes.append(f"{tracks} and kept all of them; {were_left_out(merged, 'joined to the first')}")
    if ambiguous := counts.get("ambiguous"):
        notes.append(were_left_out(ambiguous, f"{tracks}; --ambiguous drop, first or multi decides on them"))
    return notes
