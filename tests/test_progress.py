import io
import os
import pickle
import shlex
import sys
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.terminal import on_terminal
from support.waiting import wait_until

from genrekit.progress import Epoch, be_quiet, heartbeat, of_training, progress

SCRIPT = """
import sys
from genrekit.progress import progress
with progress({total}, "preparing [bold]", rows={rows}) as advance:
    for _ in range(5):
        advance()
        print("a row", flush=True)
        if {rows} is None: print("a word", file=sys.stderr)
"""


class Clock:
    """A time that passes only when a test says so."""

    now_s = 0.0

    def __call__(self):
        return self.now_s


def script(total, rows):
    return f"python -c {shlex.quote(SCRIPT.format(total=total, rows=rows))}"


@pytest.mark.parametrize("total", [5, None])
def test_a_terminal_sees_the_bar_the_rate_and_the_time(total, tmp_path):
    shown = on_terminal(f"{script(total, None)} > rows", 120, tmp_path)
    for piece in ("preparing [bold]", "files/s", f"5/{total or '?'}", "0:00:0"):
        assert piece in shown.sent
    assert shown.lines == ["a word"] * 5  # the bar has gone
    assert (tmp_path / "rows").read_text() == "a row\n" * 5


@pytest.mark.parametrize("pipe", ["", "| cat"])
@pytest.mark.parametrize("columns", [60, 80, 120])
def test_rows_never_share_a_line_with_a_bar(columns, pipe, tmp_path):
    shown = on_terminal(f"{script(5, 'sys.stdout')} {pipe}", columns, tmp_path)
    assert shown.lines == ["a row"] * 5
    assert "━" not in shown.sent


def test_a_file_gets_a_line_per_minute_of_work(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    clock = Clock()
    with progress(300, "predicting", clock=clock) as advance:
        for _ in range(300):
            clock.now_s += 0.5
            advance()
    assert sys.stderr.getvalue().splitlines() == [
        "predicting: 120 of 300, 2.0 files/s, about 2 min left",
        "predicting: 240 of 300, 2.0 files/s, about 1 min left",
    ]


def test_without_a_total_the_line_says_how_many(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    clock = Clock()
    with progress(None, "writing", clock=clock) as advance:
        clock.now_s = 7200
        advance()
    assert sys.stderr.getvalue() == "writing: 1, 0.0 files/s\n"


def test_hours_are_hours(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    clock = Clock()
    with progress(100, "predicting", clock=clock) as advance:
        clock.now_s = 60
        advance()
    assert "about 1 h 39 min left" in sys.stderr.getvalue()


def test_quiet_shows_nothing(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    clock = Clock()
    be_quiet(True)
    try:
        with progress(300, "predicting", clock=clock) as advance:
            clock.now_s = 1000
            advance()
    finally:
        be_quiet(False)
    assert sys.stderr.getvalue() == ""


@pytest.mark.parametrize("stderr", [None, "closed"])
def test_without_stderr_there_is_no_progress(stderr, monkeypatch):
    if stderr:
        stderr = io.StringIO()
        stderr.close()
    monkeypatch.setattr(sys, "stderr", stderr)
    with open(os.devnull) as rows, progress(2, "predicting", rows=rows) as advance:
        advance()


TRANSFER = """
from genrekit.progress import transfer_progress
with transfer_progress("fma_small.zip") as report:
    for done in range(0, 5):
        report(done * 2**20, 4 * 2**20)
"""


def test_a_transfer_shows_bytes_rate_and_time_left_on_a_terminal_only(tmp_path):
    command = f"python -c {shlex.quote(TRANSFER)}"
    sent = on_terminal(command, 120, tmp_path).sent
    assert "fma_small.zip" in sent
    assert "MiB" in sent
    assert on_terminal(f"{command} 2> stderr", 120, tmp_path).sent.strip() == ""
    assert (tmp_path / "stderr").read_bytes() == b""


def test_a_report_within_another_is_not_a_second_bar(tmp_path):
    nested = """
from genrekit.progress import progress
with progress(1, "outer") as outer, progress(1, "inner", unit="fits") as inner:
    inner(), outer()
print("done")
"""
    shown = on_terminal(f"python -c {shlex.quote(nested)} > rows", 80, tmp_path)
    assert shown.status == 0
    assert "outer" in shown.sent
    assert "inner" not in shown.sent


def test_a_silent_minute_gets_a_line_that_says_what_was_last(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    monkeypatch.setattr("genrekit.progress.LINE_EVERY_S", 0.01)
    said = []
    with heartbeat("training", said.append) as say:
        say("  comparing 3 candidates ")
        assert wait_until(lambda: sys.stderr.getvalue().count("at: ") >= 2)
    lines = sys.stderr.getvalue().splitlines()
    assert said == ["  comparing 3 candidates "]
    assert set(lines) <= {"training: 1 min so far", "training: 1 min so far, at: comparing 3 candidates"}
    assert not [thread for thread in threading.enumerate() if thread.name == "heartbeat"]


def test_a_report_of_files_needs_no_second_line(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    monkeypatch.setattr("genrekit.progress.LINE_EVERY_S", 0.01)
    with heartbeat("training", lambda text: None), progress(2, "preparing", clock=Clock()):
        time.sleep(0.1)
    assert "training" not in sys.stderr.getvalue()


def test_quiet_has_no_heartbeat(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    be_quiet(True)
    try:
        with heartbeat("training", print) as say:
            assert say is print
    finally:
        be_quiet(False)


def test_epochs_are_events_and_some_of_them_lines() -> None:
    now_s, said, seen = [0.0], [], []
    report = of_training(said.append, seen.append, clock=lambda: now_s[0])
    report("12 parameters")
    epochs = [Epoch(n, 6, loss=1 / n, valid={"valid_loss": 0.5}, left_s=60.0 * (6 - n)) for n in range(1, 7)]
    for event in epochs:
        report(event)
        now_s[0] += 2
    assert seen == epochs
    assert [(event.number, event.total, event.valid) for event in seen][3] == (4, 6, {"valid_loss": 0.5})
    assert said == ["12 parameters", epochs[0], epochs[3], epochs[5]]
    assert epochs[0] == "epoch 1 of 6: loss 1.000, validation loss 0.500, 5:00 left"


@given(
    number=st.integers(1, 10**6),
    loss=st.none() | st.floats(0, 1e6),
    valid=st.dictionaries(st.sampled_from(["valid_loss", "valid_accuracy"]), st.floats(0, 1)),
    part=st.text(max_size=20),
)
def test_an_epoch_is_its_line_and_survives_a_pipe(number, loss, valid, part) -> None:
    event = Epoch(number, 10**6, loss=loss, valid=valid, part=part)
    assert event.startswith(f"{part}epoch {number} of ")
    copy = pickle.loads(pickle.dumps(event))
    assert copy == event
    assert vars(copy) == vars(event)
