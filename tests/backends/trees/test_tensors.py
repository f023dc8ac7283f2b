"""Trees of XGBoost: through arrays and JSON to the same model, and nothing unchecked to XGBoost."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import xgboost as xgb
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load, save

from genrekit.backends.trees.tensors import dumps, loads
from genrekit.backends.trees.xgboost_json import from_booster, to_booster

RNG = np.random.default_rng(0)
X = np.where(RNG.random((300, 6)) < 0.2, np.nan, RNG.random((300, 6))).astype(np.float32)
Y = np.nan_to_num(X[:, 0] * 3).astype(int) % 3

Arrays = dict[str, np.ndarray]


def boost(**parameters: Any) -> xgb.Booster:
    settings = {"objective": "multi:softprob", "num_class": 3, "nthread": 1, "max_depth": 4} | parameters
    if settings["objective"] != "multi:softprob":
        settings.pop("num_class")
    return xgb.train(settings, xgb.DMatrix(X, Y if "num_class" in settings else Y > 0), 5)


DATA = dumps([from_booster(boost())])


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
def test_what_was_written_and_read_is_the_same_model(parameters: dict[str, Any]) -> None:
    booster = boost(**parameters)
    data = dumps([from_booster(booster)])
    (model,) = loads(data)
    again = to_booster(model)
    rows = xgb.DMatrix(X)
    np.testing.assert_array_equal(again.predict(rows), booster.predict(rows))
    np.testing.assert_array_equal(
        again.predict(rows, pred_contribs=True), booster.predict(rows, pred_contribs=True)
    )
    assert again.num_boosted_rounds() == 5
    np.testing.assert_array_equal(
        again.predict(rows, iteration_range=(0, 2)), booster.predict(rows, iteration_range=(0, 2))
    )
    assert dumps([from_booster(again)]) == data


def test_several_models_are_in_one_file() -> None:
    boosters = [boost(objective="binary:logistic", max_depth=depth) for depth in (1, 3)]
    models = loads(dumps([from_booster(booster) for booster in boosters]))
    for model, booster in zip(models, boosters, strict=True):
        np.testing.assert_array_equal(to_booster(model).inplace_predict(X), booster.inplace_predict(X))


def test_scaled_leaves_scale_the_margins() -> None:
    rows = xgb.DMatrix(X)
    model = from_booster(boost())
    margins, half = (to_booster(m).predict(rows, output_margin=True) for m in (model, model.scaled(0.5)))
    base = model.base_margins
    np.testing.assert_allclose(half - base, (margins - base) / 2, atol=1e-6)


def test_thresholds_of_any_size_come_back_to_the_bit() -> None:
    """XGBoost reads the decimal digits of a float32 as the same float32."""
    (model,) = loads(DATA)
    values = np.random.default_rng(1).integers(0, 2**32, len(model.leaves), dtype=np.uint32).view(np.float32)
    values = np.where(np.isfinite(values), values, np.float32(1e-45))
    odd = replace(model, nodes={**model.nodes, "split_conditions": values})
    np.testing.assert_array_equal(from_booster(to_booster(odd)).nodes["split_conditions"], values)


class Old:
    """A booster as XGBoost 2 saves it: one base score for all labels."""

    def save_raw(self, kind: str) -> bytearray:
        document = json.loads(bytes(boost(base_score=0.5).save_raw(kind)))
        document["learner"]["learner_model_param"]["base_score"] = "5E-1"
        document["version"] = [2, 1, 4]
        return bytearray(json.dumps(document).encode())


def test_one_base_score_for_all_labels_as_older_xgboost_wrote_it() -> None:
    model = from_booster(Old())  # type: ignore[arg-type]
    assert model.base_margins.tolist() == [0.5, 0.5, 0.5]
    assert loads(dumps([model]))[0].base_score == model.base_score


def put(name: str, at: int, value: float) -> Callable[[Arrays], None]:
    def change(arrays: Arrays) -> None:
        arrays[f"0.{name}"][at] = value

    return change


def become(name: str, values: Any, dtype: str) -> Callable[[Arrays], None]:
    return lambda arrays: arrays.update({f"0.{name}": np.array(values, dtype)})


def changed(change: Callable[[Arrays], None]) -> bytes:
    arrays = {name: array.copy() for name, array in load(DATA).items()}
    change(arrays)
    return save(arrays)


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
        put("split_conditions", -1, float("nan")),
        put("objective", 0, 2),
        put("n_features", 0, 0),
        put("n_features", 0, -1),
        put("n_features", 0, 2**31 - 1),
        put("starts", 0, 1),
        put("starts", 1, 0),
        put("starts", -1, 10**9),
        put("starts", 2, -5),
        put("outputs", -1, 3),
        put("outputs", 0, -1),
        put("rounds", -1, 99),
        put("rounds", 1, 9999),
        become("left_children", [], "i4"),
        become("split_conditions", [1, 2], "f4"),
        become("default_left", [[1]], "u1"),
        become("default_left", [1.0] * 9, "f4"),
        become("base_score", [1, 2], "f8"),
        become("base_score", [np.nan, 1, 2], "f8"),
        become("base_score", [], "f8"),
        become("outputs", [0], "i4"),
        become("rounds", [0], "i4"),
        become("starts", [0], "i8"),
        become("starts", [], "i8"),
        become("version", [3], "i4"),
        become("objective", [0, 0], "u1"),
        become("more", [0], "u1"),
        lambda arrays: arrays.pop("0.default_left"),
        lambda arrays: arrays.update({"1.left_children": arrays.pop("0.left_children")}),
        lambda arrays: arrays.clear(),
    ],
)
def test_a_file_that_points_nowhere_is_refused(change: Callable[[Arrays], None]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        loads(changed(change))


def test_trees_that_meet_themselves_are_refused() -> None:
    (model,) = loads(DATA)

    def change(arrays: Arrays) -> None:
        tree = arrays["0.left_children"][model.starts[1] : model.starts[2]]
        below = np.flatnonzero(tree[1:] > 0)[0] + 1
        tree[below] = below

    with pytest.raises(ValueError, match="meets itself"):
        loads(changed(change))


def test_trees_that_are_too_deep_are_refused() -> None:
    """A chain: every node with an even number has a leaf and the rest of the chain below it."""
    n = 401
    number = np.arange(n)
    goes_on = (number % 2 == 0) & (number < n - 1)

    def change(arrays: Arrays) -> None:
        for name in ("split_indices", "split_conditions", "default_left", "sum_hessian"):
            arrays[f"0.{name}"] = np.zeros(n, arrays[f"0.{name}"].dtype)
        arrays["0.left_children"] = np.where(goes_on, number + 1, -1).astype(np.int32)
        arrays["0.right_children"] = np.where(goes_on, number + 2, -1).astype(np.int32)
        arrays["0.starts"] = np.array([0, n])
        arrays["0.outputs"] = np.zeros(1, np.int32)
        arrays["0.rounds"] = np.array([0, 1], np.int32)

    with pytest.raises(ValueError, match="deeper than 64"):
        loads(changed(change))


def test_changed_bytes_never_reach_xgboost_unchecked() -> None:
    """XGBoost's own reader aborts on damage: every damaged file is refused, or is a model that predicts."""
    rng = np.random.default_rng(1)
    refused = 0
    for _ in range(300):
        damaged = bytearray(DATA)
        for at in rng.integers(0, len(DATA), 3):
            damaged[at] = rng.integers(256)
        try:
            (model,) = loads(bytes(damaged))
        except ValueError:
            refused += 1
        else:
            rows = np.zeros((5, model.n_features), np.float32)
            assert len(to_booster(model).inplace_predict(rows)) == 5
    assert refused > 30


@pytest.mark.parametrize("data", [b"", b"{", b"\xff" * 8, b"\xff" * 7 + b"\x7f{}", DATA[:-1], DATA + b"x"])
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="no safetensors"):
        loads(data)


@given(st.binary(max_size=200))
def test_no_bytes_do_harm(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        loads(data)
