"""Windows of several preparations in one row each."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genrekit.errors import BundleError
from genrekit.models.joined import join, join_rows, split
from genrekit.types import Windows


def windows(n, shape, *, length_s=1.0, seed=0, note=""):
    values = np.random.default_rng(seed).normal(size=(n, *shape)).astype(np.float32)
    times = tuple((k * length_s, (k + 1) * length_s) for k in range(n)) if length_s else ()
    return Windows(values, times, note)


def test_one_part_comes_back_as_it_was():
    one = windows(4, (3, 5))
    joined = join([one])
    assert joined.times_s == one.times_s
    (_, (back,)) = next(iter(split(joined.values, [2])))
    assert np.array_equal(back[:, 0], one.values)


def test_more_windows_of_another_part_go_to_the_nearest_of_the_first():
    first, other = windows(2, (2,), length_s=10), windows(6, (3, 4), length_s=3.3, seed=1)
    joined = join([first, other])
    assert joined.times_s == first.times_s
    found = list(split(joined.values, [1, 2]))
    assert len(found) == 1
    (_, (a, b)) = found[0]
    assert np.array_equal(a[:, 0], first.values)
    assert np.array_equal(b.reshape(6, 3, 4), other.values)


def test_fewer_windows_of_another_part_are_shared_by_neighbours():
    first, other = windows(5, (2,), length_s=2), windows(2, (3,), length_s=5, seed=1)
    (_, (_, b)) = next(iter(split(join([first, other]).values, [1, 1])))
    assert np.array_equal(b[:, 0], other.values[[0, 0, 0, 1, 1]]) or np.array_equal(
        b[:, 0], other.values[[0, 0, 1, 1, 1]]
    )


def test_windows_without_times_are_spread_evenly():
    first, other = windows(2, (2,), length_s=0), windows(4, (2,), length_s=1, seed=1)
    (_, (_, b)) = next(iter(split(join([first, other]).values, [1, 1])))
    assert np.array_equal(b.reshape(4, 2), other.values)


def test_notes_are_joined_once():
    parts = [windows(1, (2,), note="cut"), windows(1, (2,), note="cut"), windows(1, (2,), note="quiet")]
    assert join(parts).note == "cut; quiet"


@given(
    st.lists(
        st.tuples(st.integers(1, 7), st.lists(st.integers(1, 4), max_size=3).map(tuple), st.floats(0.1, 30)),
        min_size=1,
        max_size=4,
    )
)
def test_every_window_is_in_a_row(facts):
    parts = [windows(n, shape, length_s=length_s, seed=k) for k, (n, shape, length_s) in enumerate(facts)]
    joined = join(parts).values
    assert joined.shape[0] == len(parts[0].values)
    assert joined.dtype == np.float32
    seen = [set() for _ in parts]
    rows = []
    for indices, blocks in split(joined, [len(part.values.shape) - 1 for part in parts]):
        rows += indices.tolist()
        for k, block in enumerate(blocks):
            assert block.shape[2:] == parts[k].values.shape[1:]
            seen[k] |= {window.tobytes() for row in block for window in row}
    assert sorted(rows) == list(range(len(joined)))
    for part, found in zip(parts, seen, strict=True):
        assert found == {window.tobytes() for window in part.values}


def test_rows_of_several_examples_are_taken_apart_together():
    joined = np.concatenate([join([windows(3, (2,), seed=k)]).values for k in range(3)])
    found = list(split(joined, [1]))
    assert len(found) == 1
    assert found[0][1][0].shape == (9, 1, 2)


def test_rows_of_tables_have_one_window_per_part():
    a, b = np.arange(6.0).reshape(3, 2), np.arange(3.0).reshape(3, 1)
    (_, (x, y)) = next(iter(split(join_rows([a, b]), [1, 1])))
    assert np.array_equal(x[:, 0], a)
    assert np.array_equal(y[:, 0], b)


@pytest.mark.parametrize(
    "row",
    [
        [],
        [1],
        [0, 0, 0],
        [1, 1, 1e9],
        [2, 1, 1, 5],
        [1, 1, -3, 5],
        [float("nan"), 1, 1, 5],
        [float("inf"), float("inf"), 1, 5],
        [1, 1, 3, 5, 5],
    ],
)
def test_other_vectors_are_refused(row):
    with pytest.raises(BundleError, match="not those of this combination"):
        list(split(np.array([row], dtype=np.float32), [1]))
