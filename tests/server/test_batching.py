"""The micro-batcher: it never waits, never mixes up, and one bad item fails alone."""

import asyncio
import threading

import numpy as np
import pytest

from genrekit.errors import BundleError, GenrekitError
from genrekit.server.batching import Batcher
from genrekit.server.registry import Registry


class Graph:
    """Scores a window by its mean; holds each batch until it may go on."""

    input_shape = (3,)

    def __init__(self):
        self.sizes = []
        self.gate = threading.Event()
        self.gate.set()
        self.begun = threading.Semaphore(0)

    def outputs(self, values, names):
        self.begun.release()
        self.gate.wait(60)
        self.sizes.append(len(values))
        if not np.isfinite(values).all():
            raise BundleError("not finite")
        return {name: values.mean(axis=1, keepdims=True) + k for k, name in enumerate(sorted(names))}


@pytest.fixture
def graph():
    return Graph()


@pytest.fixture
def batcher(graph):
    found = Batcher(graph)
    yield found
    graph.gate.set()
    found.end()


def window(value, n=1):
    return np.full((n, 3), value, np.float32)


def test_one_item_does_not_wait_for_others(batcher, graph):
    found = asyncio.run(batcher.outputs(window(2)))
    assert found["scores"].tolist() == [[2]]
    assert graph.sizes == [1]


def test_what_comes_while_a_batch_runs_is_the_next_batch(batcher, graph):
    async def run():
        graph.gate.clear()
        first = asyncio.create_task(batcher.outputs(window(0)))
        await asyncio.to_thread(graph.begun.acquire)
        others = [asyncio.create_task(batcher.outputs(window(n))) for n in range(1, 6)]
        await asyncio.sleep(0)
        graph.gate.set()
        return await asyncio.gather(first, *others)

    found = asyncio.run(run())
    assert [float(one["scores"][0, 0]) for one in found] == [0, 1, 2, 3, 4, 5]
    assert graph.sizes == [1, 5]


def test_batches_have_at_most_their_size_and_large_items_are_cut(batcher, graph):
    batcher.max_windows = 4

    async def run():
        graph.gate.clear()
        tasks = [asyncio.create_task(batcher.outputs(window(0)))]
        await asyncio.to_thread(graph.begun.acquire)
        tasks += [asyncio.create_task(batcher.outputs(window(n, n))) for n in (3, 2, 10)]
        await asyncio.sleep(0)
        graph.gate.set()
        return await asyncio.gather(*tasks)

    found = asyncio.run(run())
    assert [len(one["scores"]) for one in found] == [1, 3, 2, 10]
    assert graph.sizes == [1, 3, 2, 4, 4, 2]


def test_a_bad_item_fails_alone(batcher, graph):
    async def run():
        graph.gate.clear()
        tasks = [asyncio.create_task(batcher.outputs(window(0)))]
        await asyncio.to_thread(graph.begun.acquire)
        tasks += [asyncio.create_task(batcher.outputs(window(value))) for value in (1, np.nan, 3)]
        await asyncio.sleep(0)
        graph.gate.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    _, one, bad, three = asyncio.run(run())
    assert isinstance(bad, BundleError)
    assert (one["scores"][0, 0], three["scores"][0, 0]) == (1, 3)


def test_a_caller_that_left_costs_nothing(batcher, graph):
    async def run():
        graph.gate.clear()
        first = asyncio.create_task(batcher.outputs(window(0)))
        await asyncio.to_thread(graph.begun.acquire)
        gone = asyncio.create_task(batcher.outputs(window(1, 100)))
        await asyncio.sleep(0)
        gone.cancel()
        last = asyncio.create_task(batcher.outputs(window(2)))
        await asyncio.sleep(0)
        graph.gate.set()
        await asyncio.gather(first, last)

    asyncio.run(run())
    assert graph.sizes == [1, 1]


def test_each_gets_the_outputs_that_it_asked_for(batcher, graph):
    async def run():
        graph.gate.clear()
        first = asyncio.create_task(batcher.outputs(window(0)))
        await asyncio.to_thread(graph.begun.acquire)
        tasks = [
            asyncio.create_task(batcher.outputs(window(1), names))
            for names in (("scores",), ("scores", "distance"), ("embeddings",))
        ]
        await asyncio.sleep(0)
        graph.gate.set()
        await first
        return await asyncio.gather(*tasks)

    found = asyncio.run(run())
    assert [sorted(one) for one in found] == [["scores"], ["distance", "scores"], ["embeddings"]]


def test_windows_that_wait_are_scored_when_it_is_closed_and_later_ones_are_refused(batcher, graph):
    async def run():
        graph.gate.clear()
        tasks = [asyncio.create_task(batcher.outputs(window(n))) for n in range(3)]
        await asyncio.to_thread(graph.begun.acquire)
        batcher.close()
        graph.gate.set()
        found = await asyncio.gather(*tasks)
        with pytest.raises(GenrekitError, match="unloaded"):
            await batcher.outputs(window(1))
        return found

    assert len(asyncio.run(run())) == 3


def test_a_fault_of_the_graph_does_not_end_the_thread(batcher, graph):
    graph.outputs, right = (lambda values, names: 1 / 0), graph.outputs
    with pytest.raises(GenrekitError, match="ZeroDivisionError"):
        asyncio.run(batcher.outputs(window(1)))
    graph.outputs = right
    assert asyncio.run(batcher.outputs(window(1)))["scores"] == 1


def test_the_size_of_batches_is_measured(batcher, graph):
    batcher.measure()
    asyncio.run(batcher.outputs(window(1)))
    assert batcher.max_windows >= 1


def test_at_the_end_of_the_server_nothing_is_inside_the_graph_any_more(graph):
    before = scoring_threads()
    batcher = Batcher(graph)
    graph.gate.clear()
    batcher.measure()
    graph.begun.acquire()  # the thread is inside the graph
    ending = threading.Thread(target=batcher.end)
    ending.start()
    ending.join(0.05)
    assert ending.is_alive()
    graph.gate.set()
    ending.join(60)
    assert not ending.is_alive()
    assert len(graph.sizes) <= 3  # it does not try the other sizes of batches
    assert scoring_threads() <= before


def test_models_that_were_opened_end_if_another_cannot_be(monkeypatch, graph):
    before = scoring_threads()

    class Opened:
        def __init__(self, model):
            if model == "damaged":
                raise BundleError("damaged")
            self.batcher = Batcher(graph)

    registry = Registry.__new__(Registry)
    monkeypatch.setattr(registry, "_open", Opened, raising=False)
    with pytest.raises(BundleError):
        registry._open_all(["first", "damaged"])
    assert scoring_threads() <= before


def scoring_threads():
    return {thread for thread in threading.enumerate() if thread.name == "genrekit-score"}
