"""Draw the pictures of docs/inspect.md and the terminals: ``python docs/make_pictures.py``, in the root of the repository."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

PICTURES = Path(__file__).with_name("pictures")
INSPECTED = {
    "song": ["examples/media/four_on_the_floor.ogg", "--model", "spectrogram"],
    "photo": ["examples/media/night_drive.jpg"],
    "table": ["examples/tracks.csv", "--rows", "2,3"],
    "model": ["spectrogram"],
    "spotify": ["spotify"],
}
TERMINALS = {
    "predict": [
        "predict",
        "examples/media/swing_band.ogg",
        "examples/media/night_drive.jpg",
        "--format",
        "table",
    ],
    "models": ["models", "encoder"],
}


def main() -> None:
    """Draw all of them."""
    for name, words in INSPECTED.items():
        out = str(PICTURES / f"inspect-{name}.png")
        subprocess.run(
            [sys.executable, "-m", "genrekit", "inspect", *words, "-o", out, "--overwrite"], check=True
        )
    for name, words in TERMINALS.items():
        done = subprocess.run(
            [sys.executable, "-m", "genrekit", *words], capture_output=True, text=True, check=True
        )
        console = Console(record=True, width=96, file=sys.stderr)
        console.print(Text(f"$ genrekit {' '.join(words)}", style="bold"))
        console.print(Text.from_ansi(done.stdout.rstrip()))
        svg = console.export_svg(title="genrekit", unique_id=f"genrekit-{name}")
        # The fonts of the export are on another host; the page must need none.
        svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
        (PICTURES / f"terminal-{name}.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
