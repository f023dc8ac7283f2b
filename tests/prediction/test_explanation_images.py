"""File names of explanation images."""

from hypothesis import given
from hypothesis import strategies as st

from genrekit.prediction.explanation_images import image_name


@given(st.text(max_size=300))
def test_a_name_is_a_plain_file_name(id_):
    name = image_name(id_)
    assert name.endswith(".png")
    assert "/" not in name
    assert not name.startswith(".")
    assert len(name.encode()) < 255
    assert name.isprintable()


def test_equal_names_of_different_folders_do_not_collide():
    assert image_name("a/song.mp3") != image_name("b/song.mp3")
    assert image_name("a/song.mp3").startswith("song.mp3.")
