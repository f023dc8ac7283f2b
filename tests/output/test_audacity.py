"""Labels for Audacity: one file, its regions, and nothing where there are none."""

from __future__ import annotations

import io
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genrekit.errors import MediaError, UsageError
from genrekit.output.audacity import AudacityWriter
from genrekit.types import Prediction, WindowScore


def song(*windows: tuple[float, float, str]) -> Prediction:
    return Prediction(
        "a.wav", label="rock", score=0.7, windows=tuple(WindowScore(*window, 0.5) for window in windows)
    )


SONG = song((0, 3, "rock"), (3, 6, "rock"), (6, 9.0004, "metal"), (9.0004, 12, "rock"))


def written(*predictions: Prediction, encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, newline="")
    with AudacityWriter(stream, windows=True) as writer:
        for prediction in predictions:
            writer.write(prediction)
    return raw.getvalue().decode(encoding)


def test_neighbours_of_one_label_are_one_region():
    assert written(SONG) == (
        "0.000000\t6.000000\trock\n6.000000\t9.000400\tmetal\n9.000400\t12.000000\trock\n"
    )


@given(st.lists(st.text(max_size=5), min_size=1, max_size=8))
def test_whatever_labels_hold_a_line_is_a_region(labels):
    lines = written(song(*((k, k + 1, label) for k, label in enumerate(labels)))).split("\n")
    assert lines.pop() == ""
    regions = [line.split("\t") for line in lines]
    assert all(len(region) == 3 for region in regions)
    assert float(regions[0][0]) == 0
    assert float(regions[-1][1]) == len(labels)
    assert all(end == start for (_, end, _), (start, _, _) in pairwise(regions))
    assert len(regions) == 1 + sum(a != b for a, b in pairwise(labels))


def test_what_a_stream_cannot_encode_is_escaped():
    assert written(song((0, 1, "ünï日")), encoding="latin-1") == "0.000000\t1.000000\tünï\\u65e5\n"


@pytest.mark.parametrize(
    ("predictions", "error", "words"),
    [
        ((SONG, SONG), UsageError, "one file"),
        ((song(),), UsageError, "no timeline"),
        ((Prediction("bad.wav", error="It is text, not audio."),), MediaError, r"bad\.wav: It is text"),
    ],
)
def test_what_has_no_labels_writes_nothing_and_says_why(predictions, error, words):
    stream = io.StringIO()
    writer = AudacityWriter(stream)
    for prediction in predictions[:-1]:
        writer.write(prediction)
    with pytest.raises(error, match=words), writer:
        writer.write(predictions[-1])
    assert stream.getvalue() == ""


def test_no_prediction_is_no_label():
    assert written() == ""
