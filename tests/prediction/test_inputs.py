import os

import pytest

from genrekit.prediction.inputs import Input, expand
from genrekit.types import Modality


@pytest.fixture
def library(tmp_path, monkeypatch):
    for name in ("b/2.wav", "b/cover.jpg", "a.mp3", "notes.txt", "table.csv", ".hidden.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(*words, **options):
    return [(found.name, found.error) for found in expand(words, **options)]


def test_a_folder_is_the_media_below_it(library):
    assert names(".") == [("a.mp3", None), ("b/2.wav", None), ("b/cover.jpg", None)]
    assert names(library, kinds={Modality.AUDIO, Modality.TABLE}) == [
        (str(library / "a.mp3"), None),
        (str(library / "b/2.wav"), None),
    ]


def test_named_files_are_always_inputs_in_the_order_given(library):
    assert names("table.csv", "notes.txt", "missing.wav", "a.mp3") == [
        ("table.csv", None),
        ("notes.txt", None),
        ("missing.wav", None),
        ("a.mp3", None),
    ]


def test_patterns(library):
    assert names("*/*.wav") == [("b/2.wav", None)]
    assert names("**/*.wav") == [("b/2.wav", None)]
    assert names("*.ogg") == [("*.ogg", "no file matches the pattern")]


def test_a_file_whose_name_looks_like_a_pattern_is_a_file(library):
    (library / "[live] song?.wav").touch()
    assert names("[live] song?.wav") == [("[live] song?.wav", None)]


def test_words_that_mean_nothing_are_not_lost(library):
    assert names("empty") == [("empty", "the folder holds no audio file or picture")]


def test_expansion_is_lazy(library):
    def words():
        yield "a.mp3"
        raise AssertionError("pulled too far")

    assert next(expand(words())) == Input("a.mp3", library.joinpath("a.mp3").relative_to(library))


def test_names_that_are_not_utf8(library):
    odd = os.fsdecode(b"caf\xe9.wav")
    (library / "b" / odd).touch()
    assert (f"b/{odd}", None) in names("b")
