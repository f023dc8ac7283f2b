import os
import subprocess
import sys
from pathlib import Path

import pytest

pty = pytest.importorskip("pty", reason="a terminal of POSIX")

SCRIPT = """
import sys, time
from genrekit.progress import progress
with progress({total}, "preparing [bold]") as advance:
    for _ in range(5):
        time.sleep(0.05)
        advance()
print("rich" in sys.modules)
"""


def run(total: int | None, stderr: int) -> str:
    environment = os.environ | {
        "PYTHONPATH": str(Path(__file__).parent.parent),
        "TERM": "xterm",
        "COLUMNS": "120",
    }
    environment.pop("NO_COLOR", None)
    return subprocess.run(
        [sys.executable, "-c", SCRIPT.format(total=total)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        check=True,
        timeout=60,
    ).stdout


def run_in_terminal(total: int | None) -> tuple[str, str]:
    ours, theirs = pty.openpty()
    out = run(total, theirs)
    os.close(theirs)
    shown = b""
    try:
        while block := os.read(ours, 65536):
            shown += block
    except OSError:  # how Linux says that the other side is closed
        pass
    os.close(ours)
    return out, shown.decode()


@pytest.mark.parametrize("total", [5, None])
def test_a_terminal_sees_the_bar_the_rate_and_the_time(total):
    out, shown = run_in_terminal(total)
    assert out == "True\n"  # and nothing else on stdout
    assert "preparing [bold]" in shown
    assert "files/s" in shown
    assert f"5/{total or '?'}" in shown
    assert "0:00:0" in shown


def test_a_pipe_sees_nothing_and_pays_nothing(tmp_path):
    with (tmp_path / "stderr").open("wb") as file:
        assert run(5, file.fileno()) == "False\n"
    assert (tmp_path / "stderr").read_bytes() == b""


TRANSFER = """
from genrekit.progress import transfer_progress
with transfer_progress("fma_small.zip") as report:
    for done in range(0, 5):
        report(done * 2**20, 4 * 2**20)
"""


def test_a_transfer_shows_bytes_rate_and_time_left_on_a_terminal_only():
    ours, theirs = pty.openpty()
    environment = os.environ | {
        "PYTHONPATH": str(Path(__file__).parent.parent),
        "TERM": "xterm",
        "COLUMNS": "120",
    }
    environment.pop("NO_COLOR", None)
    command = [sys.executable, "-c", TRANSFER]
    subprocess.run(command, env=environment, stderr=theirs, check=True, timeout=60)
    os.close(theirs)
    shown = os.read(ours, 2**16).decode()
    os.close(ours)
    assert "fma_small.zip" in shown
    assert "MiB" in shown
    quiet = subprocess.run(command, env=environment, stderr=subprocess.PIPE, check=True, timeout=60)
    assert quiet.stderr == b""
