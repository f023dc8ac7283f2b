"""The command line, run in this process."""

from __future__ import annotations

import io
import sys
from typing import NamedTuple

import pytest

from genrekit.cli import main


class Run(NamedTuple):
    """What a command left behind."""

    status: int
    out: str
    err: str


@pytest.fixture
def genrekit(capsys, monkeypatch):
    """Run a command: ``genrekit("predict", path, stdin="...")``; in this process alone unless ``--jobs`` is given."""
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0}, raising=False)

    def run(*words: object, stdin: str = "") -> Run:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8"))
        capsys.readouterr()
        with pytest.raises(SystemExit) as leave:
            main([str(word) for word in words])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return Run(leave.value.code or 0, out, err)

    return run
