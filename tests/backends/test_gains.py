"""Gains that are computed again from leaves and weights, against XGBoost's own."""

import numpy as np
import pytest
import xgboost as xgb

from genrekit.backends.trees import xgboost_json
from genrekit.backends.trees.gains import gain_shares


def rows(n_labels, missing=0.0):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 5)).astype(np.float32)
    y = np.digitize(x[:, 0] + 0.5 * x[:, 3] * x[:, 1], np.linspace(-0.7, 0.7, n_labels - 1))
    x[rng.random(x.shape) < missing] = np.nan
    return x, y


@pytest.mark.parametrize(
    ("n_labels", "settings"),
    [
        (3, {"reg_lambda": 5.0}),
        (2, {"reg_lambda": 0.5, "max_depth": 8}),
        (4, {"reg_lambda": 1.0, "subsample": 0.6, "learning_rate": 0.04}),
        (3, {"reg_lambda": 2.0, "num_parallel_tree": 3, "colsample_bynode": 0.5, "subsample": 0.7}),
    ],
)
@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_shares_are_those_of_xgboost(n_labels, settings, missing):
    x, y = rows(n_labels, missing)
    kind = (
        {"objective": "binary:logistic"}
        if n_labels == 2
        else {"objective": "multi:softprob", "num_class": n_labels}
    )
    booster = xgb.train({"seed": 1, **kind, **settings}, xgb.DMatrix(x, y), 12)
    theirs = booster.get_score(importance_type="total_gain")
    wanted = np.array([theirs.get(f"f{k}", 0.0) for k in range(5)])
    model = xgboost_json.from_booster(booster)
    found = gain_shares(model, settings["reg_lambda"])
    np.testing.assert_allclose(found, wanted / wanted.sum(), rtol=2e-3, atol=2e-4)
    np.testing.assert_allclose(gain_shares(model.scaled(0.3), settings["reg_lambda"]), found, atol=1e-6)


def test_trees_without_a_split_gain_nothing():
    x, y = rows(2)
    booster = xgb.train({"objective": "binary:logistic", "min_child_weight": 1e6}, xgb.DMatrix(x, y), 2)
    assert not gain_shares(xgboost_json.from_booster(booster), 1.0).any()
