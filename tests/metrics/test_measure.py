"""Metrics against scikit-learn and by hand; intervals against theory and a plain bootstrap."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk
from support.waiting import count_calls

from genrekit.errors import BackendError, DatasetError
from genrekit.metrics.measure import measure_scores
from genrekit.metrics.report import INFLATED, Report

LABELS = ("blues", "jazz", "metal", "pop", "rock")


def answers(n: int = 200, labels: tuple[str, ...] = LABELS, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Scores and true labels of a model that is right about half the time."""
    rng = np.random.default_rng(seed)
    scores = rng.dirichlet(np.full(len(labels), 0.5), n)
    truth = np.where(rng.random(n) < 0.4, scores.argmax(axis=1), rng.integers(len(labels), size=n))
    return scores, truth


def measured(
    scores: np.ndarray, truth: np.ndarray, labels: tuple[str, ...] = LABELS, **kwargs: object
) -> Report:
    """The report; a true label of -1 is unknown to the model."""
    targets = (truth[:, None] == np.arange(len(labels))).astype(np.float32)
    options = {"groups": [str(i) for i in range(len(truth))], "split": "test split", "n_boot": 200, **kwargs}
    return measure_scores(scores, targets, labels, options.pop("groups"), **options)


class TestPointValues:
    def test_they_are_those_of_scikit_learn(self):
        scores, truth = answers()
        known = range(len(LABELS))
        result = measured(scores, truth)
        values = {name: estimate.value for name, estimate in result.metrics.items()}
        answered = scores.argmax(axis=1)
        assert values["accuracy"] == pytest.approx(sk.accuracy_score(truth, answered))
        assert values["macro_f1"] == pytest.approx(sk.f1_score(truth, answered, average="macro"))
        assert values["log_loss"] == pytest.approx(sk.log_loss(truth, scores, labels=known))
        top_3 = sk.top_k_accuracy_score(truth, scores, k=3, labels=known)
        assert values["top_3_accuracy"] == pytest.approx(top_3)
        assert np.array_equal(result.confusion, sk.confusion_matrix(truth, answered))
        table = sk.precision_recall_fscore_support(truth, answered)
        ours = [(m.precision, m.recall, m.f1, m.support) for m in result.per_label]
        assert np.allclose(ours, np.transpose(table))

    def test_macro_f1_over_the_labels_that_examples_have(self):
        scores, truth = answers(300)
        truth[truth >= 3] = 0  # answers of 3 and above have no example
        result = measured(scores, truth)
        answered = scores.argmax(axis=1)
        present = sorted(set(truth.tolist()))
        one_each = sk.f1_score(truth, answered, labels=present, average="macro")
        assert result.metrics["macro_f1_present"].value == pytest.approx(one_each)
        assert result.metrics["macro_f1"].value == pytest.approx(
            sk.f1_score(truth, answered, average="macro")
        )
        assert any("No example has the labels" in note and LABELS[3] in note for note in result.notes)
        assert "macro_f1_present" not in measured(*answers(300)).metrics

    def test_unknown_labels_say_what_they_do_to_every_number(self):
        scores, truth = answers(100)
        assert measured(scores, truth).effects == {}
        truth[:10] = -1
        result = measured(scores, truth, unknown_labels={"polka": 10})
        assert set(result.effects) == {*result.metrics, "baseline"}
        assert result.metrics["accuracy"].value == np.mean(scores.argmax(axis=1) == truth)
        assert result.to_dict()["effects_of_unknown_labels"] == result.effects

    def test_the_bins_of_the_diagram_give_the_calibration_error(self):
        result = measured(*answers(100))
        numbers, confidence, accuracy = np.transpose(result.calibration)
        assert numbers.sum() == 100
        error = (numbers * np.abs(confidence - accuracy)).sum() / 100
        assert result.metrics["expected_calibration_error"].value == pytest.approx(error)

    def test_labels_that_do_not_occur_change_nothing(self):
        scores, truth = answers()
        scores[:, 3] = 0
        scores /= scores.sum(axis=1, keepdims=True)
        truth[truth == 3] = 2
        result = measured(scores, truth)
        expected = sk.f1_score(truth, scores.argmax(axis=1), average="macro")
        assert result.metrics["macro_f1"].value == pytest.approx(expected)
        assert result.per_label[3].support == 0
        assert result.per_label[3].f1 == 0

    def test_answers_with_a_label_that_nobody_has_cost_macro_f1(self):
        scores, truth = answers()
        truth[truth == 3] = 2
        result = measured(scores, truth)
        assert result.metrics["macro_f1"].value == pytest.approx(np.mean([m.f1 for m in result.per_label]))

    def test_log_loss_of_certain_mistakes_is_finite(self):
        scores = np.eye(5)[[0, 1]]
        expected = -np.log(np.finfo(np.float64).eps) / 2
        assert measured(scores, np.array([0, 2])).metrics["log_loss"].value == pytest.approx(expected)

    def test_calibration_error_by_hand(self):
        # Bin (0.8, 0.867] holds two answers at 0.84, one right: |0.5 - 0.84|. Bin (0.6, 0.667] holds two at
        # 0.62, both right: |1 - 0.62|. Weighted by halves: 0.36.
        scores = np.array([[0.84, 0.16], [0.84, 0.16], [0.38, 0.62], [0.38, 0.62]])
        result = measured(scores, np.array([0, 1, 1, 1]), ("a", "b"))
        assert result.metrics["expected_calibration_error"].value == pytest.approx(0.36)

    def test_calibration_bins_hold_their_upper_edges(self):
        # 0.8 = 12/15 belongs to (11/15, 12/15]: apart from 0.81, together with 0.75.
        scores = np.array([[0.8, 0.2], [0.81, 0.19], [0.75, 0.25]])
        result = measured(scores, np.array([0, 1, 0]), ("a", "b"))
        together, apart = abs(0.8 + 0.75 - 2) / 3, 0.81 / 3
        assert result.metrics["expected_calibration_error"].value == pytest.approx(together + apart)

    def test_a_calibrated_model_has_a_small_error(self):
        rng = np.random.default_rng(0)
        right = rng.uniform(0.5, 1, 20_000)
        truth = (rng.random(20_000) >= right).astype(int)
        result = measured(np.stack([right, 1 - right], axis=1), truth, ("a", "b"))
        assert result.metrics["expected_calibration_error"].value < 0.015

    @pytest.mark.parametrize(("n_labels", "has_top_3"), [(1, False), (3, False), (4, True)])
    def test_top_3_needs_more_than_three_labels(self, n_labels, has_top_3):
        labels = LABELS[:n_labels]
        assert ("top_3_accuracy" in measured(*answers(20, labels), labels).metrics) == has_top_3

    def test_ties_go_to_the_first_labels(self):
        scores = np.full((5, 5), 0.2)
        result = measured(scores, np.arange(5))
        assert result.metrics["accuracy"].value == pytest.approx(0.2)
        assert result.metrics["top_3_accuracy"].value == pytest.approx(0.6)

    def test_the_baseline_is_the_most_frequent_label(self):
        result = measured(answers(4)[0], np.array([1, 2, 2, 0]))
        assert (result.baseline, result.baseline_label) == (0.5, "metal")

    def test_the_rounding_of_float32_is_not_measured(self):
        scores, truth = answers()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            narrow = measured(scores.astype(np.float32), truth)
        assert narrow.metrics["log_loss"].value == pytest.approx(
            measured(scores, truth).metrics["log_loss"].value
        )


class TestUnknownLabels:
    def test_they_count_as_wrong_but_not_in_log_loss(self):
        scores, truth = answers(100)
        truth[:20] = -1
        result = measured(scores, truth, unknown_labels={"polka": 15, "fado": 5})
        known = measured(scores[20:], truth[20:])
        assert result.metrics["accuracy"].value == pytest.approx(known.metrics["accuracy"].value * 0.8)
        assert result.metrics["top_3_accuracy"].value == pytest.approx(
            known.metrics["top_3_accuracy"].value * 0.8
        )
        assert result.metrics["log_loss"].value == pytest.approx(known.metrics["log_loss"].value)
        assert result.confusion == known.confusion
        assert result.n_examples == 100
        assert "fado (5), polka (15)" in result.notes[-1]

    def test_answers_to_them_are_false_positives(self):
        scores, truth = answers(100)
        truth[:20] = -1
        result = measured(scores, truth, unknown_labels={"polka": 20})
        answered = scores.argmax(axis=1)
        expected = sk.f1_score(truth, answered, labels=range(5), average="macro")
        assert result.metrics["macro_f1"].value == pytest.approx(expected)
        assert result.metrics["macro_f1"].value == pytest.approx(np.mean([m.f1 for m in result.per_label]))

    def test_uncounted_ones_are_refused(self):
        scores, truth = answers(10)
        truth[3] = -1
        with pytest.raises(ValueError, match="1 rows have no label, unknown_labels counts 0"):
            measured(scores, truth)

    def test_only_unknown_ones_are_an_error_that_names_both(self):
        with pytest.raises(DatasetError, match=r"knows \(blues, jazz.*theirs are: polka"):
            measured(answers(2)[0], np.array([-1, -1]), unknown_labels={"polka": 2})


class TestIntervals:
    def test_they_hold_the_value_and_are_ordered(self):
        for name, estimate in measured(*answers(), n_boot=1000).metrics.items():
            assert estimate.low < estimate.high, name
            assert estimate.low < estimate.value < estimate.high, name

    def test_the_width_is_that_of_the_normal_approximation(self):
        accuracy = measured(*answers(400), n_boot=4000).metrics["accuracy"]
        p = accuracy.value
        assert accuracy.high - accuracy.low == pytest.approx(2 * 1.96 * np.sqrt(p * (1 - p) / 400), rel=0.1)

    def test_every_metric_agrees_with_a_plain_bootstrap(self):
        scores, truth = answers(120)
        groups = np.random.default_rng(1).integers(30, size=120)
        result = measured(scores, truth, groups=groups.astype(str), n_boot=2000)
        rng = np.random.default_rng(2)
        draws: dict[str, list[float]] = {name: [] for name in result.metrics}
        for _ in range(500):
            drawn = np.concatenate([np.flatnonzero(groups == g) for g in rng.choice(np.unique(groups), 30)])
            resample = measured(scores[drawn], truth[drawn], n_boot=1)
            for name in draws:
                draws[name].append(resample.metrics[name].value)
        for name, estimate in result.metrics.items():
            spread = np.std(draws[name])
            if name == "expected_calibration_error":  # noise raises it: its draws are moved down
                draws[name] -= np.median(draws[name]) - estimate.value
            low, high = np.quantile(draws[name], [0.025, 0.975])
            assert estimate.low == pytest.approx(low, abs=0.4 * spread), name
            assert estimate.high == pytest.approx(high, abs=0.4 * spread), name

    @given(st.integers(0, 10_000), st.integers(4, 60), st.floats(0.02, 5), st.integers(1, 3))
    def test_no_interval_excludes_its_own_value(self, seed, n, sharpness, size):
        rng = np.random.default_rng(seed)
        scores = rng.dirichlet(np.full(len(LABELS), sharpness), n)
        truth = rng.integers(len(LABELS), size=n)
        groups = [str(i // size) for i in range(n)]
        for name, estimate in measured(scores, truth, groups=groups, n_boot=50).metrics.items():
            if estimate.low is not None:
                assert estimate.low <= estimate.value <= estimate.high, name
                assert name == "log_loss" or 0 <= estimate.low <= estimate.high <= 1, name

    def test_the_calibration_error_of_a_calibrated_model_has_an_interval_around_it(self):
        rng = np.random.default_rng(0)
        scores = rng.dirichlet(np.full(len(LABELS), 0.5), 150)
        truth = np.array([rng.choice(len(LABELS), p=row) for row in scores])
        error = measured(scores, truth, n_boot=1000).metrics["expected_calibration_error"]
        assert error.low < error.value < error.high

    def test_copies_in_one_group_do_not_narrow_them(self):
        scores, truth = answers(100)
        tracks = np.arange(100).astype(str)
        single = measured(scores, truth, groups=tracks)
        slices = measured(np.repeat(scores, 5, axis=0), np.repeat(truth, 5), groups=np.repeat(tracks, 5))
        alone = measured(np.repeat(scores, 5, axis=0), np.repeat(truth, 5))
        assert slices.n_groups == 100
        for name, estimate in single.metrics.items():
            assert slices.metrics[name].low == pytest.approx(estimate.low), name
            assert slices.metrics[name].high == pytest.approx(estimate.high), name
        width = single.metrics["accuracy"].high - single.metrics["accuracy"].low
        assert alone.metrics["accuracy"].high - alone.metrics["accuracy"].low < 0.6 * width

    def test_coverage_is_close_to_95_percent(self):
        hits = 0
        for seed in range(200):
            rng = np.random.default_rng(seed)
            right = rng.random(150) < 0.6
            scores = np.where(right[:, None], [0.7, 0.3], [0.3, 0.7])
            accuracy = measured(scores, np.zeros(150, dtype=int), ("a", "b"), seed=seed).metrics["accuracy"]
            hits += accuracy.low <= 0.6 <= accuracy.high
        assert 180 <= hits <= 199

    def test_the_seed_decides(self):
        scores, truth = answers()
        assert measured(scores, truth, seed=1) == measured(scores, truth, seed=1)
        assert measured(scores, truth, seed=1).metrics != measured(scores, truth, seed=2).metrics

    def test_one_group_has_none(self):
        result = measured(*answers(20), groups=["x"] * 20)
        assert result.metrics["accuracy"].low is None
        assert "no interval" in result.notes[0]

    def test_few_groups_are_mentioned(self):
        assert "Only 7 groups" in measured(*answers(70), groups=[str(i % 7) for i in range(70)]).notes[0]
        assert measured(*answers(70)).notes == ()

    def test_blocks_do_not_change_the_result(self, monkeypatch):
        scores, truth = answers()
        whole = measured(scores, truth)
        monkeypatch.setattr("genrekit.metrics.bootstrap._BLOCK", 1000)
        assert measured(scores, truth) == whole

    def test_resamples_are_counted_in_blocks_and_not_one_by_one(self):
        scores, truth = answers(5000)
        assert count_calls(lambda: measured(scores, truth, n_boot=1000)) < 100 * 1000


class TestReport:
    def test_it_survives_json(self):
        scores, truth = answers()
        truth[0] = -1
        result = measured(
            scores, truth, inflated=True, unknown_labels={"polka": 1}, failures=[("x.wav", "broken")]
        )
        value = json.loads(json.dumps(result.to_dict(), allow_nan=False))
        assert value["notes"][0] == INFLATED
        assert value["metrics"]["accuracy"].keys() == {"value", "low", "high"}
        assert value["failures"] == [{"id": "x.wav", "reason": "broken"}]
        assert value["unknown_labels"] == {"polka": 1}
        assert value["labels"] == list(LABELS)
        assert sum(map(sum, value["confusion"])) == 199

    def test_the_order_of_keys_is_stable(self):
        keys = list(measured(*answers()).to_dict())
        assert keys[:3] == ["notes", "split", "inflated"]
        assert keys == list(measured(*answers(seed=3), inflated=True).to_dict())
        assert list(measured(*answers()).metrics) == [
            "accuracy",
            "macro_f1",
            "log_loss",
            "expected_calibration_error",
            "top_3_accuracy",
        ]

    def test_inflation_is_always_the_first_note(self):
        result = measured(*answers(20), groups=["x"] * 20, inflated=True, failures=[("x", "y")])
        assert result.notes[0] == INFLATED
        assert "1 of 21 examples could not be read" in result.notes[1]

    def test_inputs_are_left_alone(self):
        scores, truth = answers(20)
        scores[:] *= 1.0005
        before = scores.copy()
        measured(scores, truth)
        assert np.array_equal(scores, before)


def several(n: int = 300, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Scores and targets of a multi-label model that knows something; metal is rare."""
    rng = np.random.default_rng(seed)
    targets = rng.random((n, len(LABELS))) < [0.5, 0.3, 0.02, 0.3, 0.2]
    targets[:5] = np.eye(5, dtype=bool)
    scores = 1 / (1 + np.exp(-(2.5 * targets - 1.5 + rng.normal(size=targets.shape))))
    return scores.astype(np.float32), targets


def measured_several(scores: np.ndarray, targets: np.ndarray, **kwargs: object) -> Report:
    options = {
        "groups": [str(i) for i in range(len(targets))],
        "split": "test split",
        "n_boot": 200,
        **kwargs,
    }
    return measure_scores(scores, targets, LABELS, options.pop("groups"), multilabel=True, **options)


THRESHOLDS = {"blues": 0.6, "metal": 0.2}


class TestMultilabel:
    def test_they_are_those_of_scikit_learn(self):
        scores, targets = several()
        result = measured_several(scores, targets, thresholds=THRESHOLDS)
        answered = scores >= [0.6, 0.5, 0.2, 0.5, 0.5]
        values = {name: estimate.value for name, estimate in result.metrics.items()}
        assert values == pytest.approx(
            {
                "micro_f1": sk.f1_score(targets, answered, average="micro"),
                "macro_f1": sk.f1_score(targets, answered, average="macro", zero_division=np.nan),
                "samples_f1": sk.f1_score(targets, answered, average="samples", zero_division=0),
                "mean_average_precision": sk.average_precision_score(targets, scores),
                "roc_auc": sk.roc_auc_score(targets, scores),
            }
        )
        table = sk.precision_recall_fscore_support(targets, answered, zero_division=0)
        ours = [(m.precision, m.recall, m.f1, m.support) for m in result.per_label]
        assert np.allclose(ours, np.transpose(table))
        assert [m.average_precision for m in result.per_label] == pytest.approx(
            list(sk.average_precision_score(targets, scores, average=None))
        )
        assert [m.roc_auc for m in result.per_label] == pytest.approx(
            list(sk.roc_auc_score(targets, scores, average=None))
        )
        assert result.confusion == ()
        assert result.thresholds == {"blues": 0.6, "jazz": 0.5, "metal": 0.2, "pop": 0.5, "rock": 0.5}

    def test_the_baseline_is_the_micro_f1_of_the_most_frequent_label(self):
        scores, targets = several()
        always = np.zeros_like(targets)
        always[:, 0] = True
        result = measured_several(scores, targets)
        assert result.baseline_label == "blues"
        assert result.baseline == pytest.approx(sk.f1_score(targets, always, average="micro"))

    def test_what_is_undefined_is_none_and_in_no_mean(self):
        scores, targets = several()
        targets[:, 2] = False
        targets[:, 4] = True
        result = measured_several(scores, targets)
        metal, rock = result.per_label[2], result.per_label[4]
        assert (metal.support, metal.recall, metal.average_precision, metal.roc_auc) == (0, 0, None, None)
        assert (rock.average_precision, rock.roc_auc) == (1, None)
        areas = [m.roc_auc for m in result.per_label if m.roc_auc is not None]
        assert result.metrics["roc_auc"].value == pytest.approx(np.mean(areas))
        everywhere = measured_several(scores, np.ones_like(targets))
        assert "roc_auc" not in everywhere.metrics

    def test_a_label_given_nowhere_and_had_nowhere_is_in_no_mean(self):
        scores, targets = several()
        scores[:, 2] = 0
        targets[:, 2] = False
        others = [m.f1 for i, m in enumerate(measured_several(scores, targets).per_label) if i != 2]
        assert measured_several(scores, targets).metrics["macro_f1"].value == pytest.approx(np.mean(others))

    @pytest.mark.night
    def test_every_metric_agrees_with_a_plain_bootstrap(self):
        scores, targets = several(200)
        groups = np.random.default_rng(1).integers(40, size=200)
        result = measured_several(scores, targets, groups=groups.astype(str), n_boot=2000)
        rng = np.random.default_rng(2)
        draws: dict[str, list[float]] = {name: [] for name in result.metrics}
        for _ in range(300):
            drawn = np.concatenate([np.flatnonzero(groups == g) for g in rng.choice(np.unique(groups), 40)])
            resample = measured_several(scores[drawn], targets[drawn], n_boot=1)
            for name in draws:
                draws[name].append(resample.metrics[name].value)
        for name, estimate in result.metrics.items():
            spread = np.std(draws[name])
            low, high = np.quantile(draws[name], [0.025, 0.975])
            assert estimate.low < estimate.value < estimate.high, name
            assert estimate.low == pytest.approx(low, abs=0.4 * spread), name
            assert estimate.high == pytest.approx(high, abs=0.4 * spread), name

    def test_one_group_has_no_interval(self):
        scores, targets = several(20)
        result = measured_several(scores, targets, groups=["x"] * 20)
        assert {(m.low, m.high) for m in result.metrics.values()} == {(None, None)}

    def test_rankings_get_fewer_resamples_where_all_would_take_minutes(self, monkeypatch):
        scores, targets = several(100)
        assert measured_several(scores, targets).to_dict()["interval"]["n_boot_ranking"] == 200
        monkeypatch.setattr("genrekit.metrics.measure._MOST_RANKED", 100 * 5 * 150)
        fewer = measured_several(scores, targets).to_dict()["interval"]
        assert (fewer["n_boot"], fewer["n_boot_ranking"]) == (200, 150)
        monkeypatch.setattr("genrekit.metrics.measure._MOST_RANKED", 1)
        assert measured_several(scores, targets).n_boot_ranking == 100

    def test_resamples_are_ranked_in_blocks_and_not_one_by_one(self):
        scores, targets = several(5000)
        assert count_calls(lambda: measured_several(scores, targets, n_boot=1000)) < 100 * 1000

    def test_thresholds_may_differ_from_example_to_example(self):
        scores, targets = several(100)
        limits = np.full(scores.shape, 0.5)
        same, own = measured_several(scores, targets), measured_several(scores, targets, thresholds=limits)
        assert own.metrics == same.metrics
        assert own.thresholds == {}
        limits[50:] = 1.1
        assert (
            measured_several(scores, targets, thresholds=limits).per_label[0].recall
            < same.per_label[0].recall
        )

    def test_unknown_labels_are_left_out_and_named(self):
        scores, targets = several(50)
        targets[0] = False
        result = measured_several(scores, targets, unknown_labels={"polka": 1, "fado": 7})
        assert result.n_examples == 50
        assert "left out of the numbers" in result.notes[-1]
        assert result.notes[-1].endswith("fado (7), polka (1).")
        with pytest.raises(DatasetError, match="theirs are: polka"):
            measured_several(scores, np.zeros_like(targets), unknown_labels={"polka": 50})

    def test_it_survives_json(self):
        scores, targets = several(50)
        targets[:, 2] = False
        result = measured_several(scores, targets, thresholds=THRESHOLDS)
        value = json.loads(json.dumps(result.to_dict(), allow_nan=False))
        assert value["multilabel"] is True
        assert value["baseline"].keys() == {"micro_f1", "label"}
        assert value["confusion"] == []
        assert value["thresholds"]["metal"] == 0.2
        assert value["per_label"][2]["roc_auc"] is None
        assert value["per_label"][0]["average_precision"] > 0.5

    def test_scores_need_not_sum_to_1_but_are_probabilities(self):
        scores, targets = several(10)
        for bad in (np.nan, -0.1, 1.5):
            scores[3, 2] = bad
            with pytest.raises(BackendError, match="not probabilities"):
                measured_several(scores, targets)

    def test_inputs_are_left_alone(self):
        scores, targets = several(20)
        before = scores.copy()
        measured_several(scores, targets)
        assert np.array_equal(scores, before)


class TestInput:
    def test_thresholds_are_for_several_labels(self):
        with pytest.raises(ValueError, match="thresholds are for multi-label scores"):
            measured(*answers(10), thresholds={"blues": 0.5})

    def test_nothing_is_an_error_with_the_first_failure(self):
        with pytest.raises(DatasetError, match=r"2 examples failed, none are left. The first: x.wav: broken"):
            measured(
                np.zeros((0, 5)), np.zeros(0, dtype=int), failures=[("x.wav", "broken"), ("y.wav", "also")]
            )

    @pytest.mark.parametrize("bad", [np.nan, -0.1, 2.0])
    def test_scores_that_are_no_probabilities(self, bad):
        scores, truth = answers(10)
        scores[3, 2] = bad
        with pytest.raises(BackendError, match="not probabilities"):
            measured(scores, truth)

    def test_an_example_with_two_labels(self):
        with pytest.raises(ValueError, match="several labels"):
            measure_scores(np.full((1, 2), 0.5), np.ones((1, 2)), ("a", "b"), ["x"], split="")

    @pytest.mark.parametrize(
        ("scores", "targets", "n_groups"), [((2, 3), (2, 2), 2), ((2, 2), (2, 2), 3), ((2, 3), (2, 3), 2)]
    )
    def test_shapes_that_do_not_fit(self, scores, targets, n_groups):
        one_hot = np.zeros(targets)
        one_hot[:, 0] = 1
        with pytest.raises(ValueError, match="shape"):
            measure_scores(np.full(scores, 1 / scores[1]), one_hot, ("a", "b"), ["x"] * n_groups, split="")
