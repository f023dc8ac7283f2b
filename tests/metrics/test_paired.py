"""Differences of models on the same resamples, and ranks with ties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genrekit.metrics import difference, is_better, measure_scores, paired_draws, ranks

LABELS = ("jazz", "pop", "rock")


def made(n=120, right=0.8, seed=0, n_groups=40):
    rng = np.random.default_rng(seed)
    truth = np.arange(n) % 3
    given = np.where(rng.random(n) < right, truth, (truth + 1) % 3)
    scores = np.full((n, 3), 0.1)
    scores[np.arange(n), given] = 0.8
    groups = np.array([f"group {i % n_groups}" for i in range(n)])
    return scores, np.eye(3)[truth], groups


def draws(right, seed=0, **more):
    scores, targets, groups = made(right=right, seed=seed, **more)
    return paired_draws(scores, targets, LABELS, groups)


def test_the_values_are_those_of_a_report():
    scores, targets, groups = made()
    report = measure_scores(scores, targets, LABELS, groups, split="made up")
    found = paired_draws(scores, targets, LABELS, groups)
    for name, estimate in report.metrics.items():
        assert found[name][0] == pytest.approx(estimate.value)
        if name != "expected_calibration_error":
            low, high = np.quantile(found[name][1:], [0.025, 0.975])
            assert (low, high) == pytest.approx((estimate.low, estimate.high))


def test_a_model_against_itself_is_tied_with_difference_0():
    one = draws(0.7)
    found = difference(one, one, "accuracy")
    assert (found.value, found.low, found.high) == (0, 0, 0)
    assert ranks([one, one], "accuracy") == [1, 1]


def test_a_clear_difference_is_told_apart_in_both_directions():
    good, bad = draws(0.95), draws(0.4, seed=1)
    assert ranks([bad, good], "accuracy") == [2, 1]
    assert ranks([bad, good], "log_loss") == [2, 1]
    assert is_better(good, bad, "log_loss")
    assert not is_better(bad, good, "log_loss")


def test_one_group_tells_nothing_apart():
    good, bad = draws(0.95, n_groups=1), draws(0.3, seed=1, n_groups=1)
    assert difference(good, bad, "accuracy").low is None
    assert ranks([bad, good], "accuracy") == [1, 1]


def test_ties_are_not_transitive_and_ranks_say_how_many_are_better():
    steps = [{"accuracy": np.array([v, *np.linspace(v - 0.05, v + 0.05, 99)])} for v in (0.5, 0.5, 0.9)]
    assert ranks(steps, "accuracy") == [2, 2, 1]


@given(st.lists(st.floats(0.34, 1), min_size=2, max_size=4), st.integers(0, 5))
def test_the_best_model_always_has_rank_1(rights, seed):
    found = [draws(right, seed=seed + k) for k, right in enumerate(rights)]
    best = max(range(len(found)), key=lambda k: found[k]["accuracy"][0])
    assert ranks(found, "accuracy")[best] == 1


def test_several_labels_have_thresholds():
    rng = np.random.default_rng(0)
    targets = rng.integers(0, 2, (60, 3))
    scores = np.clip(0.6 * targets + 0.2, 0, 1)
    groups = np.arange(60).astype(str)
    low = paired_draws(
        scores, targets, LABELS, groups, multilabel=True, thresholds=dict.fromkeys(LABELS, 0.5)
    )
    high = paired_draws(
        scores, targets, LABELS, groups, multilabel=True, thresholds=dict.fromkeys(LABELS, 0.9)
    )
    assert low["macro_f1"][0] == 1
    assert ranks([high, low], "macro_f1") == [2, 1]
