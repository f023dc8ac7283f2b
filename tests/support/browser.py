"""A real browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--mute-audio",
    "--renderer-process-limit=1",
)
PATIENCE_MS = 60_000


def chromium_path() -> str:
    """Return the path of Chromium, or skip the test with the reason."""
    pytest.importorskip("playwright", reason="Playwright is not installed (extra dev).")
    named = os.environ.get("GENREKIT_CHROMIUM", "")
    found = named or next(filter(None, map(shutil.which, NAMES)), None)
    if not found:
        pytest.skip("There is no Chromium here; 'apt-get install chromium' brings one.")
    return found


@contextmanager
def chromium() -> Iterator[object]:
    """Run Chromium, and give Playwright's browser."""
    path = chromium_path()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()
