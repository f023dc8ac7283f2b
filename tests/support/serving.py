"""Servers in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from starlette.testclient import TestClient

from genrekit.server import Settings, create_app


@contextmanager
def running(**settings: object) -> Iterator[TestClient]:
    """Run a server in this process, and give its client."""
    app = create_app(Settings.model_validate({"jobs": 1, "watch_s": 0, **settings}))
    with TestClient(app, base_url="http://127.0.0.1:8000", raise_server_exceptions=False) as client:
        yield client
