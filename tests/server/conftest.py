"""A server with all shipped models, in this process, and what is sent to it."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.serving import running

MEDIA = Path(__file__).parents[2] / "examples" / "media"


@pytest.fixture(scope="session")
def client():
    with running() as found:
        yield found


@pytest.fixture
def media():
    return MEDIA


@pytest.fixture
def numbers():
    """57 numbers that a song could have."""
    return [
        0.35,
        0.09,
        0.13,
        0.003,
        1784.2,
        129774.1,
        2002.4,
        85882.8,
        3805.8,
        901505.4,
        0.083,
        0.0008,
        *[0.5] * 45,
    ]
