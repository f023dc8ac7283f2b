"""Lines on stderr, as wide as its terminal."""

import pytest

from genrekit.cli.printing import wrapped


@pytest.mark.parametrize(
    ("line", "lines"),
    [
        ("genrekit: short", ["genrekit: short"]),
        ("genrekit: one of two words", ["genrekit: one of two", "words"]),
        ("  a hint that is too long for it", ["  a hint that is too", "  long for it"]),
        ("wrote /a/path/longer/than/the/line now", ["wrote", "/a/path/longer/than/the/line", "now"]),
        ("  genrekit tag --undo journal.jsonl --write", ["  genrekit tag --undo journal.jsonl --write"]),
        ("日本語の音楽 日本語の音楽", ["日本語の音楽", "日本語の音楽"]),
    ],
)
def test_a_line_is_broken_between_words(line, lines):
    assert wrapped(line, 20).split("\n") == lines


def test_what_is_piped_is_not_broken(genrekit):
    run = genrekit("predict", "x" * 120, "-m", "nosuch")
    assert run.status == 2
    assert max(map(len, run.err.splitlines())) > 80


@pytest.mark.parametrize(
    "values",
    [("--top-k", "3", "--top-k", "0"), ("--top-k=3", "--top-k=0"), ("-k3", "-k0"), ("-k", "3", "--top-k=0")],
)
def test_an_option_typed_twice_is_wrong_in_its_last_value(genrekit, values):
    run = genrekit("predict", "x.wav", *values)
    assert (run.status, "'0' is too small" in run.err) == (2, True)
