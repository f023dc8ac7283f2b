"""Screenshots of the page from the example media: ``python docs/make_screenshots.py`` writes docs/pictures/page-*.webp.

It needs Playwright and Chromium (``apt-get install chromium``), or another browser of its family in GENREKIT_CHROMIUM.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import soundfile
from PIL import Image
from playwright.sync_api import Browser, expect, sync_playwright

HERE = Path(__file__).parent
MEDIA = HERE.parent / "examples" / "media"
WAIT_MS = 300_000
MOST_BYTES = 100_000


def medley(path: Path) -> Path:
    """Write a song that changes its genre: 20 s of each of three example songs."""
    parts, rate = [], 0
    for name in ("string_arpeggios", "power_chords", "swing_band"):
        samples, rate = soundfile.read(MEDIA / f"{name}.ogg", frames=20 * 22050)
        parts.extend(samples.tolist())
    soundfile.write(path, parts, rate)
    return path


def shoot(browser: Browser, address: str, song: Path, language: str, width: int, scheme: str) -> None:
    """Write one screenshot: the page down to a song with its timeline and why."""
    context = browser.new_context(
        locale=language, color_scheme=scheme, viewport={"width": width, "height": 900}, device_scale_factor=1
    )
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    page.goto(address)
    files = [song, MEDIA / "blue_notes.png", HERE.parent / "examples" / "tracks.csv"]
    page.set_input_files("#pick-files", [str(file) for file in files])
    expect(page.locator("article.done")).to_have_count(len(files), timeout=WAIT_MS)
    page.locator("details.why > summary").first.click()
    expect(page.locator("img.heat").first).to_be_visible(timeout=WAIT_MS)
    page.evaluate("scrollTo(0, 0)")  # boxes are measured from the top of the window
    card = page.locator("genre-card").first.bounding_box()
    column = page.locator("main").bounding_box()
    margin = 16
    raw = page.screenshot(
        full_page=True,
        clip={
            "x": column["x"] - margin,
            "y": 0,
            "width": column["width"] + 2 * margin,
            "height": card["y"] + card["height"] + margin,
        },
    )
    path = HERE / "pictures" / f"page-{language}-{width}.webp"
    picture = Image.open(io.BytesIO(raw)).convert("RGB")
    for quality in range(90, 20, -10):
        picture.save(path, quality=quality, method=6)
        if path.stat().st_size < MOST_BYTES:
            break
    print(path.name, path.stat().st_size)
    context.close()


def main() -> None:
    """Start a server, and write the screenshots."""
    chromium = os.environ.get("GENREKIT_CHROMIUM") or shutil.which("chromium")
    command = [sys.executable, "-m", "genrekit", "serve", "spectrogram", "image", "spotify", "--port", "0"]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        address = next(
            found[1]
            for line in server.stderr
            if (found := re.search(r"ready address=\"?(http://[\w.:]+)", line))
        )
        with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
            )
            song = medley(Path(folder) / "medley.ogg")
            shoot(browser, address, song, "en", 1280, "light")
            shoot(browser, address, song, "ar", 1280, "light")
            shoot(browser, address, song, "en", 360, "dark")
            browser.close()
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
