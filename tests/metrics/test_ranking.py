"""Average precision and ROC AUC of resamples against scikit-learn's, with the counts as weights."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import metrics as sk
from support.waiting import count_calls

from genrekit.metrics.ranking import Ranking


@st.composite
def drawn(draw):
    """Scores with ties, targets, groups and counts of two resamples; some of all is nothing."""
    n, n_labels = draw(st.integers(1, 12)), draw(st.integers(1, 3))
    scores = draw(arrays(np.float32, (n, n_labels), elements=st.sampled_from([0, 0.125, 0.25, 0.5, 0.75, 1])))
    targets = draw(arrays(bool, (n, n_labels)))
    group_of = np.unique(draw(arrays(int, n, elements=st.integers(0, 5))), return_inverse=True)[1]
    counts = draw(arrays(int, (2, int(group_of.max()) + 1), elements=st.integers(0, 3)))
    return scores, targets, group_of, counts


@given(drawn())
@settings(deadline=None)
def test_they_are_those_of_scikit_learn(case):
    scores, targets, group_of, counts = case
    precisions, areas = Ranking(scores, targets, group_of).per_label(counts)
    for i, weights in enumerate(counts[:, group_of]):
        for k in range(scores.shape[1]):
            true, score = targets[:, k], scores[:, k]
            n_with, n_without = weights[true].sum(), weights[~true].sum()
            if n_with:
                expected = sk.average_precision_score(true, score, sample_weight=weights)
                assert precisions[i, k] == pytest.approx(expected)
            else:
                assert np.isnan(precisions[i, k])
            if n_with and n_without:
                expected = sk.roc_auc_score(true, score, sample_weight=weights)
                assert areas[i, k] == pytest.approx(expected)
            else:
                assert np.isnan(areas[i, k])


def test_means_are_over_the_labels_that_have_a_value():
    scores = np.array([[0.9, 0.1, 0.5], [0.2, 0.3, 0.5], [0.4, 0.8, 0.5]])
    targets = np.array([[1, 1, 0], [0, 1, 0], [1, 1, 0]], dtype=bool)
    values = Ranking(scores, targets, np.arange(3)).metrics(np.array([[1, 1, 1], [0, 2, 0]]))
    # The second label stands everywhere, the third nowhere; the second resample has the second example alone.
    assert values["mean_average_precision"] == pytest.approx([1, 1])
    assert values["roc_auc"][0] == pytest.approx(1)
    assert np.isnan(values["roc_auc"][1])


def test_blocks_do_not_change_the_result(monkeypatch):
    rng = np.random.default_rng(0)
    ranking = Ranking(rng.random((50, 3)), rng.random((50, 3)) < 0.3, np.arange(50) // 2)
    counts = rng.multinomial(25, np.full(25, 1 / 25), size=9)
    whole = ranking.metrics(counts)
    monkeypatch.setattr("genrekit.metrics.ranking._BLOCK", 100)
    for name, values in ranking.metrics(counts).items():
        assert np.array_equal(values, whole[name]), name


def test_resamples_of_many_examples_take_some_calls_per_label_however_many_examples():
    rng = np.random.default_rng(0)
    ranking = Ranking(rng.random((50_000, 10)), rng.random((50_000, 10)) < 0.15, np.arange(50_000))
    counts = rng.multinomial(50_000, np.full(50_000, 1 / 50_000), size=20)
    n_labels = 10
    assert count_calls(lambda: ranking.metrics(counts)) < 100 * len(counts) * n_labels
