"""A pool that lives longer than one call."""

import os
import threading
from concurrent.futures import CancelledError
from itertools import count, islice

import pytest
from support.execution_tasks import act, pid_of
from support.waiting import Gate, wait_until

from genrekit.errors import GenrekitError, UsageError
from genrekit.execution import Pool

pytestmark = pytest.mark.usefixtures("spawned_workers")


@pytest.fixture
def pool():
    with Pool(jobs=2) as opened:
        yield opened


def pids(pool, n=8):
    return {outcome.value for outcome in pool.map(pid_of, range(n))}


def test_the_same_processes_work_for_every_call(pool):
    assert list(pool.map(len, [])) == []
    first = pids(pool)
    assert os.getpid() not in first
    assert [outcome.value for outcome in pool.map(act, [("double", n) for n in range(20)])] == [
        2 * n for n in range(20)
    ]
    assert len(first | pids(pool)) <= 2


def test_a_single_item_is_not_worked_on_in_the_process_of_the_caller(pool):
    (outcome,) = pool.map(pid_of, ["one"])
    assert outcome.value != os.getpid()


def test_calls_from_several_threads_share_the_workers_and_keep_their_own_order(pool):
    results = {}

    def call(name, step):
        items = [("double", n * step) for n in range(50)]
        results[name] = [outcome.value for outcome in pool.map(act, items)]

    threads = [threading.Thread(target=call, args=(name, name + 1)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {name: [2 * n * (name + 1) for n in range(50)] for name in range(4)}


def test_a_death_costs_one_item_of_one_call(pool):
    outcomes = list(pool.map(act, [("double", 1), ("os._exit", 3), ("double", 2)]))
    assert [outcome.value for outcome in outcomes] == [2, None, 4]
    assert "exit status 3" in outcomes[1].error
    assert [outcome.value for outcome in pool.map(act, [("double", 5)])] == [10]


def test_an_abandoned_call_frees_its_place(monkeypatch):
    monkeypatch.setattr("genrekit.execution.pool.ABANDONED_S", 0.0)
    with Pool(jobs=1) as pool:
        endless = pool.map(act, ([("double", 1)] + [("sleep", 600)] * 5))
        assert next(endless).value == 2
        endless.close()
        assert [outcome.value for outcome in pool.map(act, [("double", 4)])] == [8]


def test_a_call_pulls_only_what_workers_can_take(pool):
    pulled = []
    outcomes = pool.map(act, (pulled.append(n) or ("double", n) for n in count()), ahead=4)
    assert [outcome.value for outcome in islice(outcomes, 3)] == [0, 2, 4]
    outcomes.close()
    assert len(pulled) <= 3 + 4


def test_a_function_that_one_process_cannot_load_ends_its_call_alone(pool, tmp_path, monkeypatch):
    (tmp_path / "only_here.py").write_text(
        f"import os\nassert os.getpid() == {os.getpid()}\ndef f(x): return x\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import only_here

    with pytest.raises(GenrekitError, match="cannot load"):
        list(pool.map(only_here.f, [1]))
    assert [outcome.value for outcome in pool.map(act, [("double", 1)])] == [2]


def test_a_time_limit_holds_for_every_call():
    with Pool(jobs=1, timeout_s=0.2) as pool:
        for _ in range(2):
            slow, quick = pool.map(act, [("sleep", 600), ("double", 3)])
            assert "took longer than 0.2 s" in slow.error
            assert quick.value == 6


def test_a_closed_pool_says_so():
    pool = Pool(jobs=1)
    pool.close()
    with pytest.raises(GenrekitError, match="closed"):
        list(pool.map(act, [("double", 1)]))


@pytest.mark.parametrize("wrong", [{"jobs": 0}, {"jobs": 1, "timeout_s": 0}])
def test_numbers_out_of_range(wrong):
    with pytest.raises(UsageError, match="jobs="):
        Pool(**wrong)


def test_single_items_are_submitted_from_any_thread_and_give_their_outcomes(pool):
    submit = pool.caller(act)
    futures = [submit(("double", n)) for n in range(20)]
    assert [future.result().value for future in futures] == [2 * n for n in range(20)]
    assert "ZeroDivisionError" in submit(("raise", "x")).result().error
    died, good = submit(("os._exit", 3)), submit(("double", 4))
    assert "exit status 3" in died.result().error
    assert good.result().value == 8


def test_a_cancelled_item_is_dropped_and_its_worker_works_on(pool, tmp_path, monkeypatch):
    monkeypatch.setattr("genrekit.execution.pool.ABANDONED_S", 0.2)
    gate = Gate(tmp_path)
    submit = pool.caller(act)
    held = [submit(("hold", (gate, name))) for name in "ab"]
    waiting = [submit(("hold", (gate, name))) for name in "cdefgh"]
    assert wait_until(lambda: gate.held() == 2)
    assert all(future.cancel() for future in [*waiting, held[0]])
    assert submit(("double", 1)).result().value == 2
    with pytest.raises(CancelledError):
        waiting[-1].result()
    gate.open()
    assert held[1].result().value == "b"
    assert gate.held() <= 4  # what was sent ahead is worked on, and nothing else


def test_items_of_a_pool_that_is_closed_fail_in_words(tmp_path):
    gate = Gate(tmp_path)
    with Pool(jobs=1) as pool:
        submit = pool.caller(act)
        future = submit(("hold", (gate, "a")))
    with pytest.raises(GenrekitError, match="closed"):
        future.result()
    with pytest.raises(GenrekitError, match="closed"):
        submit(("double", 1))
    with pytest.raises(GenrekitError, match="cannot load"):
        pool.caller(lambda item: item)
