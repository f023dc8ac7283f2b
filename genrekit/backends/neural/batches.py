"""Batches of prepared examples: random crops for training, all windows for measuring."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from genrekit.backends.base import Prepared
from genrekit.distributed import local_world_size
from genrekit.execution import default_jobs

Crop = Callable[[np.ndarray, np.random.Generator], np.ndarray]

# Processes that load batches for a GPU, at most. A CPU that trains has no spare core for them.
_MOST_WORKERS = 16


class Crops(Dataset[tuple[Tensor, Tensor]]):
    """A data set of random parts of examples, with their targets.

    An item is identified by epoch and position, and depends on nothing else: it is the same in every process, and
    after an interruption.
    """

    def __init__(self, prepared: Prepared, crop: Crop, seed: int) -> None:
        self._windows, self._crop, self._seed = prepared.windows, crop, seed
        self._targets = torch.from_numpy(prepared.targets)

    def __getitem__(self, at: tuple[int, int]) -> tuple[Tensor, Tensor]:
        epoch, i = at
        rng = np.random.default_rng((self._seed, epoch, i))
        part = self._crop(self._windows[i], rng)
        return torch.from_numpy(np.ascontiguousarray(part)), self._targets[i]


@dataclass
class Batches(Sampler[list[tuple[int, int]]]):
    """A sampler of the batches of an epoch: every example once in a new order, in batches of nearly equal size.

    Parameters
    ----------
    n_examples : int > 0
    batch_size : int > 0
        Maximum size of a batch.
    seed : int
    weights : np.ndarray [shape=(n_examples,)], optional
        Weights for drawing with replacement.
    rank, world_size : int
        Index of this process, and the number of processes that share an epoch.
    """

    n_examples: int
    batch_size: int
    seed: int
    weights: np.ndarray | None = None
    rank: int = 0
    world_size: int = 1
    epoch: int = 0

    @property
    def sampler(self) -> Batches:
        """The object on which Lightning's trainer calls `set_epoch`."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Set the number of the next epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-self._n_of_mine // self.batch_size)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        rng = np.random.default_rng((self.seed, self.epoch))
        n = self.n_examples
        if self.weights is None:
            order = rng.permutation(n)
        else:
            order = rng.choice(n, size=n, p=self.weights / self.weights.sum())
        mine = np.resize(order, self._n_of_mine * self.world_size)[self.rank :: self.world_size]
        for batch in np.array_split(mine, len(self)):
            yield [(self.epoch, int(i)) for i in batch]

    @property
    def _n_of_mine(self) -> int:
        return -(-self.n_examples // self.world_size)


class EveryWindow(Dataset[tuple[Tensor, int]]):
    """A data set of all windows of all examples, with the position of their example."""

    def __init__(self, prepared: Prepared) -> None:
        self._windows = prepared.windows
        self._at = [(i, w) for i, windows in enumerate(prepared.windows) for w in range(len(windows))]

    def __len__(self) -> int:
        return len(self._at)

    def __getitem__(self, position: int) -> tuple[Tensor, int]:
        i, w = self._at[position]
        return torch.from_numpy(np.array(self._windows[i][w], dtype=np.float32)), i


def training_loader(
    prepared: Prepared, crop: Crop, batches: Batches, *, on_gpu: bool
) -> DataLoader[tuple[Tensor, Tensor]]:
    """Return a loader of batches of crops, with worker processes for a GPU.

    Parameters
    ----------
    prepared : Prepared
    crop : callable
        From the windows of an example to an array of the shape of a window.
    batches : Batches
    on_gpu : bool

    Returns
    -------
    DataLoader
    """
    return DataLoader(
        Crops(prepared, crop, batches.seed),
        batch_sampler=batches,
        num_workers=_spare_cores() if on_gpu else 0,
        persistent_workers=on_gpu,
        pin_memory=on_gpu,
    )


def _spare_cores() -> int:
    """Return the cores that each training process on this machine can leave to its loader."""
    return max(1, min(_MOST_WORKERS, default_jobs() // local_world_size() - 1))


def measuring_loader(prepared: Prepared, batch_size: int) -> DataLoader[tuple[Tensor, int]]:
    """Return a loader of batches of all windows, in order.

    Parameters
    ----------
    prepared : Prepared
    batch_size : int > 0

    Returns
    -------
    DataLoader
    """
    return DataLoader(EveryWindow(prepared), batch_size=batch_size)
