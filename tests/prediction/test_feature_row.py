import pytest
from hypothesis import given
from hypothesis import strategies as st

from genrekit.errors import UsageError
from genrekit.prediction.feature_row import read_numbers

SCHEMAS = {"three": ("a", "b", "c")}
finite = st.floats(allow_nan=False, allow_infinity=False)


@given(st.tuples(finite, finite, finite), st.sampled_from([",", ", ", ";", " ", "\n", "\t"]), st.booleans())
def test_reads_what_python_prints(values, separator, brackets):
    text = separator.join(map(repr, values))
    example = read_numbers(f"[{text}]" if brackets else text, SCHEMAS)
    assert tuple(example.row.values()) == values


@given(st.text(max_size=60))
def test_any_text_is_a_row_or_a_sentence(text):
    try:
        row = read_numbers(text, SCHEMAS).row
    except UsageError as error:
        row = None
        said = str(error)
    assert len(row) == 3 if row else "three" in said


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1,2", "There are 2 numbers; expected: 3"),
        ("1,2,3,4", "There are 4 numbers"),
        ("", "There are 0 numbers"),
        ("1,two,3", "Value 2 of 3 is not a number: 'two'"),
        ("1,2,nan", "Value 3 of 3 is not a finite number: nan"),
        ("1,2,1e999", "Value 3 of 3 is not a finite number: 1e999"),
        ("1 " * 600_000, "allowed"),
    ],
)
def test_says_which_number_is_wrong_and_what_is_expected(text, says):
    with pytest.raises(UsageError, match=says):
        read_numbers(text, SCHEMAS)


def test_the_hint_is_a_command_that_exists():
    with pytest.raises(UsageError) as caught:
        read_numbers("1,2", SCHEMAS)
    assert "genrekit backends three --columns" in caught.value.hint
