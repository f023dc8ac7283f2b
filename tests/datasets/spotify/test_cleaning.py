"""One row a track."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genrekit.datasets.base import Ambiguous
from genrekit.datasets.spotify.cleaning import clean, same_tracks
from genrekit.errors import UsageError

TRACKS = ["a", "b", "a", "c", "a", "b"]
LABELS = [("pop",), ("jazz",), ("rock",), ("pop",), ("pop",), ("jazz",)]
NUMBERS = [2, 3, 4, 5, 6, 7]


def test_ambiguous_tracks_are_dropped_whole() -> None:
    cleaned = clean(TRACKS, LABELS, NUMBERS)
    assert cleaned.labels == {1: ("jazz",), 3: ("pop",)}
    assert {i: reason for i, (reason, _) in cleaned.left_out.items()} == {
        0: "ambiguous",
        2: "ambiguous",
        4: "ambiguous",
        5: "repeated",
    }
    assert cleaned.left_out[0][1] == "is a track with more than one genre: 'pop', 'rock'"
    assert cleaned.left_out[5][1] == "repeats the track of row 3"
    assert cleaned.notes == (
        "1 row was left out: the same track again",
        "3 rows were left out: 1 track has more than one genre; --ambiguous drop, first or multi decides on them",
    )


def test_ambiguous_tracks_keep_their_first_genre() -> None:
    cleaned = clean(TRACKS, LABELS, NUMBERS, ambiguous="first")
    assert cleaned.labels == {0: ("pop",), 1: ("jazz",), 3: ("pop",)}
    assert [(i, reason) for i, (reason, _) in cleaned.left_out.items()] == [
        (2, "ambiguous"),
        (4, "repeated"),
        (5, "repeated"),
    ]
    assert cleaned.left_out[2][1] == "has another genre for the track of row 2"


def test_ambiguous_tracks_get_all_genres() -> None:
    cleaned = clean(TRACKS, LABELS, NUMBERS, ambiguous="multi")
    assert cleaned.labels == {0: ("pop", "rock"), 1: ("jazz",), 3: ("pop",)}
    assert cleaned.left_out[2] == ("merged", "was joined to the same track of row 2")
    assert any("1 track has more than one genre and kept all of them" in note for note in cleaned.notes)


@pytest.mark.parametrize("ambiguous", ["drop", "first", "multi"])
def test_a_row_without_a_label_agrees_with_every_other(ambiguous: Ambiguous) -> None:
    cleaned = clean("aab", [(), ("pop",), ()], [2, 3, 4], ambiguous=ambiguous)
    assert cleaned.labels == {0: ("pop",), 2: ()}
    assert cleaned.left_out == {1: ("repeated", "repeats the track of row 2")}


def test_the_order_of_labels_in_a_cell_does_not_make_a_track_ambiguous() -> None:
    cleaned = clean("aa", [("pop", "rock"), ("rock", "pop")], [2, 3])
    assert cleaned.labels == {0: ("pop", "rock")}


def test_another_word_is_refused() -> None:
    with pytest.raises(UsageError, match=r"'keep'; allowed are 'drop', 'first', 'multi'"):
        clean("a", [("pop",)], [2], ambiguous="keep")  # type: ignore[arg-type]


def test_names_of_both_kinds_join_rows() -> None:
    assert same_tracks(["x", "y", "x", None, None, "z"], [1, 2, 3, 2, None, 3]) == [0, 1, 0, 1, 4, 0]
    assert same_tracks([None, None]) == [0, 1]


ROWS = st.lists(st.tuples(st.integers(0, 4), st.sampled_from(["pop", "rock", "jazz"])), max_size=12)


@given(ROWS, st.sampled_from(["drop", "first", "multi"]))
def test_every_row_is_kept_or_has_a_reason(rows: list[tuple[int, str]], ambiguous: Ambiguous) -> None:
    tracks, labels = [t for t, _ in rows], [(label,) for _, label in rows]
    cleaned = clean(tracks, labels, range(len(rows)), ambiguous=ambiguous)
    assert sorted([*cleaned.labels, *cleaned.left_out]) == list(range(len(rows)))
    kept = [tracks[i] for i in cleaned.labels]
    assert len(kept) == len(set(kept))
    genres = {t: {label for track, label in rows if track == t} for t in tracks}
    clear = {t for t in tracks if len(genres[t]) == 1}
    assert set(kept) == (clear if ambiguous == "drop" else set(tracks))
    if ambiguous == "multi":
        assert all(set(found) == genres[tracks[i]] for i, found in cleaned.labels.items())


@given(st.lists(st.tuples(*[st.none() | st.integers(0, 3)] * 2), max_size=10))
def test_joined_rows_are_those_that_a_chain_of_names_connects(
    rows: list[tuple[int | None, int | None]],
) -> None:
    joined = same_tracks([a for a, _ in rows], [b for _, b in rows])
    reached = [{i} for i in range(len(rows))]
    for _ in rows:
        for i, one in enumerate(rows):
            for j, other in enumerate(rows):
                if any(a is not None and a == b for a, b in zip(one, other, strict=True)):
                    reached[i] |= reached[j]
    assert joined == [min(found) for found in reached]
