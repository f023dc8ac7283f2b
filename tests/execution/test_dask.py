import contextlib
import os
import signal
import subprocess
import sys
import threading
from itertools import count, islice

import pytest
from support.cluster import address, workers  # noqa: F401 - fixtures
from support.execution_tasks import CannotCrossOver, Unloadable, act, work_a_little
from support.waiting import Gate, interrupt_when, wait_until

from genrekit.errors import GenrekitError, UsageError
from genrekit.execution import Outcome, ordered_map
from genrekit.execution import dask as cluster

posix = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")

SCHEDULER = """
import sys
if "{missing}":
    sys.modules["{missing}"] = None
from distributed.cli.dask_scheduler import main
main(["--host", "127.0.0.1", "--port", "0", "--dashboard-address", "127.0.0.1:0"])
"""


@contextlib.contextmanager
def bare_scheduler(missing=""):
    """A scheduler in a process of its own, without workers; gives it and its address."""
    process = subprocess.Popen(
        [sys.executable, "-c", SCHEDULER.format(missing=missing)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        found = next(line for line in process.stderr if "Scheduler at:" in line)
        threading.Thread(target=process.stderr.read, daemon=True).start()  # a full pipe would stop it
        yield process, found.split("tcp://")[1].strip().join(["dask://", ""])
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


@pytest.fixture
def gate(tmp_path):
    """Work that lasts; what is still held at the end is let go, because Dask's threads cannot be stopped."""
    gate = Gate(tmp_path)
    yield gate
    gate.open()


def test_a_cluster_answers_what_one_process_answers(address):
    items = [("sleep", 0.3), *(("double", i) for i in range(40)), ("media", None), ("raise", "by zero")]
    items += [("odd", 2), ("echo", b"x" * 3_000_000), ("double", 7)]
    there = list(ordered_map(act, items, cluster=address))
    assert there == list(ordered_map(act, items))
    assert there[-4].error == "ZeroDivisionError: by zero"


def test_what_cannot_travel_costs_the_item(address):
    items = [
        ("lambda", 1),
        ("echo", lambda: 1),
        ("echo", CannotCrossOver(0)),
        ("back", os.getpid()),
        ("exit", 4),
    ]
    *outcomes, last = ordered_map(act, [*items, ("double", 2)], cluster=address)
    errors = [o.error for o in outcomes]
    assert "lambda" in errors[0]  # whose words are Python's
    assert errors[1].startswith("It cannot be sent to another process:")
    assert errors[2:] == [
        "ValueError: made to fail",
        "Its result cannot be received: ValueError: made to fail",
        "SystemExit: 4",
    ]
    assert last == Outcome(("double", 2), 4, None)


def test_a_paused_consumer_stops_the_pulling_and_a_closed_one_leaves_nothing(address, workers, gate):
    pulled = []

    def source():
        for i in count():
            pulled.append(i)
            yield ("double", i) if i < 40 else ("hold", (gate, i))

    outcomes = ordered_map(act, source(), cluster=address, ahead=5)
    assert pulled == []
    assert [next(outcomes).value for _ in range(3)] == [0, 2, 4]
    tasks = workers.scheduler.tasks
    assert wait_until(
        lambda: {task.state for task in list(tasks.values())} <= {"memory"}
    )  # it could take more
    assert len(pulled) <= 3 + 5
    assert len(workers.scheduler.tasks) <= 5
    assert [next(outcomes).value for _ in range(37)] == [2 * i for i in range(3, 40)]
    assert len(pulled) <= 40 + 5
    assert wait_until(gate.held)
    outcomes.close()
    assert wait_until(lambda: not workers.scheduler.tasks)
    assert gate.passed() == 0
    assert len(workers.scheduler.workers) == 2


def test_the_bound_follows_the_size_of_the_cluster(address):
    pulled = []
    outcomes = ordered_map(act, (pulled.append(i) or ("double", i) for i in count()), cluster=address)
    assert next(outcomes).value == 0
    assert len(pulled) == 2 * cluster.AHEAD_PER_THREAD
    outcomes.close()


@posix
@pytest.mark.night
def test_a_worker_killed_in_the_middle_loses_nothing(address, workers):
    items = range(300)
    outcomes = ordered_map(work_a_little, items, cluster=address)
    found = list(islice(outcomes, 60))
    before = set(workers.scheduler.workers)
    os.kill(found[-1].value[1], signal.SIGKILL)
    assert wait_until(lambda: len(now := set(workers.scheduler.workers)) == 2 and now != before)
    found += outcomes
    assert [(o.item, o.error) for o in found] == [(i, None) for i in items]
    assert [o.value[0] for o in found] == list(items)
    assert len({o.value[1] for o in found}) >= 3  # the two, and the one that came for the dead


@pytest.mark.night
def test_a_file_that_kills_its_workers_is_the_only_error(address):
    items = [("sleep", 0.01)] * 60
    items[20] = ("os._exit", 1)
    items[22] = ("os._exit", 3)
    outcomes = list(ordered_map(act, items, cluster=address))
    assert [o.item for o in outcomes] == items
    assert {k: o.error for k, o in enumerate(outcomes) if o.error} == dict.fromkeys(
        [20, 22], "the worker processes died once while working on it"
    )


def test_a_file_is_given_as_many_workers_as_the_scheduler_allows(address, workers, monkeypatch):
    monkeypatch.setattr(workers.scheduler, "allowed_failures", 1)
    outcomes = ordered_map(act, [("double", 1), ("os._exit", 1), ("double", 2)], cluster=address)
    assert [(o.value, o.error) for o in outcomes] == [
        (2, None),
        (None, "the worker processes died 2 times while working on it"),
        (4, None),
    ]


def test_what_takes_too_long_is_an_error_and_frees_its_place(address, gate):
    items = [("hold", (gate, "a")), ("hold", (gate, "b")), *[("double", 1)] * 8, ("media", None)]
    outcomes = list(ordered_map(act, items, cluster=address, timeout_s=2))
    assert (gate.held(), gate.passed()) == (2, 0)
    assert [o.error for o in outcomes] == [
        *["took longer than 2 s"] * 2,
        *[None] * 8,
        "The file is empty. Give another one.",
    ]


@posix
def test_an_interrupt_ends_the_run_and_leaves_nothing(address, workers, gate):
    interrupt_when(gate.held)
    with pytest.raises(KeyboardInterrupt):
        list(ordered_map(act, [("hold", (gate, i)) for i in range(9)], cluster=address))
    assert gate.passed() == 0
    assert wait_until(lambda: set(workers.scheduler.clients) <= {"fire-and-forget"})


def test_workers_of_another_version_are_named(address, monkeypatch):
    monkeypatch.setattr("genrekit.execution.dask_worker.__version__", "99.0")
    with pytest.raises(GenrekitError, match=r"tcp://127\S+ has genrekit \S+ on Python .* genrekit 99\.0 on"):
        list(ordered_map(act, [("double", 1)], cluster=address))


def test_a_function_that_the_workers_cannot_load_stops_at_once(address):
    with pytest.raises(GenrekitError, match="cannot load the function to run"):
        next(ordered_map(lambda item: item, [1], cluster=address))
    with pytest.raises(GenrekitError, match="ImportError: no such backend here"):
        next(ordered_map(Unloadable(os.getpid()), [1], cluster=address))


def test_a_cluster_without_genrekit_is_told_so():
    with (
        bare_scheduler(missing="genrekit") as (_, address),
        pytest.raises(GenrekitError, match=r"cannot load .* the same genrekit"),
    ):
        list(ordered_map(act, [("double", 1)], cluster=address))


def test_without_workers_nobody_waits_forever(monkeypatch):
    monkeypatch.setattr(cluster, "POLL_S", 0.1)
    monkeypatch.setattr(cluster, "NO_WORKERS_S", 0.5)
    with (
        bare_scheduler() as (_, address),
        pytest.raises(GenrekitError, match=r"no workers for 0.5 s.*--resume"),
    ):
        list(ordered_map(act, [("double", 1)], cluster=address))


def test_a_lost_scheduler_is_an_error_that_says_how_to_go_on():
    def items(process):
        yield "double", 1
        process.kill()
        yield "double", 2

    with (
        bare_scheduler() as (process, address),
        pytest.raises(GenrekitError, match=r"connection to the scheduler at dask://\S+ was lost.*--resume"),
    ):
        list(ordered_map(act, items(process), cluster=address))


def test_an_address_where_nobody_answers(monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_S", 0.5)
    with pytest.raises(UsageError, match=r"dask://127\.0\.0\.1:9 .*Check that"):
        list(ordered_map(act, [("double", 1)], cluster="dask://127.0.0.1:9"))


@pytest.mark.parametrize(
    "wrong",
    ["", "10.0.0.5:8786", "tcp://10.0.0.5:8786", "dask://10.0.0.5", "dask://:8786", "dask://h:x", "dask://h:99999",
     "dask://me:word@h:8786", "dask://h:8786/path", "dask://[::1:8786"],
)  # fmt: skip
def test_other_words_are_no_address(wrong):
    with pytest.raises(UsageError, match=r"not the address .* dask://host:port") as caught:
        ordered_map(act, [], cluster=wrong)
    assert "word" not in str(caught.value)  # a password


def test_dask_is_an_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError, match=r'pip install "genrekit\[dask\]"'):
        ordered_map(act, [], cluster="dask://localhost:8786")


def test_nothing_of_dask_is_imported_without_a_cluster():
    code = "import sys, genrekit.cli, genrekit.execution.ordered_map, genrekit.execution.dask; print('distributed' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
