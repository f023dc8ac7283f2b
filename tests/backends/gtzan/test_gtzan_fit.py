"""Training of the ``gtzan`` backend on small tables of made-up features."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Sequence

import numpy as np
import onnx
import pytest
import soxr
from support.night import day_and_night

from genrekit.backends.base import Fitted, Prepared
from genrekit.backends.gtzan import comparison as comparison_of
from genrekit.backends.gtzan import fit as gtzan_fit
from genrekit.backends.gtzan.backend import GtzanBackend, GtzanConfig
from genrekit.backends.gtzan.estimators import (
    CLASSIFIERS,
    TRANSFORMS,
    Sigmoid,
    build,
    example_means,
    log_odds,
)
from genrekit.backends.gtzan.relative import (
    LEVEL_COLUMNS,
    LOG_COLUMNS,
    Relative,
    level_free,
    shipped_bandwidth,
)
from genrekit.datasets.synthetic.song import play
from genrekit.errors import DatasetError, MediaError
from genrekit.features import gtzan_features
from genrekit.features.schema import GTZAN_COLUMNS
from genrekit.models.runtime import Runtime
from genrekit.types import Example

LABELS = ("blues", "metal", "pop")
N_FEATURES = len(GTZAN_COLUMNS)


def make_windows(label: int, n_windows: int, rng: np.random.Generator) -> np.ndarray:
    """Windows of a genre: 57 values that spread as those of music do, tempo from a short list."""
    deviations = dict(zip(LEVEL_COLUMNS, shipped_bandwidth().deviations, strict=True))
    scale = np.array([deviations.get(name, 0.1) for name in GTZAN_COLUMNS])
    centre = np.random.default_rng(10 + label).normal(0, 1, N_FEATURES)
    values = scale * (centre + rng.normal(0, 1.5, (n_windows, N_FEATURES)))
    positive = np.isin(range(N_FEATURES), LOG_COLUMNS)
    values[:, positive] = np.exp(values[:, positive])
    values[:, GTZAN_COLUMNS.index("tempo")] = rng.choice([89.1, 103.4, 117.5], n_windows)
    return values.astype(np.float32)


def make_prepared(
    labels: Sequence[int], *, n_labels: int = 3, windows: int = 1, group_size: int = 2, seed: int = 0
) -> Prepared:
    """Examples of the given labels; every ``group_size`` of a label, in turn, share a group."""
    rng = np.random.default_rng(seed)
    seen = dict.fromkeys(labels, 0)
    groups = []
    for label in labels:
        groups.append(f"{label}/{seen[label] // group_size}")
        seen[label] += 1
    return Prepared(
        [make_windows(label, windows, rng) for label in labels],
        np.eye(n_labels, dtype=np.float32)[list(labels)],
        np.array(groups),
        tuple(str(i) for i in range(len(labels))),
    )


def fit(
    train: Prepared, labels: Sequence[str] = LABELS, valid: Prepared | None = None, **settings: object
) -> Fitted:
    return gtzan_fit.fit(train, valid, tuple(labels), GtzanConfig(**settings), lambda text: None)


def exported(fitted: Fitted, n_labels: int = 3) -> Runtime:
    return Runtime(fitted.onnx, n_labels=n_labels)


def worst_difference(fitted: Fitted, n_labels: int = 3) -> float:
    return float(np.abs(exported(fitted, n_labels).scores(fitted.check_windows) - fitted.check_scores).max())


@pytest.fixture(scope="module", autouse=True)
def small_forests() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("genrekit.backends.gtzan.estimators.N_TREES", 12)
        yield


@pytest.fixture(scope="module")
def rows() -> Prepared:
    return make_prepared([0, 1, 2] * 20)


OF_THE_GRAPH = ("svm", "forest", "xgboost", "logistic")
PAIRS = sorted(
    ((classifier, transform) for classifier in OF_THE_GRAPH for transform in TRANSFORMS),
    key=lambda pair: (OF_THE_GRAPH.index(pair[0]) + TRANSFORMS.index(pair[1])) % len(TRANSFORMS),
)


@pytest.mark.parametrize(("classifier", "transform"), day_and_night(PAIRS, day=len(OF_THE_GRAPH)))
def test_the_graph_equals_the_native_model(rows: Prepared, classifier: str, transform: str) -> None:
    fitted = fit(rows, classifier=classifier, transform=transform, folds=2)
    assert worst_difference(fitted) < 1e-5
    assert len(fitted.check_windows) > 2 * len(rows)


@pytest.mark.parametrize("classifier", ["svm", "forest", "xgboost", "logistic"])
def test_two_labels(classifier: str) -> None:
    rows = make_prepared([0, 1] * 12, n_labels=2)
    fitted = fit(rows, LABELS[:2], classifier=classifier, transform="standard", folds=2)
    assert worst_difference(fitted, 2) < 1e-5
    right = exported(fitted, 2).example_scores(rows.windows).argmax(axis=1) == rows.targets.argmax(axis=1)
    assert right.mean() > 0.9


@pytest.fixture(scope="module")
def automatic(rows: Prepared) -> tuple[Fitted, list[str]]:
    lines: list[str] = []
    return gtzan_fit.fit(rows, None, LABELS, GtzanConfig(folds=3), lines.append), lines


def test_auto_compares_everything_and_keeps_the_best(automatic: tuple[Fitted, list[str]]) -> None:
    fitted, lines = automatic
    history = json.loads(json.dumps(dict(fitted.history), allow_nan=False))
    singles = [row for row in history["candidates"] if "+" not in row["classifier"]]
    assert {(row["classifier"], row["transform"]) for row in singles} == {
        (classifier, transform) for classifier in CLASSIFIERS for transform in TRANSFORMS
    }
    assert history["chosen"] in history["candidates"]
    best = history["candidates"][0]
    assert best["log_loss"] == min(row["log_loss"] for row in history["candidates"])
    assert history["chosen"]["classifier"] == best["classifier"]
    assert worst_difference(fitted) < 1e-5
    for row in history["candidates"]:
        assert any(row["classifier"] in line and row["transform"] in line for line in lines)


def test_auto_learns_what_is_there_to_learn(automatic: tuple[Fitted, list[str]]) -> None:
    fresh = make_prepared([0, 1, 2] * 40, seed=7)
    scores = exported(automatic[0]).example_scores(fresh.windows)
    y = fresh.targets.argmax(axis=1)
    assert (scores.argmax(axis=1) == y).mean() > 0.8  # chance is a third
    assert -np.log(scores[np.arange(len(y)), y]).mean() < 0.5 * np.log(3)


def test_the_level_of_a_song_changes_nothing_and_its_bandwidth_less() -> None:
    y = play("metal", seed=4, duration_s=4.0).astype(np.float32)
    narrow = soxr.resample(soxr.resample(y, 22_050, 16_000), 16_000, 22_050)
    plain, quiet, loud, cut = (gtzan_features(one) for one in (y, y / 10, 3 * y, narrow))
    rows = Relative().transform(np.stack([plain, quiet, loud]).astype(np.float32))
    np.testing.assert_allclose(rows, rows[[0, 0, 0]], atol=1e-4)
    whole, narrowed = level_free(np.stack([plain, cut])) / shipped_bandwidth().deviations
    corrected = np.subtract(*Relative().transform(np.stack([plain, cut])))
    assert np.linalg.norm(corrected) < np.linalg.norm(whole - narrowed)


def test_the_seed_decides(rows: Prepared) -> None:
    first, again, other = (
        fit(rows, classifier="forest", transform="standard", folds=2, seed=seed) for seed in (0, 0, 1)
    )
    assert again.onnx == first.onnx
    assert dict(again.native) == dict(first.native)
    assert again.history == first.history
    assert other.onnx != first.onnx


@pytest.mark.night
def test_the_same_seed_makes_the_same_choice(rows: Prepared, automatic: tuple[Fitted, list[str]]) -> None:
    again = fit(rows, folds=3)
    assert again.onnx == automatic[0].onnx
    assert dict(again.native) == dict(automatic[0].native)
    assert again.history == automatic[0].history


@pytest.mark.parametrize(
    ("classifier", "transform"), [("svm", "standard"), ("svm", "power"), ("forest", "standard")]
)
def test_constant_columns(classifier: str, transform: str) -> None:
    rows = make_prepared([0, 1, 2] * 10)
    for number, values in enumerate(rows.windows):
        values[:, [0, 5, 20]] = 0.25
        values[:, 6] = 0.0
        values[:, 30] = number % 2  # two values only
    fitted = fit(rows, classifier=classifier, transform=transform, folds=2)
    assert worst_difference(fitted) < 1e-5
    assert np.isfinite(fitted.check_scores).all()


def test_all_columns_constant_scores_what_is_frequent() -> None:
    rows = make_prepared([0, 0, 0, 1] * 6)
    for values in rows.windows:
        values[:] = 1.0
    scores = exported(fit(rows, classifier="logistic", folds=2)).scores(np.ones((1, N_FEATURES), np.float32))
    assert scores[0].argmax() == 0
    assert scores[0, 2] == 0


def test_silence_and_giants_score_as_probabilities(automatic: tuple[Fitted, list[str]]) -> None:
    windows = np.stack([np.zeros(N_FEATURES), np.full(N_FEATURES, 1e20), np.full(N_FEATURES, -1e20)])
    scores = exported(automatic[0]).scores(windows.astype(np.float32))
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)


def test_a_label_of_one_group_is_learnt_but_not_judged() -> None:
    rows = make_prepared([0, 1] * 10 + [2] * 4, group_size=4)
    fitted = fit(rows, classifier="svm", transform="standard")
    assert fitted.history["examples"] == 24
    assert fitted.history["examples_scored"] == 20
    scores = exported(fitted).example_scores(rows.windows[-4:])
    assert (scores.argmax(axis=1) == 2).all()


def test_folds_are_as_many_as_the_rarest_label_allows() -> None:
    rows = make_prepared([0, 1] * 12 + [2] * 6)
    assert fit(rows, classifier="svm", transform="standard", folds=5).history["folds"] == 3


def test_a_label_without_examples_scores_zero(rows: Prepared) -> None:
    wider = Prepared(rows.windows, np.insert(rows.targets, 1, 0, axis=1), rows.groups, rows.ids)
    fitted = fit(wider, ("a", "b", "c", "d"), classifier="logistic", transform="standard", folds=2)
    assert worst_difference(fitted, 4) < 1e-5
    assert (fitted.check_scores[:, 1] == 0).all()


@pytest.mark.parametrize(
    ("labels", "group_size", "words"),
    [
        ([0, 0, 0, 0], 1, "one label only, 'blues'"),
        ([0, 0, 1, 1, 2], 1, "a single example of 'pop'"),
        ([0, 0, 1, 1, 2, 2], 2, "one group only"),
    ],
)
def test_too_little_is_refused(labels: list[int], group_size: int, words: str) -> None:
    with pytest.raises(DatasetError, match=words):
        fit(make_prepared(labels, group_size=group_size))


def test_lda_is_left_out_or_refused_where_a_fold_has_no_more_windows_than_labels() -> None:
    few = make_prepared([0, 0, 1, 1], group_size=1, n_labels=2)
    with pytest.raises(DatasetError, match="too few for linear"):
        fit(few, ("a", "b"), classifier="lda")
    lines: list[str] = []
    config = GtzanConfig(transform="standard")
    gtzan_fit.fit(few, None, ("a", "b"), config, lines.append)
    assert any("svm" in line for line in lines)
    assert not any("lda" in line for line in lines)


def test_one_group_for_everything_is_refused() -> None:
    rows = make_prepared([0, 1, 2] * 4)
    rows = Prepared(rows.windows, rows.targets, np.full(12, "one"), rows.ids)
    with pytest.raises(DatasetError, match="in one group"):
        fit(rows)


def test_the_validation_split_joins_the_folds(rows: Prepared) -> None:
    more = make_prepared([0, 1, 2] * 4, seed=3)
    fitted = fit(rows, valid=more, classifier="logistic", transform="standard", folds=2)
    assert fitted.history["examples"] == len(rows) + len(more)


def test_windows_of_an_example_stay_together_and_share_its_label() -> None:
    rows = make_prepared([0, 1, 2] * 8, windows=3)
    fitted = fit(rows, classifier="svm", transform="power", folds=2)
    assert worst_difference(fitted) < 1e-5
    table = comparison_of.Table.of(rows)
    for learn, held in table.folds(2, 0):
        assert not set(table.owner[table.windows_of(learn)]) & set(held)
        assert len(table.windows_of(held)) == 3 * len(held)


def test_the_sigmoid_makes_the_mean_over_windows_as_sure_as_it_is_right() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 3000)
    truth = np.where(rng.random(3000) < 0.7, y, rng.integers(0, 3, 3000))  # right in 0.8 of the cases
    odds = np.repeat(np.where(np.eye(3, dtype=bool)[truth], 30.0, -30.0), 2, axis=0)  # and always sure of it
    starts = np.arange(3000) * 2
    means = example_means(Sigmoid.fit(odds, y, starts)(odds), starts)
    assert means.max(axis=1).mean() == pytest.approx((means.argmax(axis=1) == y).mean(), abs=0.01)


def test_the_graph_is_the_fitted_model(rows: Prepared) -> None:
    fitted = fit(rows, classifier="svm", transform="power", folds=2)
    X = np.concatenate(rows.windows).astype(np.float64)
    model = build("svm", "power", seed=0).fit(X, rows.targets.argmax(axis=1))
    ((slope, offset),) = fitted.history["sigmoids"]
    scores = exported(fitted).scores(X.astype(np.float32))
    np.testing.assert_allclose(scores, Sigmoid(slope, offset)(log_odds(model, X)), atol=1e-5)


@pytest.mark.parametrize("classifier", ["xgboost", "logistic"])
def test_a_model_has_no_payload_that_nothing_reads(rows: Prepared, classifier: str) -> None:
    assert not fit(rows, classifier=classifier, transform="standard", folds=2).native


def test_the_graph_names_no_clock_and_no_machine(automatic: tuple[Fitted, list[str]]) -> None:
    model = onnx.load_model_from_string(automatic[0].onnx)
    assert (model.producer_name, model.producer_version, model.doc_string) == ("genrekit", "", "")
    assert {opset.domain for opset in model.opset_import} == {"", "ai.onnx.ml"}


def test_a_transform_must_be_clearly_better_to_displace_a_simpler_one() -> None:
    rows = make_prepared([0, 1, 2] * 20)
    comparison = comparison_of.Comparison.of(comparison_of.Table.of(rows), 3, 0, LABELS)
    right = np.eye(3)[comparison.y]

    def candidate(transform: str, sure: np.ndarray) -> comparison_of.Candidate:
        scores = np.where(right == 1, sure[:, None], (1 - sure[:, None]) / 2)
        return comparison_of.Candidate("svm", transform, Sigmoid(), scores)

    wobble = np.where(np.arange(len(right)) % 7 == 0, 0.2, -0.03)
    even = candidate("standard", np.full(len(right), 0.6))
    luckier = candidate("power", 0.605 + wobble)
    better = candidate("power", np.full(len(right), 0.7))
    assert comparison.losses(luckier).mean() < comparison.losses(even).mean()
    assert comparison_of.choose(comparison, [even, luckier])[0] == [even]
    assert comparison_of.choose(comparison, [even, better])[0] == [better]


def test_threads_that_lose_the_filters_of_warnings_say_nothing(rows: Prepared) -> None:
    comparison = comparison_of.Comparison.of(comparison_of.Table.of(rows), 2, 0, LABELS)
    with warnings.catch_warnings(record=True) as said:
        warnings.resetwarnings()
        comparison.run([("forest", "standard")])
        assert warnings.filters == []
        warnings.warn("something else", stacklevel=1)
    assert [str(one.message) for one in said] == ["something else"]


def test_a_row_beyond_float32_is_refused_without_a_warning() -> None:
    example = Example("huge", row=dict.fromkeys(GTZAN_COLUMNS, 0.0) | {"tempo": 1e300})
    with pytest.raises(MediaError, match="no finite number in tempo"):
        GtzanBackend().prepare(example, GtzanConfig())
