from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xgboost as xgb

from genrekit.backends.trees import ubj
from genrekit.backends.trees.xgboost_file import read, to_booster, write

RNG = np.random.default_rng(0)
X = np.where(RNG.random((300, 6)) < 0.2, np.nan, RNG.random((300, 6))).astype(np.float32)
Y = np.nan_to_num(X[:, 0] * 3).astype(int) % 3


def boost(**parameters: Any) -> xgb.Booster:
    settings = {"objective": "multi:softprob", "num_class": 3, "nthread": 1, "max_depth": 4} | parameters
    if settings["objective"] != "multi:softprob":
        settings.pop("num_class")
    return xgb.train(settings, xgb.DMatrix(X, Y if "num_class" in settings else Y > 0), 5)


def raw(booster: xgb.Booster) -> bytes:
    return bytes(booster.save_raw("ubj"))


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"num_parallel_tree": 3, "subsample": 0.5},
        {"objective": "binary:logistic"},
        {"gamma": 2.0},
        {"base_score": 0.3},
    ],
)
def test_what_was_read_and_written_is_the_same_model(parameters) -> None:
    booster = boost(**parameters)
    again = to_booster(read(raw(booster)))
    rows = xgb.DMatrix(X)
    np.testing.assert_array_equal(again.predict(rows), booster.predict(rows))
    np.testing.assert_array_equal(
        again.predict(rows, pred_contribs=True), booster.predict(rows, pred_contribs=True)
    )
    assert again.num_boosted_rounds() == 5
    np.testing.assert_array_equal(
        again.predict(rows, iteration_range=(0, 2)), booster.predict(rows, iteration_range=(0, 2))
    )
    assert write(read(raw(again))) == write(read(raw(booster)))


def test_scaled_leaves_scale_the_margins() -> None:
    rows = xgb.DMatrix(X)
    model = read(raw(boost()))
    margins, half = (to_booster(m).predict(rows, output_margin=True) for m in (model, model.scaled(0.5)))
    base = model.base_margins
    np.testing.assert_allclose(half - base, (margins - base) / 2, atol=1e-6)


def test_one_base_score_for_all_labels_as_older_xgboost_wrote_it() -> None:
    document = ubj.loads(raw(boost(base_score=0.5)))
    document["learner"]["learner_model_param"]["base_score"] = "5E-1"
    document["version"] = [2, 1, 4]
    model = read(ubj.dumps(document))
    assert model.base_margins.tolist() == [0.5, 0.5, 0.5]
    assert read(write(model)).base_score == model.base_score


def tree(document: Any, k: int = 0) -> Any:
    return document["learner"]["gradient_booster"]["model"]["trees"][k]


def put(name: str, at: int, value: float) -> Callable[[Any], None]:
    def change(document: Any) -> None:
        tree(document)[name][at] = value

    return change


def parameter(name: str, value: str) -> Callable[[Any], None]:
    return lambda document: document["learner"]["learner_model_param"].update({name: value})


def booster_part(name: str, value: Any) -> Callable[[Any], None]:
    return lambda document: document["learner"]["gradient_booster"]["model"].update({name: value})


@pytest.mark.parametrize(
    "change",
    [
        put("left_children", 0, 10**6),
        put("right_children", 0, 10**6),
        put("left_children", 0, -7),
        put("left_children", 0, 0),
        put("left_children", 0, -1),
        put("split_indices", 0, 6),
        put("split_indices", 0, -1),
        put("split_type", 0, 1),
        put("split_conditions", -1, float("nan")),
        lambda document: tree(document).update(left_children=np.zeros(0, np.int32)),
        lambda document: tree(document).update(split_conditions=np.zeros(2, np.float32)),
        lambda document: tree(document).update(categories=np.ones(3, np.int32)),
        lambda document: tree(document).update(default_left="yes"),
        lambda document: tree(document).pop("default_left"),
        parameter("num_feature", "5000000000"),
        parameter("num_feature", "-1"),
        parameter("num_class", "0"),
        parameter("num_class", "2"),
        parameter("base_score", "[1,2]"),
        parameter("base_score", "[NaN,1,2]"),
        parameter("base_score", "["),
        booster_part("tree_info", [0] * 14 + [3]),
        booster_part("tree_info", [0]),
        booster_part("iteration_indptr", [0, 99]),
        booster_part("iteration_indptr", [0, 9, 3, 15]),
        booster_part("iteration_indptr", [2**40, 15]),
        booster_part("trees", []),
        booster_part("trees", 7),
        lambda document: document["learner"]["gradient_booster"].update(name="dart"),
        lambda document: document["learner"]["objective"].update(name="reg:squarederror"),
        lambda document: document.update(version=[3]),
        lambda document: document.pop("learner"),
    ],
)
def test_a_file_that_points_nowhere_is_refused(change) -> None:
    document = ubj.loads(raw(boost()))
    change(document)
    with pytest.raises(ValueError, match=r".+"):
        read(ubj.dumps(document))


def test_trees_that_meet_themselves_are_refused() -> None:
    document = ubj.loads(raw(boost()))
    left = tree(document, 1)["left_children"]
    below = np.flatnonzero(left[1:] > 0)[0] + 1
    left[below] = below
    with pytest.raises(ValueError, match="meets itself"):
        read(ubj.dumps(document))


def test_trees_that_are_too_deep_are_refused() -> None:
    """A chain: every node with an even number has a leaf and the rest of the chain below it."""
    document = ubj.loads(raw(boost()))
    n = 401
    number = np.arange(n)
    goes_on = (number % 2 == 0) & (number < n - 1)
    for name, values in tree(document).items():
        if isinstance(values, np.ndarray) and not name.startswith("categories"):
            tree(document)[name] = np.zeros(n, values.dtype)
    tree(document)["left_children"] = np.where(goes_on, number + 1, -1).astype(np.int32)
    tree(document)["right_children"] = np.where(goes_on, number + 2, -1).astype(np.int32)
    with pytest.raises(ValueError, match="deeper than 64"):
        read(ubj.dumps(document))


def test_changed_bytes_never_reach_xgboost_unchecked() -> None:
    """What XGBoost's own reader aborts on: every damaged file is refused, or is a model that predicts."""
    data = raw(boost())
    rng = np.random.default_rng(1)
    refused = 0
    for _ in range(300):
        damaged = bytearray(data)
        for at in rng.integers(0, len(data), 3):
            damaged[at] = rng.integers(256)
        try:
            booster = to_booster(read(bytes(damaged)))
        except ValueError:
            refused += 1
        else:
            assert booster.inplace_predict(X).shape[0] == len(X)
    assert refused > 30
