"""The one normaliser: what looks the same is the same, whatever a user or file writes."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genrekit.labels import look_alike, normalise, same_fold
from genrekit.text import MISSING_WORDS, clean, column_name, fold, is_missing, known

TEXTS = st.text(
    st.one_of(
        st.characters(exclude_categories=("Cs",)),
        st.sampled_from(
            "\u00a0\u200b\u200c\u200d\u00ad\ufeff\u0301\u0308\u2011\u3000\u2800\u202e\u180e\ufe0f\u034f\u1160 \tae"
        ),
    ),
    max_size=20,
)


@given(TEXTS)
def test_cleaning_twice_changes_nothing(text: str) -> None:
    for once in (clean, fold, known, normalise, column_name):
        assert once(once(text)) == once(text)


@given(TEXTS)
def test_composed_and_decomposed_text_are_one(text: str) -> None:
    forms = [unicodedata.normalize(form, text) for form in ("NFC", "NFD")]
    assert clean(forms[0]) == clean(forms[1])
    assert unicodedata.is_normalized("NFC", clean(text))
    assert is_missing(forms[0]) == is_missing(forms[1])


@given(TEXTS)
def test_no_white_space_is_left_but_single_spaces(text: str) -> None:
    assert clean(text).split(" ") == (clean(text).split() or [""])
    assert not any(unicodedata.category(c) == "Cc" for c in clean(text))


@pytest.mark.parametrize(
    "text",
    [
        "Hip Hop",
        "Hip\u00a0Hop",
        "\ufeffHip Hop",
        "Hip\u200b Hop",
        "Hi\u00adp Hop",
        " Hip \u3000 Hop\u2028",
        "Hip\u202fHop",
        "\u202aHip Hop\u202c",
        "Hip\x00 Hop",
        "Hip\u2800Hop",
        "H\u200cip Hop",
        "Hip Hop\ufe0f",
        "H\u034fip Hop",
    ],
)
def test_spellings_that_look_alike(text: str) -> None:
    assert clean(text) == "Hip Hop"


def test_joiners_stay_where_they_shape_words() -> None:
    persian = "\u0647\u06cc\u067e\u200c\u0647\u0627\u067e"
    assert clean(persian) == persian
    assert clean(f"\u200c{persian}\u200d") == persian


@pytest.mark.parametrize(
    "text",
    [
        *(
            "nan",
            "NaN",
            "None",
            "#N/A",
            "<NA>",
            "NULL",
            "n/a",
            "?",
            "-",
            "",
            " ",
            "\u00a0",
            "N.A.",
            "#NV",
            "nil",
        ),
        *(
            "\u2013",
            "(null)",
            "\\N",
            "#N/A N/A",
            "NA_character_",
            "NaT",
            "[]",
            "\u200b",
            "n\u200bone",
            "N\u2011A"[:1] + "A",
        ),
    ],
)
def test_words_for_missing(text: str) -> None:
    assert is_missing(text)
    assert known(text) == ""


@pytest.mark.parametrize("text", ["no wave", "nana", "non-music", "noise", "0", "1", "n/a/b", "mina"])
def test_words_that_are_not_missing(text: str) -> None:
    assert known(text) == text


def test_the_words_are_as_they_are_compared() -> None:
    assert {clean(word).casefold() for word in MISSING_WORDS} == MISSING_WORDS
    assert {
        *(
            "",
            "#n/a",
            "#n/a n/a",
            "#na",
            "-1.#ind",
            "-1.#qnan",
            "-nan",
            "1.#ind",
            "1.#qnan",
            "<na>",
            "n/a",
            "na",
        ),
        *("null", "nan", "none"),
    } <= MISSING_WORDS, "those of pandas"


def test_column_names() -> None:
    assert {column_name(text) for text in ("File Name", "\ufefffile\u00a0name", " FILE  name ")} == {
        "file_name"
    }


def test_labels_of_one_fold_and_labels_that_only_look_alike() -> None:
    assert same_fold(["rock 'n' roll", "rock \u2019n\u2019 roll", "pop"]) == [
        ("rock 'n' roll", "rock \u2019n\u2019 roll")
    ]
    assert same_fold(["m\u00fasica", "musica"]) == []
    assert look_alike(
        ["m\u00fasica", "musica", "r\u043eck", "rock", "synth-pop", "synthpop", "drum & bass"]
    ) == [
        ("m\u00fasica", "musica"),
        ("r\u043eck", "rock"),
        ("synth-pop", "synthpop"),
    ]
    assert look_alike(["!!!", "???", "\u6f14\u6b4c", "\u6c11\u8b21"]) == []
