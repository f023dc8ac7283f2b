"""Nobody hears of a run: no file but the cache's in the home folder, and no socket to the internet."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support import no_internet
from support.night import day_and_night

SWITCHES = (
    "ORT_DISABLE_TELEMETRY",
    "MLFLOW_DISABLE_TELEMETRY",
    "CI",
    "DO_NOT_TRACK",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "MPLCONFIGDIR",
)
# urllib3, which MLflow imports, opens a socket to the own machine to see whether there is IPv6.
WITHOUT_IPV6 = "import socket; socket.has_ipv6 = False; from genrekit.cli import run; run()"
GUARD = Path(no_internet.__file__)
STAY = """
import sys, time
import genrekit
if __name__ == "__main__":
    found = list(genrekit.predict(sys.argv[3:], model=sys.argv[1], jobs=2))
    assert all(p.label for p in found), found
    time.sleep(float(sys.argv[2]))
"""

needs_seccomp = pytest.mark.skipif(not no_internet.is_possible(), reason="seccomp is of Linux")


@pytest.fixture
def home(tmp_path):
    """An empty home folder."""
    path = tmp_path / "home"
    path.mkdir()
    return path


def run(home, *words):
    """Run Python as a user does who has set nothing."""
    env = {name: value for name, value in os.environ.items() if name not in SWITCHES}
    return subprocess.run(
        [sys.executable, *map(str, words)],
        env={**env, "HOME": str(home), "GENREKIT_CACHE_DIR": str(home / "genrekit-cache")},
        cwd=home.parent,
        capture_output=True,
        text=True,
        timeout=240,
    )


def sealed(home, *words):
    """Run Python where an internet socket ends the process that asks for it."""
    return run(home, GUARD, *words)


def left_in(home):
    files = (path.relative_to(home) for path in home.rglob("*") if path.is_file())
    return sorted(str(path) for path in files if path.parts[0] != "genrekit-cache")


@pytest.mark.parametrize(
    "command", day_and_night(["predict-in-processes", "track", "predict", "evaluate", "train"], day=1)
)
def test_a_run_leaves_only_the_cache_and_asks_for_no_internet_socket(
    command, home, model_path, songs, tmp_path
):
    paths = [example.path for example in songs.examples[:3]]
    words = {
        "predict": ["predict", "--model", model_path, *paths],
        "predict-in-processes": ["predict", "--model", model_path, "--jobs", 2, *paths],
        "evaluate": ["evaluate", model_path, "--data", songs.source, "--report", tmp_path / "report"],
        "train": [
            *("train", "--data", songs.source, "-o", tmp_path / "new.genrekit"),
            *("--set", "classifier=logistic", "--set", "transform=standard", "--set", "window_s=2"),
        ],
        "track": [
            *("evaluate", model_path, "--data", songs.source, "--no-cache"),
            *("--track", f"mlflow:sqlite:///{tmp_path / 'runs.db'}"),
        ],
    }[command]
    if command == "track":
        pytest.importorskip("mlflow")
    watched = sealed if no_internet.is_possible() else run
    program = ["-c", WITHOUT_IPV6] if command == "track" else ["-m", "genrekit"]
    done = watched(home, *program, *words)
    assert done.returncode == 0, done.stderr
    assert left_in(home) == []


def test_the_switch_is_set_before_anything_is_imported_and_only_where_nobody_set_it(home):
    names = {"ORT_DISABLE_TELEMETRY": "1", "MLFLOW_DISABLE_TELEMETRY": "true"}
    code = f"import os, genrekit; print(*map(os.environ.get, {list(names)}))"
    assert run(home, "-c", code).stdout == f"{' '.join(names.values())}\n"
    code = f"import os; os.environ.update(dict.fromkeys({list(names)}, '0')); {code}"
    assert run(home, "-c", code).stdout == "0 0\n"


def test_a_task_that_arrives_on_a_bare_worker_brings_the_switch(home):
    """A Dask worker has imported nothing of genrekit when a pickled task comes."""
    import pickle

    from genrekit.execution.dask_worker import perform

    code = "import os, pickle; pickle.loads({!r}); print(os.environ['ORT_DISABLE_TELEMETRY'])"
    assert run(home, "-c", code.format(pickle.dumps(perform))).stdout == "1\n"


@needs_seccomp
@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6"])
def test_the_guard_sees_sockets_of_libraries_and_of_children(family, home):
    code = f"import ctypes, socket; ctypes.CDLL(None).socket(int(socket.{family}), 1, 0)"
    assert sealed(home, "-c", code).returncode == -signal.SIGSYS
    child = f"import subprocess, sys; print(subprocess.run([sys.executable, '-c', {code!r}]).returncode)"
    assert sealed(home, "-c", child).stdout == f"{-signal.SIGSYS}\n"
    assert sealed(home, "-c", "import socket; socket.socketpair()").returncode == 0


@needs_seccomp
@pytest.mark.parametrize("stays_s", [0, pytest.param(20, marks=pytest.mark.night)])
def test_a_process_that_predicts_opens_no_internet_socket(stays_s, home, model_path, songs, tmp_path):
    """ONNX Runtime's telemetry looks for its host 10 s after the start."""
    script = tmp_path / "stay.py"
    script.write_text(STAY)
    done = sealed(home, script, model_path, stays_s, *(example.path for example in songs.examples[:2]))
    assert done.returncode == 0, done.stderr
    assert left_in(home) == []
