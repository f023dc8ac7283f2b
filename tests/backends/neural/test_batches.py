from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.easy_set import one_each

from genrekit.backends.base import Prepared
from genrekit.backends.neural import batches as batching
from genrekit.backends.neural.batches import Batches, Crops, measuring_loader, training_loader

sizes = st.integers(1, 200)


def drawn(batches: Batches, epoch: int = 0) -> list[list[int]]:
    batches.set_epoch(epoch)
    found = list(batches)
    assert {at for batch in found for at, _ in batch} == {epoch}
    return [[i for _, i in batch] for batch in found]


@given(n=sizes, batch_size=sizes, seed=st.integers(0, 2**32 - 1), epoch=st.integers(0, 10_000))
def test_every_example_once_an_epoch_in_batches_of_nearly_one_size(n, batch_size, seed, epoch):
    batches = Batches(n, batch_size, seed)
    found = drawn(batches, epoch)
    assert len(found) == len(batches)
    assert sorted(i for batch in found for i in batch) == list(range(n))
    lengths = {len(batch) for batch in found}
    assert max(lengths) <= batch_size
    assert max(lengths) - min(lengths) <= 1
    assert drawn(Batches(n, batch_size, seed), epoch) == found


def test_epochs_and_seeds_differ():
    batches = Batches(50, 8, 1)
    orders = [drawn(batches, epoch) for epoch in range(5)] + [drawn(Batches(50, 8, 2), 0)]
    assert len({str(order) for order in orders}) == 6
    assert batches.sampler is batches  # where the trainer looks for `set_epoch`


@given(n=sizes, batch_size=sizes, world_size=st.integers(1, 5))
def test_processes_share_an_epoch_and_take_as_many_steps(n, batch_size, world_size):
    shares = [Batches(n, batch_size, 0, rank=rank, world_size=world_size) for rank in range(world_size)]
    assert len({len(share) for share in shares}) == 1
    found = [[i for batch in drawn(share, 3) for i in batch] for share in shares]
    assert {len(share) for share in found} == {-(-n // world_size)}
    counts = Counter(i for share in found for i in share)
    assert set(counts) == set(range(n))
    assert counts.total() - n < world_size  # at most one each is seen twice


def test_weights_are_proportions():
    batches = Batches(4, 2, 0, weights=np.array([1, 1, 2, 0]))
    counts = Counter(i for epoch in range(500) for batch in drawn(batches, epoch) for i in batch)
    assert counts.total() == 2000
    assert counts[3] == 0
    assert counts[2] / 2000 == pytest.approx(0.5, abs=0.05)
    assert counts[0] / 2000 == pytest.approx(0.25, abs=0.05)


def shifted(windows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return windows[0] + np.float32(rng.random())


def test_an_item_depends_on_its_epoch_and_position_alone():
    side = one_each(6)
    items = Crops(side, shifted, seed=3)
    first, targets = items[2, 4]
    assert first.dtype == torch.float32
    assert torch.equal(targets, torch.from_numpy(side.targets[4]))
    items[0, 1]
    assert torch.equal(items[2, 4][0], first)
    assert torch.equal(Crops(side, shifted, seed=3)[2, 4][0], first)
    others = (items[1, 4], items[2, 1], Crops(side, shifted, seed=4)[2, 4])
    assert not any(torch.equal(other, first) for other, _ in others)


def test_batches_to_learn_from_are_those_of_the_sampler():
    side = one_each(10)
    batches = Batches(10, 4, 0)
    loaded = list(training_loader(side, shifted, batches, on_gpu=False))
    expected = [[side.targets[i] for i in batch] for batch in drawn(batches)]
    assert [targets.numpy().tolist() for _, targets in loaded] == [np.array(t).tolist() for t in expected]


def test_bytes_stay_bytes_until_they_are_on_the_device():
    windows = [np.full((1, 2, 3), n, np.uint8) for n in range(3)]
    side = Prepared(windows, np.eye(3, dtype=np.float32), np.array(["a", "b", "c"]), ("a", "b", "c"))
    batches = Batches(3, 2, 0)
    loaded = [values for values, _ in training_loader(side, lambda w, rng: w[0], batches, on_gpu=False)]
    assert {values.dtype for values in loaded} == {torch.uint8}


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # more than the cores of this machine
@pytest.mark.parametrize(
    ("cores", "processes", "n"), [(1, 1, 1), (2, 1, 1), (8, 1, 7), (8, 2, 3), (64, 1, 16)]
)
def test_a_gpu_has_a_loader_on_every_core_that_training_leaves(monkeypatch, cores, processes, n):
    monkeypatch.setattr(batching, "default_jobs", lambda: cores)
    monkeypatch.setattr(batching, "local_world_size", lambda: processes)
    side = one_each(2)
    assert training_loader(side, shifted, Batches(2, 2, 0), on_gpu=True).num_workers == n


def test_all_windows_are_measured_in_order_whatever_their_number():
    windows = [np.full((n, 2, 3), n, np.float32) for n in (1, 3, 2)]
    for values in windows:
        values.flags.writeable = False  # as those of a mapped file are
    names = ("a", "b", "c")
    side = Prepared(windows, np.eye(3, dtype=np.float32), np.array(names), names)
    loaded = list(measuring_loader(side, 4))
    assert [len(owners) for _, owners in loaded] == [4, 2]
    assert torch.cat([owners for _, owners in loaded]).tolist() == [0, 1, 1, 1, 2, 2]
    assert torch.cat([values for values, _ in loaded])[:, 0, 0].tolist() == [1, 3, 3, 3, 2, 2]
