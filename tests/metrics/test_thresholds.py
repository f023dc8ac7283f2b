"""Labels are given where their scores reach their thresholds."""

from __future__ import annotations

import numpy as np
import pytest

from genrekit.metrics.thresholds import above_thresholds

LABELS = ("blues", "jazz", "pop")
SCORES = np.array([[0.5, 0.49, 0.3], [0.9, 0.2, 0.29]])


def test_half_is_the_threshold_of_a_label_that_has_none():
    assert above_thresholds(SCORES, LABELS, {}).tolist() == [[True, False, False], [True, False, False]]
    assert above_thresholds(SCORES, LABELS, {"pop": 0.3}).tolist() == [
        [True, False, True],
        [True, False, False],
    ]


def test_every_example_may_have_its_own():
    limits = np.array([[0.6, 0.4, 0.4], [0.9, 0.2, 0.0]])
    assert above_thresholds(SCORES, LABELS, limits).tolist() == [[False, True, False], [True, True, True]]


@pytest.mark.parametrize(
    ("thresholds", "words"), [({"polka": 0.5}, "'polka', which is not a label"), (np.ones((2, 2)), "shape")]
)
def test_thresholds_of_something_else_are_refused(thresholds, words):
    with pytest.raises(ValueError, match=words):
        above_thresholds(SCORES, LABELS, thresholds)
