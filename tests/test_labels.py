import pytest
from hypothesis import given
from hypothesis import strategies as st

from genrekit.labels import GenreNames, canonical, display_name, known_spellings, normalise, same_genre


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


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        (("hiphop", "hip-hop", "hip hop", "hip_hop"), "Hip-Hop"),
        (("rnb", "r&b", "r'n'b"), "R&B"),
        (("drum and bass", "dnb", "drum'n'bass"), "Drum & Bass"),
        (("rock and roll", "rock & roll"), "Rock & Roll"),
        (("trip-hop", "triphop", "trip_hop"), "Trip-Hop"),
        (("k-pop", "kpop"), "K-Pop"),
        (("old-time / historic",), "Old-Time / Historic"),
        (("uk garage",), "UK Garage"),
        (("idm",), "IDM"),
        (("80s",), "80s"),
        (("children's music",), "Children's Music"),
        (("música popular",), "Música Popular"),
        (("songs of the sea",), "Songs of the Sea"),
        (("Mine own",), "Mine own"),
        (("",), ""),
        (("bossa nova", "bossanova", "bossa-nova"), "Bossa Nova"),
    ],
)
def test_genres_as_people_write_them(labels, name):
    assert {display_name(label) for label in labels} == {name}


@pytest.mark.parametrize("label", known_spellings())
def test_a_display_name_is_a_spelling_of_its_label(label):
    assert canonical(display_name(label)) == canonical(label)


@given(st.text(), st.dictionaries(st.text(), st.text(), max_size=3))
def test_a_display_name_stays_as_it_is_and_a_map_never_fails(label, own):
    assert display_name(display_name(label)) == display_name(label)
    names = GenreNames(own)
    assert isinstance(names(label), str)
    for key, name in own.items():
        assert names(key) in (name, *own.values(), display_name(key))
