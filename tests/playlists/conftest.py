"""Services on loopback whose answers are written after their documentation; nothing leaves the machine."""

from __future__ import annotations

import pytest
from support.loopback import Host, serving

from genrekit.playlists import jamendo, listenbrainz, radio_browser, youtube


@pytest.fixture
def service(monkeypatch, tmp_path):
    """Every provider asks this server."""
    monkeypatch.setenv("GENREKIT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("GENREKIT_YOUTUBE_KEY", "AIza-not-a-key")
    monkeypatch.setenv("GENREKIT_JAMENDO_CLIENT_ID", "id-of-ours")
    for name in ("GENREKIT_CACHE", "LISTENBRAINZ_TOKEN", "GENREKIT_PLAYLISTS", "GENREKIT_REGIONS_FILE"):
        monkeypatch.delenv(name, raising=False)
    with serving(Host()) as host:
        for module in (jamendo, listenbrainz, radio_browser, youtube):
            monkeypatch.setattr(module, "BASE", host.base)
        for module in (jamendo, listenbrainz, radio_browser):
            monkeypatch.setattr(module, "INTERVAL_S", 0.0)
        yield host
