"""Errors are words that any terminal can show."""

from __future__ import annotations

import pickle

from genrekit.errors import MediaError, UsageError
from genrekit.text import visible


def test_words_from_files_cannot_steer_a_terminal() -> None:
    error = UsageError("There is no '\x1b[2Jcaf\udce9\n'.", "Did you mean 'a\u202eb'?")
    assert error.message == r"There is no '\x1b[2Jcaf\udce9\n'."
    assert str(error).isprintable()
    assert "'a\\u202eb'" in error.hint


def test_printable_words_stay() -> None:
    assert visible("Beyoncé – 東京 🎵") == "Beyoncé – 東京 🎵"


def test_an_error_survives_the_way_between_processes() -> None:
    error = pickle.loads(pickle.dumps(MediaError("a\tb", "c")))
    assert (type(error), str(error)) == (MediaError, r"a\tb c")
