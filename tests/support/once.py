"""Folders that all test processes of a run share, whichever of them fills one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock


class SharedFolder:
    """The folder of a test run, common to all workers of pytest-xdist.

    Parameters
    ----------
    tmp_path_factory : pytest.TempPathFactory
        Its base folder is one per worker; they lie in the folder of the run.
    """

    def __init__(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        own = tmp_path_factory.getbasetemp()
        self.path = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    def once(self, name: str, fill: Callable[[Path], object]) -> Path:
        """Return the folder of this name, filled by the first process that asks for it; the others wait."""
        folder = self.path / f"shared-{name}"
        with FileLock(self.path / f"shared-{name}.lock"):
            if not folder.exists():
                unfinished = self.path / f"unfinished-{name}"
                shutil.rmtree(unfinished, ignore_errors=True)
                unfinished.mkdir()
                fill(unfinished)
                unfinished.rename(folder)
        return folder
