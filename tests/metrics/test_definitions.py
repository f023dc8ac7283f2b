"""Multi-label metrics against scikit-learn's, with group counts as weights; single-label ones in test_evaluation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import f1_score

from genrekit.metrics.bootstrap import group_sums
from genrekit.metrics.definitions import label_counts, multilabel_metrics, multilabel_terms, ratios


@st.composite
def drawn(draw):
    shape = draw(st.integers(1, 12)), draw(st.integers(2, 4))
    targets, answers = draw(arrays(bool, shape)), draw(arrays(bool, shape))
    group_of = np.unique(draw(arrays(int, shape[0], elements=st.integers(0, 5))), return_inverse=True)[1]
    counts = draw(arrays(int, int(group_of.max()) + 1, elements=st.integers(0, 3)).filter(np.any))
    return targets, answers, group_of, counts


@given(drawn())
@settings(deadline=None)
def test_f1_scores_of_resamples_are_those_of_scikit_learn(case):
    targets, answers, group_of, counts = case
    n_labels = targets.shape[1]
    sums = group_sums(multilabel_terms(targets, answers), group_of)
    ours = multilabel_metrics(counts[None] @ sums, n_labels)
    weights = counts[group_of]

    def theirs(average, **options):
        return f1_score(targets, answers, average=average, sample_weight=weights, **options)

    assert ours["micro_f1"] == pytest.approx(theirs("micro", zero_division=0))
    assert ours["samples_f1"] == pytest.approx(theirs("samples", zero_division=0))
    occur = ((targets | answers) & (weights > 0)[:, None]).any(axis=0)
    expected = theirs("macro", zero_division=np.nan) if occur.any() else 0
    assert ours["macro_f1"] == pytest.approx(expected)
    both, true, answered = label_counts(counts[None] @ sums, n_labels)
    per_label = theirs(None, zero_division=0)
    assert ratios(2 * both, true + answered)[0] == pytest.approx(per_label)
