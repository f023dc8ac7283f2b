"""Small networks, one thread: a second one waits longer than it works."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def without_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the export, which takes longer than the training of a small network."""
    monkeypatch.setattr("genrekit.backends.neural.fitting.to_onnx", lambda *arguments, **more: b"")


@pytest.fixture
def every_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line of progress an epoch."""
    monkeypatch.setattr("genrekit.backends.neural.watching._QUIET_S", 0)
