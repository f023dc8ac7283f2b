import contextlib
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from itertools import count, islice
from pathlib import Path

import pytest
from support.execution_tasks import CannotCrossOver, Unloadable, act, work_a_little
from support.waiting import Gate, wait_until

from genrekit.errors import GenrekitError, UsageError
from genrekit.execution import Outcome, default_jobs, ordered_map
from genrekit.execution import cores as cores_of
from genrekit.execution.worker import THREAD_VARIABLES

TESTS = Path(__file__).parents[1]
posix = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


def run_script(code: str, **options) -> subprocess.Popen:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)])}
    return subprocess.Popen(
        [sys.executable, *options.pop("arguments", ["-c", code])],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")  # a zombie of a killed parent still has its number
    return not (status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z")


@pytest.fixture
def gate(tmp_path) -> Gate:
    return Gate(tmp_path)


@pytest.fixture
def no_children() -> Callable[[], bool]:
    """Return whether no process has come in this test; other tests may have a cluster or a server."""
    before = set(multiprocessing.active_children())
    return lambda: not set(multiprocessing.active_children()) - before


def test_one_job_works_here_lazily_and_in_order():
    pulled = []

    def source():
        for i in count():
            pulled.append(i)
            yield "double", i

    outcomes = ordered_map(act, source())
    assert pulled == []
    assert list(islice(outcomes, 3)) == [Outcome(("double", i), 2 * i, None) for i in range(3)]
    assert pulled == [0, 1, 2]


def test_errors_become_words_in_this_process():
    items = [("media", None), ("raise", "by zero"), ("double", 4)]
    assert [(o.value, o.error) for o in ordered_map(act, items)] == [
        (None, "The file is empty. Give another one."),
        (None, "ZeroDivisionError: by zero"),
        (8, None),
    ]


def test_an_interrupt_in_this_process_is_no_error_of_an_item():
    def interrupted(item):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        next(ordered_map(interrupted, [1]))


def test_one_job_starts_no_processes_and_imports_nothing_for_them():
    process = run_script(
        "import sys\n"
        "before = set(sys.modules)\n"  # coverage may have imported more
        "from genrekit.execution.ordered_map import ordered_map\n"
        "print([o.value for o in ordered_map(abs, [-1, 2])], 'multiprocessing' in sys.modules.keys() - before)"
    )
    assert process.communicate()[0] == "[1, 2] False\n"


@pytest.mark.parametrize("wrong", [{"jobs": 0}, {"timeout_s": 0}, {"timeout_s": -1}, {"ahead": 0}])
def test_numbers_out_of_range_are_refused_before_anything_is_done(wrong):
    with pytest.raises(UsageError, match=f"{next(iter(wrong))}="):
        ordered_map(act, [], **wrong)


@posix
def test_whatever_happens_to_an_item_costs_that_item_only(gate, no_children):
    fine = [("double", i) for i in range(100, 103)]
    bad = [
        (("media", None), "The file is empty. Give another one."),
        (("raise", "by zero"), "ZeroDivisionError: by zero"),
        (("odd", 2), "NeedsTwoArguments: 1 and 2"),
        (("signal", signal.SIGKILL), "the process that read it died (signal 9)"),
        (("segfault", None), "the process that read it died (signal 11)"),
        (("os._exit", 3), "the process that read it died (exit status 3)"),
        (("os._exit", 0), "the process that read it died (exit status 0)"),
        (("exit", 4), "SystemExit: 4"),
        (("hold", (gate, "late")), "took longer than 3 s"),
        (("echo", CannotCrossOver(0)), "ValueError: made to fail"),
        (("back", os.getpid()), "Its result cannot be received: ValueError: made to fail"),
    ]
    items, expected = [("sleep", 0.3)], [(0.3, None)]  # finishes after the ones behind it
    for item, error in bad:
        items += [*fine, item]
        expected += [*((2 * i, None) for _, i in fine), (None, error)]
    items += [("lambda", 1), ("echo", lambda: 1), *fine]
    outcomes = list(ordered_map(act, items, jobs=2, timeout_s=3))
    assert (gate.held(), gate.passed()) == (1, 0)
    assert [o.item for o in outcomes] == items
    found = [(o.value, o.error) for o in outcomes]
    assert found[: len(expected)] == expected
    assert "lambda" in found[-5][1]  # whose words are Python's
    assert found[-4][1].startswith("It cannot be sent to another process:")
    assert found[-3:] == [(2 * i, None) for _, i in fine]
    assert no_children()


@posix
@pytest.mark.usefixtures("spawned_workers")
def test_workers_are_single_threaded_quiet_and_deaf_to_interrupts(monkeypatch, capfd):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    before = dict(os.environ)
    facts, noise = ordered_map(act, [("facts", None), ("noise", None)], timeout_s=60)
    assert facts.value["threads"] == dict.fromkeys(THREAD_VARIABLES, "1")
    assert not facts.value["numpy before"]
    assert facts.value["ignored"]
    assert facts.value["blocked since its start"]
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    assert facts.value["pid"] != os.getpid()
    assert noise.error is None
    assert dict(os.environ) == before
    out, err = capfd.readouterr()
    assert out == ""
    assert sorted(err.splitlines()) == ["from C", "from Python"]


def test_a_paused_consumer_stops_the_pulling_and_a_closed_one_the_workers(gate, tmp_path, no_children):
    pulled = []
    marks = tmp_path / "marks"
    marks.mkdir()

    def source():
        for i in count():
            pulled.append(i)
            yield ("mark", marks / str(i)) if i < 40 else ("hold", (gate, i))

    outcomes = ordered_map(act, source(), jobs=2, ahead=5)
    assert [next(outcomes).value for _ in range(3)] == ["0", "1", "2"]
    assert wait_until(lambda: len(list(marks.iterdir())) == len(pulled))  # the workers could take more
    assert len(pulled) <= 3 + 5
    assert [next(outcomes).value for _ in range(37)] == [str(i) for i in range(3, 40)]
    assert len(pulled) <= 40 + 5
    assert wait_until(lambda: gate.held() == 2)
    outcomes.close()
    assert no_children()
    assert gate.passed() == 0


def test_no_more_workers_than_items():
    assert list(ordered_map(act, [], jobs=4)) == []
    outcomes = list(ordered_map(act, [("facts", None)] * 2, jobs=8))
    assert len({o.value["pid"] for o in outcomes}) == 2


def test_items_and_results_larger_than_a_pipe_do_not_block():
    items = [("echo", bytes([i]) * 3_000_000) for i in range(8)]
    assert [o.value for o in ordered_map(act, items, jobs=2)] == [data for _, data in items]


@posix
@pytest.mark.night
def test_workers_killed_from_outside_at_any_moment_cost_at_most_an_item_each():
    kills = 0
    workers = set()
    stop = threading.Event()
    rng = random.Random(0)

    def killer():
        nonlocal kills
        while not stop.wait(0.1 + 0.1 * rng.random()):
            if alive := sorted({child.pid for child in multiprocessing.active_children()} & workers):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(rng.choice(alive), signal.SIGKILL)
                    kills += 1

    results = []
    thread = threading.Thread(target=killer)
    thread.start()
    try:
        for outcome in ordered_map(work_a_little, range(400), jobs=4):
            results.append(outcome)
            if outcome.value is not None:
                workers.add(outcome.value[1])
    finally:
        stop.set()
        thread.join()
    assert [o.item for o in results] == list(range(400))
    lost = [o for o in results if o.error is not None]
    assert {o.error for o in lost} <= {"the process that read it died (signal 9)"}
    assert len(lost) <= kills
    assert kills > 3
    assert all(o.value[0] == o.item for o in results if o.error is None)


def test_a_function_that_cannot_be_sent_stops_at_once(no_children):
    with pytest.raises(GenrekitError, match="cannot load the function to run"):
        next(ordered_map(lambda item: item, [1], jobs=2))
    with pytest.raises(GenrekitError, match="ImportError: no such backend here"):
        next(ordered_map(Unloadable(os.getpid()), [1], jobs=2))
    assert no_children()


def test_a_script_without_a_main_guard_is_told_so(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from genrekit.errors import GenrekitError\n"
        "from genrekit.execution.ordered_map import ordered_map\n"
        "try:\n"
        "    print(list(ordered_map(abs, [1, 2], jobs=2)))\n"
        "except GenrekitError as error:\n"
        "    print(error)\n"
    )
    process = run_script("", arguments=[str(script)])
    out = process.communicate()[0]
    assert "died before they could work (exit status 1)" in out
    assert "__main__" in out


LONG_WORK = """
import sys
from pathlib import Path
from support.execution_tasks import act
from support.waiting import Gate
from genrekit.execution.ordered_map import ordered_map
if __name__ == "__main__":
    held = [("hold", (Gate(Path(sys.argv[1])), i)) for i in range(4)]
    try:
        for outcome in ordered_map(act, [("facts", None)] * 8 + held, jobs=2, ahead=16):
            print(outcome.value["pid"], flush=True)
    except KeyboardInterrupt:
        sys.exit(130)
"""


def start_long_work(gate: Gate) -> tuple[subprocess.Popen, set[int]]:
    script = gate.folder / "script.py"
    script.write_text(LONG_WORK)
    process = run_script("", arguments=[str(script), str(gate.folder)], start_new_session=True)
    return process, {int(process.stdout.readline()) for _ in range(8)}


@posix
def test_an_interrupt_at_the_terminal_stops_everything_at_once(gate):
    process, workers = start_long_work(gate)
    assert wait_until(lambda: gate.held() == 2)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate()
    assert gate.passed() == 0
    assert (process.returncode, out, err) == (130, "", "")
    assert not any(map(is_running, workers))


@posix
def test_workers_do_not_outlive_a_killed_parent(gate):
    process, workers = start_long_work(gate)
    process.kill()
    gate.open()
    process.communicate()
    assert wait_until(lambda: not any(map(is_running, workers)))


@pytest.mark.parametrize(
    ("text", "cores"),
    [("max 100000", 6), ("150000 100000", 2), ("50000 100000", 1), ("900000 100000", 6), ("?", 6)],
)
def test_default_jobs_are_the_cores_that_we_may_use(monkeypatch, tmp_path, text, cores):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(6)), raising=False)
    (tmp_path / "cpu.max").write_text(text)
    monkeypatch.setattr(cores_of, "CGROUP_CPU_MAX", tmp_path / "cpu.max")
    assert default_jobs() == cores


def test_default_jobs_here():
    assert 1 <= default_jobs() <= os.cpu_count()
