"""First paint of the page on loopback: ``python benchmarks/page.py [RUNS]``; needs Playwright and Chromium.

Each run opens the page in a new context (empty cache) and reads the browser's own entries ``first-paint`` and
``first-contentful-paint``, in ms after the navigation began, and the time at which the page could be used.
"""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import sys

from playwright.sync_api import sync_playwright

READ = """() => Object.fromEntries([
  ...performance.getEntriesByType("paint").map((entry) => [entry.name, entry.startTime]),
  ["usable", performance.now()],
  ["requests", performance.getEntriesByType("resource").length + 1],
  ["kilobytes", [...performance.getEntriesByType("resource"), ...performance.getEntriesByType("navigation")].reduce((sum, one) => sum + one.encodedBodySize, 0) / 1000],
])"""


def main() -> None:
    """Measure, and print the median and the slowest."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    command = [sys.executable, "-m", "genrekit", "serve", "spotify", "--port", "0"]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        address = next(
            found[1]
            for line in server.stderr
            if (found := re.search(r"ready address=\"?(http://[\w.:]+)", line))
        )
        with sync_playwright() as playwright:
            chromium = os.environ.get("GENREKIT_CHROMIUM") or shutil.which("chromium")
            browser = playwright.chromium.launch(
                executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
            )
            found = []
            for _ in range(runs):
                context = browser.new_context()
                page = context.new_page()
                page.goto(address)
                page.locator("#work").wait_for(state="visible")
                found.append(page.evaluate(READ))
                context.close()
            browser.close()
        for name in found[0]:
            values = [run[name] for run in found]
            print(f"{name:24} median {statistics.median(values):8.1f}  most {max(values):8.1f}")
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
