"""What small networks leave out."""

from __future__ import annotations

import pytest


@pytest.fixture
def without_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the export, which takes longer than the training of a small network."""
    monkeypatch.setattr("genrekit.backends.neural.fitting.to_onnx", lambda *arguments, **more: b"")
