from __future__ import annotations

import contextlib
import json

import numpy as np
import pytest
import xgboost as xgb
from hypothesis import given
from hypothesis import strategies as st

from genrekit.backends.trees import ubj

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.text()
    | st.floats(width=32, allow_nan=False)
)
DOCUMENTS = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


@given(DOCUMENTS)
def test_what_is_written_is_read(document) -> None:
    assert ubj.loads(ubj.dumps(document)) == document


@pytest.mark.parametrize("dtype", ["f4", "f8", "u1", "i1", "i2", "i4", "i8"])
def test_arrays_keep_their_type(dtype) -> None:
    array = np.array([0, 1, 100], dtype=dtype)
    read = ubj.loads(ubj.dumps({"a": array}))["a"]
    assert read.dtype == array.dtype
    np.testing.assert_array_equal(read, array)


def test_a_model_of_xgboost_reads_as_its_json() -> None:
    rng = np.random.default_rng(0)
    data = xgb.DMatrix(rng.random((50, 4), dtype=np.float32), np.arange(50) % 3)
    booster = xgb.train({"objective": "multi:softprob", "num_class": 3}, data, 3)

    def plain(value):
        if isinstance(value, np.ndarray):
            return value.tolist()
        if isinstance(value, dict):
            return {key: plain(element) for key, element in value.items()}
        return [plain(element) for element in value] if isinstance(value, list) else value

    from_ubj = plain(ubj.loads(bytes(booster.save_raw("ubj"))))
    from_json = json.loads(bytes(booster.save_raw("json")))
    for tree, expected in zip(
        from_ubj["learner"]["gradient_booster"]["model"]["trees"],
        from_json["learner"]["gradient_booster"]["model"]["trees"],
        strict=True,
    ):
        assert tree.keys() == expected.keys()
        assert tree["left_children"] == expected["left_children"]
        np.testing.assert_array_equal(
            np.float32(tree["split_conditions"]), np.float32(expected["split_conditions"])
        )
    assert from_ubj["learner"]["learner_model_param"] == from_json["learner"]["learner_model_param"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x",
        b"{",
        b"Zx",
        b"[",
        b"[]",
        b"[$",
        b"[$d",
        b"[$S#L" + bytes(8),
        b"[$d#L\x7f" + b"\xff" * 7,
        b"[$d#L\xff" + b"\xff" * 7,
        b"[#L\x7f" + b"\xff" * 7,
        b"[#L\xff" + b"\xff" * 7,
        b"SL\x7f" + b"\xff" * 7,
        b"SL" + bytes(7) + b"\x01\xff",
        b"{L" + bytes(8) + b"ZL" + bytes(8) + b"Z}",
        b"[#L\0\0\0\0\0\0\0\x01" * 20 + b"Z",
    ],
)
def test_anything_else_is_refused(data) -> None:
    with pytest.raises(ValueError, match=r".+"):
        ubj.loads(data)


@given(st.binary(max_size=200))
def test_no_bytes_do_harm(data) -> None:
    with contextlib.suppress(ValueError):
        ubj.loads(data)
