"""Servers in this process and in others."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from starlette.testclient import TestClient

from genrekit.server import Settings, create_app
from support.measured import MEASURED
from support.waiting import GIVE_UP_S, wait_until


@contextmanager
def running(**settings: object) -> Iterator[TestClient]:
    """Run a server in this process, and give its client."""
    app = create_app(Settings.model_validate({"jobs": 1, "watch_s": 0, **settings}))
    with TestClient(app, base_url="http://127.0.0.1:8000", raise_server_exceptions=False) as client:
        yield client


@dataclass
class Process:
    """A server in another process."""

    process: subprocess.Popen[str]
    url: str
    log: Path

    def wait(self) -> int:
        """Return the exit status."""
        return self.process.wait(GIVE_UP_S)

    def said(self) -> str:
        """Return what is on stderr."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def workers(self) -> list[int]:
        """Return the process ids of its workers (Linux)."""
        tasks = Path(f"/proc/{self.process.pid}/task")  # each thread has the processes that it started
        pids = [int(word) for path in tasks.glob("*/children") for word in path.read_text().split()]
        return [pid for pid in pids if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


@contextmanager
def started(folder: Path, *words: str, **environment: str) -> Iterator[Process]:
    """Start ``genrekit serve`` with a temporary folder of its own, and end it."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "stderr"
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    with log.open("w", encoding="utf-8") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "genrekit", "serve", "--port", "0", *words],
            stderr=stderr,
            stdout=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **MEASURED, "TMPDIR": str(temporary), **environment},
        )
    try:
        server = Process(process, "", log)
        assert wait_until(lambda: re.search(r"\bready\b", server.said()) or process.poll() is not None)
        found = re.search(r'address"?[=:] ?"?(https?://[^\s"]+)', server.said())
        server.url = found[1] if found else ""
        yield server
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
