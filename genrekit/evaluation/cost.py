"""Cost of a prediction: time and memory of a process that predicts inputs one at a time, measured on real inputs."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from genrekit.backends import Backend, BackendConfig
from genrekit.errors import GenrekitError
from genrekit.execution import open_pool
from genrekit.models import Runtime
from genrekit.preparation import Cache, Preparer
from genrekit.types import Example

N_INPUTS = 10


class Scores(Protocol):
    """A part of `genrekit.models.Runtime`."""

    def example_scores(self, windows: Sequence[np.ndarray]) -> np.ndarray:
        """Score examples."""
        ...


class HasRuntime(Protocol):
    """An object that loads its graph when ``runtime`` is read: a `genrekit.prediction.Model`, or a `Graph`."""

    @property
    def runtime(self) -> Scores:
        """The loaded graph."""
        ...


@dataclass(frozen=True)
class Graph:
    """A graph without a bundle."""

    onnx: bytes
    n_labels: int

    @property
    def runtime(self) -> Scores:
        """The loaded graph."""
        return Runtime(self.onnx, n_labels=self.n_labels)


@dataclass(frozen=True)
class Cost:
    """Time and memory of a prediction.

    Attributes
    ----------
    ms : float > 0
        Milliseconds per input, to prepare and to score it, in the median; nothing comes from the cache.
    memory_mb : float or None
        Megabytes that the process needed at most, above what it held before it loaded the model; None where the system
        does not tell.
    """

    ms: float
    memory_mb: float | None


@dataclass(frozen=True)
class _Task:
    backend: Backend
    config: BackendConfig
    model: HasRuntime
    examples: tuple[Example, ...]


def measure_cost(
    backend: Backend, config: BackendConfig, model: HasRuntime, examples: Sequence[Example]
) -> Cost | None:
    """Predict up to 11 examples one by one in a process of its own; the first one warms up.

    Parameters
    ----------
    backend, config
        The recipe that prepares.
    model : HasRuntime
        Object with the graph that scores; picklable.
    examples : sequence of Example
        At least one; some of them are chosen evenly.

    Returns
    -------
    Cost or None
        None if no example could be predicted.
    """
    places = np.unique(np.linspace(0, len(examples) - 1, N_INPUTS + 1).round().astype(int))
    task = _Task(backend, config, model, tuple(examples[i] for i in places))
    with open_pool(1) as pool:
        (outcome,) = pool.map(_measured, [task])
    return outcome.value


def _measured(task: _Task) -> Cost | None:
    before = _memory_bytes("VmRSS")
    runtime = task.model.runtime
    preparer = Preparer(task.backend, task.config, Cache(enabled=False))
    times_s = []
    for example in task.examples:
        start_s = time.perf_counter()
        try:
            windows = preparer(example)
        except GenrekitError:
            continue
        runtime.example_scores([windows.values])
        times_s.append(time.perf_counter() - start_s)
    if not times_s:
        return None
    peak = _memory_bytes("VmHWM")
    memory_mb = None if before is None or peak is None else (peak - before) / 1e6
    return Cost(1000 * statistics.median(times_s[1:] or times_s), memory_mb)


def _memory_bytes(field: str) -> int | None:
    """Return a field of ``/proc/self/status``; on macOS the largest resident size, on other systems None."""
    try:
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return None
