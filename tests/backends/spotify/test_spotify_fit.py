"""Training of the ``spotify`` backend on small tables of made-up features."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import quick

from genrekit.backends.base import Fitted, Prepared
from genrekit.backends.spotify import fit as spotify_fit
from genrekit.backends.spotify.backend import SpotifyBackend, SpotifyConfig
from genrekit.backends.trees import tensors, xgboost_json
from genrekit.errors import ConfigError, DatasetError
from genrekit.features.schema import SPOTIFY_COLUMNS
from genrekit.models.runtime import Runtime
from genrekit.progress import Epoch
from genrekit.testing.backend import check_backend
from genrekit.types import Example

LABELS = ("jazz", "metal", "pop")
QUICK = {**quick.SPOTIFY, "n_estimators": 40, "early_stopping_rounds": 10}


def make_rows(y: Sequence[int], *, missing: float = 0.1, noise: float = 1.0, seed: int = 0) -> np.ndarray:
    """Rows whose loudness and valence follow the label."""
    rng = np.random.default_rng(seed)
    X = rng.normal(0, noise, (len(y), 15))
    X[:, 5] += 2 * np.asarray(y)
    X[:, 7] -= np.asarray(y)
    X[rng.random(X.shape) < missing] = np.nan
    return X.astype(np.float32)


def make_prepared(
    y: Sequence[int],
    *,
    n_labels: int = 3,
    group_size: int = 2,
    targets: np.ndarray | None = None,
    **rows: float,
) -> Prepared:
    """One row for each label of ``y``; every ``group_size`` of a label, in turn, share a group."""
    seen = dict.fromkeys(y, 0)
    groups = []
    for label in y:
        groups.append(f"{label}/{seen[label] // group_size}")
        seen[label] += 1
    X = make_rows(y, **rows)
    return Prepared(
        [row[None] for row in X],
        np.eye(n_labels, dtype=np.float32)[list(y)] if targets is None else targets,
        np.array(groups),
        tuple(str(i) for i in range(len(y))),
    )


def make_multi(n: int, seed: int = 0) -> Prepared:
    """Rows with none to three labels, each told by a feature of its own."""
    rng = np.random.default_rng(seed)
    targets = (rng.random((n, 3)) < [0.5, 0.3, 0.1]).astype(np.float32)
    X = make_rows([0] * n, seed=seed)
    X[:, :3] += 3 * targets
    return Prepared([row[None] for row in X], targets, np.arange(n).astype(str), tuple(map(str, range(n))))


def fit(
    train: Prepared, labels: Sequence[str] = LABELS, valid: Prepared | None = None, **values: object
) -> Fitted:
    config = SpotifyConfig(**{**QUICK, **values})
    return spotify_fit.fit(train, valid, tuple(labels), config, lambda text: None)


def scores_of(fitted: Fitted, rows: Prepared) -> np.ndarray:
    return Runtime(fitted.onnx, n_labels=rows.targets.shape[1]).example_scores(rows.windows)


def worst_difference(fitted: Fitted) -> float:
    runtime = Runtime(fitted.onnx, n_labels=fitted.check_scores.shape[1])
    return float(np.abs(runtime.scores(fitted.check_windows) - fitted.check_scores).max())


@pytest.fixture(scope="module")
def rows() -> Prepared:
    return make_prepared([0, 1, 2] * 60)


@pytest.fixture(scope="module")
def fitted(rows: Prepared) -> Fitted:
    return fit(rows)


@pytest.fixture(scope="module")
def multi() -> Fitted:
    return fit(make_multi(300))


def realistic_examples() -> list[Example]:
    """Rows in the ranges of real tracks, some without some features."""
    rng = np.random.default_rng(5)
    examples = []
    for i in range(90):
        values = dict(zip(SPOTIFY_COLUMNS, rng.random(13), strict=True))
        values |= {
            "loudness": -30 * rng.random() + i % 3,
            "duration_ms": float(rng.integers(60_000, 600_000)),
            "tempo": 60 + 140 * rng.random(),
            "key": float(rng.integers(0, 12)),
            "time_signature": float(rng.choice([3, 4, 5])),
            "mode": float(rng.integers(0, 2)),
        }
        row = {name: float("nan") if rng.random() < 0.1 else float(value) for name, value in values.items()}
        examples.append(Example(id=f"row {i}", row=row, labels=(LABELS[i % 3],), group=f"artist {i // 2}"))
    return examples


def test_it_conforms_to_the_protocol() -> None:
    check_backend(SpotifyBackend(), examples=realistic_examples(), settings=QUICK)


def test_it_learns_what_is_there_to_learn(fitted: Fitted) -> None:
    fresh = make_prepared([0, 1, 2] * 200, seed=9)
    assert (scores_of(fitted, fresh).argmax(axis=1) == fresh.targets.argmax(axis=1)).mean() > 0.74


def test_the_graph_equals_the_native_model_also_where_values_are_missing(
    fitted: Fitted, multi: Fitted
) -> None:
    for one in (fitted, multi):
        assert np.isnan(one.check_windows).all(axis=1).any()
        assert np.isnan(one.check_windows).any(axis=1).mean() > 0.3
        assert worst_difference(one) < 1e-5


def test_the_same_data_and_seed_give_the_same_bytes_and_another_seed_others(
    rows: Prepared, fitted: Fitted
) -> None:
    again = fit(rows)
    assert (again.onnx, dict(again.native), again.history) == (
        fitted.onnx,
        dict(fitted.native),
        fitted.history,
    )
    assert fit(rows, seed=2**32 - 1).onnx != fitted.onnx


def test_copies_lack_values_and_what_is_computed_from_them() -> None:
    y = [0, 1, 2] * 40
    X = make_rows(y, missing=0.0)
    X[:, 11] = np.nan  # as in a table without this column
    X = spotify_fit.Table(X, np.eye(3, dtype=np.float32)[y], np.arange(90), np.arange(90, 120))
    table = X.with_gaps(2, seed=1)
    rows, copies = table.X[:120], table.X[120:]
    np.testing.assert_array_equal(rows, X.X)
    gone = np.isnan(copies) & ~np.isnan(np.tile(X.X, (2, 1)))
    assert gone[:, :13].any(axis=1).mean() > 0.9
    assert (gone[:, :13].sum(axis=1) == 1).mean() > 0.4
    assert 0.1 < gone[:, :13].mean() < 0.3
    np.testing.assert_array_equal(gone[:, 13], gone[:, 9])  # the fraction of the tempo
    np.testing.assert_array_equal(gone[:, 14], gone[:, 4] | gone[:, 5])  # energy over loudness
    known = ~np.isnan(copies)
    np.testing.assert_array_equal(copies[known], np.tile(X.X, (2, 1))[known])
    assert table.learn.tolist() == [*range(90), *range(120, 210), *range(240, 330)]
    assert table.held.tolist() == [*range(90, 120), *range(210, 240), *range(330, 360)]
    np.testing.assert_array_equal(table.targets, np.tile(X.targets, (3, 1)))


def test_a_row_that_lacks_its_best_feature_is_still_scored_by_the_others() -> None:
    rows = make_prepared([0, 1, 2] * 150, missing=0.0)
    fresh = make_prepared([0, 1, 2] * 200, seed=9)
    for window in fresh.windows:
        window[0, [5, 14]] = np.nan
    truth = fresh.targets.argmax(axis=1)
    losses = []
    for copies in (0, 1):
        scores = scores_of(fit(rows, gap_copies=copies), fresh)
        losses.append(-np.log(scores[np.arange(len(truth)), truth]).mean())
    assert losses[1] < losses[0]


def test_the_history_says_how_many_rounds_were_worth_it(rows: Prepared, fitted: Fitted) -> None:
    history = json.loads(json.dumps(dict(fitted.history), allow_nan=False))
    assert history["rounds"] == 1 + int(np.argmin(history["losses"]))
    assert history["log_loss"] == min(history["losses"])
    assert history["rows"] == len(rows)
    assert 0 < history["rows_held_out"] < len(rows) / 2
    assert (
        xgboost_json.to_booster(tensors.loads(fitted.native["trees.safetensors"])[0]).num_boosted_rounds()
        == (history["rounds"])
    )


def test_it_stops_early_where_there_is_nothing_to_learn() -> None:
    y = np.random.default_rng(0).integers(0, 3, 200)
    noise = replace(make_prepared([0] * 200), targets=np.eye(3, dtype=np.float32)[y])
    history = fit(noise, n_estimators=300).history
    assert history["rounds"] < 20
    assert len(history["losses"]) == history["rounds"] + QUICK["early_stopping_rounds"]


def test_the_validation_split_says_when_to_stop_and_is_learnt_from_after_all(rows: Prepared) -> None:
    valid = make_prepared([0, 1, 2] * 10, seed=3)
    history = fit(rows, valid=valid).history
    assert (history["rows"], history["rows_held_out"]) == (210, 30)


def test_a_validation_split_that_says_too_little_is_joined_to_the_rest(rows: Prepared) -> None:
    small = make_prepared([0, 1, 2], seed=3)
    history = fit(rows, valid=small).history
    assert history["rows"] == 183
    assert 10 < history["rows_held_out"] < 60
    strange = replace(make_prepared([0] * 40), targets=np.eye(4, dtype=np.float32)[[3] * 40])
    wider = replace(rows, targets=np.pad(rows.targets, ((0, 0), (0, 1))))
    history = fit(wider, (*LABELS, "polka"), valid=strange).history
    assert history["rows"] == 220
    assert history["rows_held_out"] < 60


def test_groups_are_not_separated(rows: Prepared) -> None:
    table = spotify_fit.Table.of(rows, None, LABELS, 0, multilabel=False)
    assert not set(rows.groups[table.learn]) & set(rows.groups[table.held])
    assert set(rows.targets[table.held].argmax(axis=1)) == {0, 1, 2}


def test_scores_are_as_sure_as_they_are_right() -> None:
    """Of an overfitted model: few rows, trees that learn them by heart."""
    rows = make_prepared([0, 1, 2] * 150, noise=3.0)
    by_heart = {"learning_rate": 0.5, "max_depth": 8, "reg_lambda": 0.0}
    fitted = fit(rows, **by_heart)
    fresh = make_prepared([0, 1, 2] * 700, noise=3.0, seed=4)
    scores = scores_of(fitted, fresh)
    right = scores.argmax(axis=1) == fresh.targets.argmax(axis=1)
    assert fitted.history["temperature"] > 1.05
    assert scores.max(axis=1).mean() == pytest.approx(right.mean(), abs=0.08)


def test_the_temperature_is_in_the_native_model_too() -> None:
    (model,) = tensors.loads(fit(make_prepared([0, 1, 2] * 30)).native["trees.safetensors"])
    stretched = spotify_fit.stretched(model, 0.5)
    X = make_rows([0, 1, 2] * 20)
    margins, halved = (
        xgboost_json.to_booster(one).inplace_predict(X, predict_type="margin") for one in (model, stretched)
    )
    np.testing.assert_allclose(halved, margins / 2, atol=1e-5)


@pytest.mark.parametrize("count", [2, 3, 7])
def test_few_rows_a_label(count: int) -> None:
    rows = make_prepared([0, 1, 2] * count, group_size=1)
    fitted = fit(rows)
    assert worst_difference(fitted) < 1e-5
    assert 1 / 2 < fitted.history["temperature"] < 2
    np.testing.assert_allclose(scores_of(fitted, rows).sum(axis=1), 1, atol=1e-5)


def test_two_labels_of_two_rows_each() -> None:
    rows = make_prepared([0, 0, 1, 1], n_labels=2, group_size=1)
    said: list[str] = []
    fitted = spotify_fit.fit(rows, None, LABELS[:2], SpotifyConfig(), said.append)
    assert worst_difference(fitted) < 1e-5
    assert any("no tree splits" in line for line in said)
    np.testing.assert_allclose(scores_of(fitted, rows), 0.5, atol=0.01)


def test_a_label_of_one_group_or_one_row_is_learnt_but_judges_nothing() -> None:
    y = [0, 1] * 40 + [2] * 10
    rows = make_prepared(y, group_size=10, noise=0.3, missing=0)
    table = spotify_fit.Table.of(rows, None, LABELS, 0, multilabel=False)
    assert 2 not in rows.targets[table.held].argmax(axis=1)
    scores = scores_of(fit(rows), rows)[:, 2]
    assert scores[-10:].min() > 2 * scores[:-10].max()
    assert worst_difference(fit(make_prepared([0, 1] * 20 + [2]))) < 1e-5


def test_a_label_without_rows_keeps_its_column_and_scores_nothing(rows: Prepared) -> None:
    wider = replace(rows, targets=np.insert(rows.targets, 1, 0, axis=1))
    for several in (False, True):
        fitted = fit(wider, ("a", "b", "c", "d"), multilabel=several)
        scores = scores_of(fitted, wider)
        assert scores[:, 1].max() < 0.005
        assert worst_difference(fitted) < 1e-5
        assert (scores.argmax(axis=1) == wider.targets.argmax(axis=1)).mean() > 0.8


@pytest.mark.parametrize(
    ("y", "group_size", "words"),
    [
        ([0, 0, 0, 0], 1, "one label only, 'jazz'"),
        ([0, 1, 2], 1, "so nothing can be held out"),
        ([0, 0, 1, 1, 2, 2], 2, "so nothing can be held out"),
    ],
)
def test_too_little_is_refused(y: list[int], group_size: int, words: str) -> None:
    with pytest.raises(DatasetError, match=words):
        fit(make_prepared(y, group_size=group_size))


def test_one_group_for_everything_is_refused(rows: Prepared) -> None:
    with pytest.raises(DatasetError, match="in one group"):
        fit(replace(rows, groups=np.full(len(rows), "one")))


def test_balanced_labels_weigh_the_same() -> None:
    y = [0] * 160 + [1] * 20 + [2] * 20
    rows = make_prepared(y, noise=4.0, missing=0)
    means = {
        weights: scores_of(fit(rows, class_weight=weights), rows).mean(axis=0)
        for weights in ("none", "balanced")
    }
    np.testing.assert_allclose(means["none"], [0.8, 0.1, 0.1], atol=0.06)
    assert means["balanced"][0] < 0.6


def test_several_labels_a_row(multi: Fitted) -> None:
    assert len(tensors.loads(multi.native["trees.safetensors"])) == 3
    assert set(multi.thresholds) == set(LABELS)
    assert set(multi.history["labels"]) == set(LABELS)
    fresh = make_multi(400, seed=8)
    given = scores_of(multi, fresh) >= [multi.thresholds[label] for label in LABELS]
    assert (given == fresh.targets).mean() > 0.85
    assert given.sum(axis=1).max() > 1


def test_several_models_also_where_every_row_has_one_label(rows: Prepared) -> None:
    fitted = fit(rows, multilabel=True)
    assert len(tensors.loads(fitted.native["trees.safetensors"])) == 3
    assert set(fitted.thresholds) == set(LABELS)


def test_rows_that_all_have_a_label_are_no_reason_to_stop() -> None:
    rows = make_multi(120)
    rows.targets[:, 1] = 1
    fitted = fit(rows)
    assert scores_of(fitted, rows)[:, 1].min() > 0.99
    assert worst_difference(fitted) < 1e-5


@settings(max_examples=2 * settings.default.max_examples, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.2, 0.5, 0.7, 1.0]), st.booleans()), min_size=1))
def test_no_threshold_gives_a_larger_f1(pairs) -> None:
    scores = np.array([score for score, _ in pairs])
    has = np.array([truth for _, truth in pairs])

    def f1(threshold: float) -> float:
        given = scores >= threshold
        return float(2 * (given & has).sum() / max(given.sum() + has.sum(), 1))

    found = spotify_fit.best_threshold(scores, has)
    assert 0 <= found <= 1
    if has.any():
        assert f1(found) == pytest.approx(max(map(f1, [0.0, 0.05, 0.15, 0.3, 0.6, 0.8])))
    else:
        assert found == 0.5


def test_a_gpu_that_is_not_there(rows: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spotify_fit, "_finds_cuda", lambda: False)
    assert spotify_fit.choose_device(SpotifyConfig(device="auto")) == "cpu"
    with pytest.raises(ConfigError, match="device = 'cuda', but XGBoost"):
        fit(rows, device="cuda")


def test_the_search_for_a_gpu_warns_of_nothing() -> None:
    assert spotify_fit.choose_device(SpotifyConfig()) in ("cpu", "cuda")


def test_a_gpu_that_is_there_is_taken_unless_the_cpu_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spotify_fit, "_finds_cuda", lambda: True)
    devices = [spotify_fit.choose_device(SpotifyConfig(device=device)) for device in ("auto", "cuda", "cpu")]
    assert devices == ["cuda", "cuda", "cpu"]


def test_progress_says_where_and_how_far(rows: Prepared) -> None:
    said: list[str] = []
    config = SpotifyConfig(n_estimators=120, early_stopping_rounds=120, max_depth=2, device="cpu")
    spotify_fit.fit(rows, None, LABELS, config, said.append)
    assert said[0].startswith("growing trees on cpu from 1")
    rounds = [event for event in said if isinstance(event, Epoch)]
    assert [event.number for event in rounds] == list(range(1, 121))
    assert rounds[99] == f"round 100 of 120: validation loss {rounds[99].valid['valid_loss']:.3f}"
    assert rounds[-1].valid["valid_loss"] < rounds[0].valid["valid_loss"]
    assert said[-1].startswith("kept ")


def test_a_caller_stops_the_growing(rows: Prepared) -> None:
    seen: list[int] = []

    class Enough(Exception):
        """Of the caller."""

    def watch(event: str) -> None:
        if isinstance(event, Epoch):
            seen.append(event.number)
            if event.number == 3:
                raise Enough

    with pytest.raises(Enough):
        spotify_fit.fit(rows, None, LABELS, SpotifyConfig(device="cpu"), watch)
    assert seen == [1, 2, 3]
