"""The list of content keys in a bundle: compact, and checked before it is believed."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load, save

from genrekit.errors import BundleError
from genrekit.models.keys import collect, dump_keys, loads

KEYS = st.lists(st.tuples(st.sampled_from(["sound", "picture", "row", "name"]), st.integers(0, 2**56 - 1)))


@given(KEYS, st.lists(st.integers(0, 9_999), max_size=5))
def test_knows_what_was_put_in_and_nothing_else(keys: list[tuple[str, int]], columns: list[int]) -> None:
    learnt = loads(dump_keys(collect(keys, tuple(columns))))
    assert learnt.row_columns == tuple(columns)
    for kind, key in keys:
        assert learnt.knows([("name", 2**56), (kind, key)])
        for other in ((kind, (key + 1) % 2**56), ("spectrogram", key)):
            assert learnt.knows([other]) is (other in keys)
    assert sum(learnt.counts.values()) == len(set(keys))
    assert not learnt.knows([])


def test_order_and_repetitions_do_not_count() -> None:
    keys = [("row", 7), ("name", 3), ("row", 1)]
    assert dump_keys(collect(keys)) == dump_keys(collect([*reversed(keys), ("row", 7)]))


def test_100_000_examples_of_two_keys_each_take_less_than_1_6_mb() -> None:
    rng = np.random.default_rng(0)
    numbers = rng.integers(0, 2**56, (100_000, 2)).tolist()
    learnt = collect(
        [pair for row, name in numbers for pair in (("row", row), ("name", name))], tuple(range(57))
    )
    assert len(dump_keys(learnt)) < 1_600_000


def test_kinds_of_a_later_genrekit_are_left_out() -> None:
    tensors = load(dump_keys(collect([("row", 7)])))
    assert loads(save({**tensors, "melody": np.zeros((3, 9), np.float32)})).counts == {"row": 1}


@pytest.mark.parametrize(
    "tensors",
    [
        {"row": np.zeros((3, 8), np.uint8)},
        {"row": np.zeros(7, np.uint8)},
        {"row": np.zeros((2, 7), np.uint8)},
        {"row": np.array([[9] * 7, [8] * 7], np.uint8)},
        {"row": np.zeros((1, 7), np.int8)},
        {"row_columns": np.array([-1], np.int32)},
        {"row_columns": np.array([1.0], np.float32)},
        {"row_columns": np.zeros(10_001, np.int32)},
    ],
)
def test_a_damaged_list_is_refused(tensors: dict[str, np.ndarray]) -> None:
    with pytest.raises(BundleError, match=r"keys\.safetensors is damaged"):
        loads(save(tensors))


@given(st.binary(max_size=100))
def test_no_bytes_do_harm(data: bytes) -> None:
    with contextlib.suppress(BundleError):
        loads(data)
