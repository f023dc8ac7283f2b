import pytest
from hypothesis import given
from hypothesis import strategies as st

from genrekit.labels import canonical, normalise, same_genre


@given(st.text())
def test_normalising_and_canonical_names_are_idempotent(text):
    assert normalise(normalise(text)) == normalise(text)
    assert canonical(canonical(text)) == canonical(text)


@pytest.mark.parametrize(
    ("spellings", "name"),
    [
        (("Hip-Hop", "hiphop", "HIP HOP", "hip_hop", "rap"), "hip-hop"),
        (("R&B", "r-n-b", "RnB"), "r&b"),
        (("Dance/Electronic", "EDM", "electronic"), "electronic"),
        (("  Rock ",), "rock"),
        (("zydeco",), "zydeco"),
    ],
)
def test_spellings_meet(spellings, name):
    assert {canonical(spelling) for spelling in spellings} == {name}


def test_only_groups_of_two_or_more_are_the_same_genre():
    assert same_genre(["rap", "hiphop", "jazz"]) == {"hip-hop": ("rap", "hiphop")}
