"""A micro-batcher that never waits: while a batch is scored, the next one gathers.

One thread per model scores; ONNX Runtime frees the interpreter meanwhile. There is no time window: a single request
is scored at once, and under load a batch is what arrived while the last one ran.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from genrekit.backends import OUTPUT
from genrekit.errors import GenrekitError
from genrekit.models import Runtime

Outputs = dict[str, np.ndarray]
Observe = Callable[[int, float], None]

START_WINDOWS = 8
SIZES = (1, 2, 4, 8, 16, 32, 64, 128)
TRIAL_S = 0.15
"""A batch that takes longer than this makes the others wait too long, whatever it gains."""
TRIAL_BYTES = 1 << 20
"""Windows of a trial: ONNX Runtime keeps the memory of the largest batch that it ever had."""
GAIN = 0.95
"""The next size is worth it if a window takes at most this part of the time that it took in a batch half as large."""


@dataclass(eq=False, slots=True)
class _Item:
    values: np.ndarray
    names: tuple[str, ...]
    future: asyncio.Future[Outputs]


class Batcher:
    """The graph of one model, shared by all requests.

    Parameters
    ----------
    runtime : Runtime
    observe : callable, optional
        Gets the number of windows and the seconds of each batch, in the scoring thread.

    Attributes
    ----------
    max_windows : int
        Windows in a batch; measured by `measure`.
    """

    def __init__(self, runtime: Runtime, observe: Observe = lambda windows, seconds: None) -> None:
        self.runtime = runtime
        self.max_windows = START_WINDOWS
        self._observe = observe
        self._items: deque[_Item] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._measure = False
        self._thread = threading.Thread(target=self._work, name="genrekit-score", daemon=True)
        self._thread.start()

    async def outputs(self, values: np.ndarray, names: tuple[str, ...] = (OUTPUT,)) -> Outputs:
        """Return outputs of the graph for windows, in a batch with those of other requests.

        A caller that is cancelled takes its windows out of the queue.

        Parameters
        ----------
        values : np.ndarray [shape=(n, *shape)]
        names : tuple of str

        Raises
        ------
        GenrekitError
            As `genrekit.models.Runtime.outputs`, or if the model is closed.
        """
        future: asyncio.Future[Outputs] = asyncio.get_running_loop().create_future()
        with self._changed:
            if self._closed:
                raise GenrekitError("The model was unloaded.", "Send the request again.")
            self._items.append(_Item(values, names, future))
            self._changed.notify()
        return await future

    def measure(self) -> None:
        """Find the size of batches that pays, when the scoring thread has time."""
        with self._changed:
            self._measure = True
            self._changed.notify()

    def close(self) -> None:
        """End the scoring thread when the windows that wait are scored."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def end(self) -> None:
        """Drop the windows that wait and return when the scoring thread has ended.

        An interpreter that ends while a thread is inside a native library aborts the process.
        """
        with self._changed:
            self._items.clear()
        self.close()
        self._thread.join()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not (self._items or self._closed or self._measure):
                    self._changed.wait()
                batch = self._take()
                if not batch and self._closed:
                    return
                trial, self._measure = not batch and self._measure, self._measure and bool(batch)
            if trial:
                self.max_windows = _best_size(self.runtime, lambda: self._closed)
                continue
            if not batch:
                continue
            started_s = time.perf_counter()
            results = _score(self.runtime, batch, self.max_windows)
            self._observe(sum(len(item.values) for item in batch), time.perf_counter() - started_s)
            _deliver(batch, results)

    def _take(self) -> list[_Item]:
        """Take waiting windows of one shape up to the size of a batch; at least one item."""
        batch: list[_Item] = []
        n_windows = 0
        while self._items:
            item = self._items[0]
            if item.future.cancelled():
                self._items.popleft()
                continue
            if batch and (
                n_windows + len(item.values) > self.max_windows
                or item.values.shape[1:] != batch[0].values.shape[1:]
            ):
                break
            batch.append(self._items.popleft())
            n_windows += len(item.values)
        return batch


def _score(runtime: Runtime, batch: Sequence[_Item], size: int) -> list[Outputs | GenrekitError]:
    """Score a batch; where it fails, score its items one by one, so that only those at fault fail."""
    names = tuple(dict.fromkeys(name for item in batch for name in item.names))
    values = batch[0].values if len(batch) == 1 else np.concatenate([item.values for item in batch])
    try:
        parts = [runtime.outputs(values[at : at + size], names) for at in range(0, len(values), size)]
        found = {name: np.concatenate([part[name] for part in parts]) for name in names}
    except GenrekitError as error:
        if len(batch) == 1:
            return [error]
        return [result for item in batch for result in _score(runtime, [item], size)]
    except Exception as error:  # memory, or a fault of ours: the thread must live on
        return [GenrekitError(f"The model could not score: {type(error).__name__}.")] * len(batch)
    results: list[Outputs | GenrekitError] = []
    at = 0
    for item in batch:
        end = at + len(item.values)
        results.append({name: found[name][at:end] for name in item.names})
        at = end
    return results


def _deliver(batch: Sequence[_Item], results: Sequence[Outputs | GenrekitError]) -> None:
    """Set the results on the futures, with one wake-up of each event loop."""
    loops = {item.future.get_loop() for item in batch}
    for loop in loops:
        mine = [
            (item.future, result)
            for item, result in zip(batch, results, strict=True)
            if item.future.get_loop() is loop
        ]
        if not loop.is_closed():
            loop.call_soon_threadsafe(_settle, mine)


def _settle(pairs: Sequence[tuple[asyncio.Future[Outputs], Outputs | GenrekitError]]) -> None:
    for future, result in pairs:
        if future.done():
            continue
        if isinstance(result, GenrekitError):
            future.set_exception(result)
        else:
            future.set_result(result)


def _best_size(runtime: Runtime, is_closed: Callable[[], bool]) -> int:
    """Measure batches of windows until a larger one takes as long per window, or the model is closed."""
    shape = tuple(length or 1 for length in runtime.input_shape)
    rng = np.random.default_rng(0)
    best, best_s = 1, float("inf")
    for size in SIZES:
        if is_closed() or (size > 1 and 4 * size * int(np.prod(shape)) > TRIAL_BYTES):
            break
        values = rng.random((size, *shape), dtype=np.float32)
        try:
            runs_s = []
            for _ in range(3):
                started_s = time.perf_counter()
                runtime.outputs(values, (OUTPUT,))
                runs_s.append(time.perf_counter() - started_s)
        except GenrekitError:  # random windows say nothing about real ones
            return best
        per_window_s = min(runs_s) / size
        if per_window_s <= best_s * GAIN:
            best, best_s = size, per_window_s
        elif size >= 4 * best:
            break
        if min(runs_s) > TRIAL_S:
            break
    return best
