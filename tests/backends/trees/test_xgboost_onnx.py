from __future__ import annotations

import numpy as np
import pytest
import xgboost as xgb

from genrekit.backends.trees import onnx
from genrekit.backends.trees.xgboost_json import from_booster
from genrekit.models.runtime import Runtime

N_FEATURES = 5


def to_onnx(boosters: list[xgb.Booster]) -> bytes:
    return onnx.to_onnx([from_booster(booster) for booster in boosters])


def data(n: int = 600, missing: float = 0.3, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    X = (rng.standard_normal((n, N_FEATURES)) * [1, 1e-6, 1e6, 1, 1]).astype(np.float32)
    X[:, 3] = np.round(X[:, 3])
    X[rng.random(X.shape) < missing] = np.nan
    return X


def boost(X: np.ndarray, y: np.ndarray, rounds: int = 15, **parameters) -> xgb.Booster:
    return xgb.train({"nthread": 1, "max_depth": 5, **parameters}, xgb.DMatrix(X, y), rounds)


def hard_rows(X: np.ndarray, boosters: list[xgb.Booster]) -> np.ndarray:
    """The rows, rows full of holes, rows without a value, infinities, and values on the thresholds themselves."""
    rng = np.random.default_rng(1)
    holes = np.where(rng.random(X.shape) < 0.7, np.float32(np.nan), X)
    edges = np.full((400, N_FEATURES), np.nan, dtype=np.float32)
    for booster in boosters:
        frame = booster.trees_to_dataframe()
        splits = frame[frame["Feature"] != "Leaf"]
        for k in range(N_FEATURES):
            thresholds = splits.loc[splits["Feature"] == f"f{k}", "Split"].to_numpy(np.float32)
            if len(thresholds):
                edges[:, k] = rng.choice(thresholds, len(edges))
    extremes = np.array([[np.nan], [0], [-0.0], [np.inf], [-np.inf], [3e38]], dtype=np.float32).repeat(
        N_FEATURES, 1
    )
    return np.concatenate([X, holes, edges, np.nextafter(edges, -np.inf), extremes])


def softprob(n_labels: int, X: np.ndarray, **parameters) -> xgb.Booster:
    y = np.nan_to_num(X[:, 0] + X[:, 3]).argsort().argsort() * n_labels // len(X)
    return boost(X, y, objective="multi:softprob", num_class=n_labels, **parameters)


@pytest.mark.parametrize("n_labels", [2, 3, 7])
@pytest.mark.parametrize("missing", [0.0, 0.3, 0.95])
def test_one_booster_for_all_labels(n_labels, missing) -> None:
    X = data(missing=missing)
    booster = softprob(n_labels, X, num_parallel_tree=2, subsample=0.5)
    rows = hard_rows(X, [booster])
    scores = Runtime(to_onnx([booster]), n_labels=n_labels).scores(rows)
    np.testing.assert_allclose(scores, booster.inplace_predict(rows), atol=2e-6)


def test_a_booster_a_label() -> None:
    X = data()
    boosters = [boost(X, np.nan_to_num(X[:, k]) > 0, objective="binary:logistic") for k in (0, 2, 3)]
    rows = hard_rows(X, boosters)
    scores = Runtime(to_onnx(boosters), n_labels=3).scores(rows)
    native = np.stack([booster.inplace_predict(rows) for booster in boosters], axis=1)
    np.testing.assert_allclose(scores, native, atol=2e-6)


@pytest.mark.parametrize("y", [0, 1])
def test_labels_that_no_row_or_every_row_has(y) -> None:
    X = data(60)
    boosters = [
        boost(X, np.full(len(X), y), 3, objective="binary:logistic"),
        boost(X, np.arange(len(X)) % 2, 3, objective="binary:logistic"),
    ]
    scores = Runtime(to_onnx(boosters), n_labels=2).scores(X)
    np.testing.assert_allclose(scores[:, 0], boosters[0].inplace_predict(X), atol=2e-6)


def test_a_label_without_rows_beside_others() -> None:
    X = data(60)
    booster = boost(X, np.arange(len(X)) % 2 * 2, 5, objective="multi:softprob", num_class=4)
    scores = Runtime(to_onnx([booster]), n_labels=4).scores(X)
    np.testing.assert_allclose(scores, booster.inplace_predict(X), atol=2e-6)


def test_the_same_booster_gives_the_same_bytes() -> None:
    X = data(100)
    booster = softprob(3, X)
    again = xgb.Booster()
    again.load_model(booster.save_raw("ubj"))
    assert to_onnx([booster]) == to_onnx([again])
