import pytest
from hypothesis import given
from hypothesis import strategies as st

from genrekit.labels import canonical
from genrekit.library.tags.changes import Existing, Policy, Status, chosen, planned
from genrekit.library.tags.fields import Field
from genrekit.types import Prediction

GENRES = st.lists(
    st.sampled_from(["rock", "Rock", "hip hop", "Rap", "jazz", "EDM", "zydeco"]), max_size=4, unique=True
)


@given(GENRES, GENRES, st.sampled_from(Existing))
def test_planned(before, labels, existing):
    change = planned(Field.GENRE, before, labels, existing)
    status, after = change.status, change.after
    assert list(change.before) == before
    spelt = [canonical(genre) for genre in after]
    if status is Status.WOULD_CHANGE:
        assert {canonical(label) for label in labels} <= set(spelt)
        assert list(after) != before
    else:
        assert list(after) == before
    if existing is Existing.APPEND:
        assert list(after[: len(before)]) == before
        assert not {canonical(genre) for genre in before} & set(spelt[len(before) :])
    if before and existing is Existing.KEEP:
        assert list(after) == before


def test_append_gives_no_genre_twice_even_among_new_ones():
    assert planned(Field.GENRE, ["Rock"], ["rap", "hip hop"], Existing.APPEND).after == ("Rock", "rap")
    assert planned(Field.GENRE, [], ["rap", "hip hop"], Existing.OVERWRITE).after == ("rap",)


SINGLE = Prediction(
    "a", label="rock", score=0.6, labels=("rock",), scores=(("rock", 0.6), ("pop", 0.3), ("folk", 0.1))
)
SEVERAL = Prediction(
    "a", label="rock", score=0.9, labels=("rock", "pop"), scores=(("rock", 0.9), ("pop", 0.7))
)


@pytest.mark.parametrize(
    ("prediction", "policy", "labels"),
    [
        (SINGLE, Policy(), ("rock",)),
        (SINGLE, Policy(min_confidence=0.7), ()),
        (SINGLE, Policy(max_labels=3), ("rock",)),
        (SINGLE, Policy(min_confidence=0.2, max_labels=3), ("rock", "pop")),
        (SEVERAL, Policy(), ("rock",)),
        (SEVERAL, Policy(max_labels=2), ("rock", "pop")),
        (SEVERAL, Policy(min_confidence=0.8, max_labels=2), ("rock",)),
        (Prediction("a", score=0.4, scores=(("rock", 0.4),)), Policy(), ()),
    ],
)
def test_chosen(prediction, policy, labels):
    assert chosen(prediction, policy) == labels
