"""How long a cold ``genrekit predict song.wav`` takes against a plain librosa script on the same song.

    python benchmarks/startup.py [--audio FILE] [--model MODEL] [--repeats N]

Every run is a new process, the two in turn; nothing is cached. The plain script loads the song and computes the
57 features with librosa, and predicts nothing, so it has the lighter task.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PLAIN = """
import sys
sys.path.insert(0, sys.argv[2])
import librosa
from features import plain_librosa
print(plain_librosa(librosa.load(sys.argv[1], sr=22050)[0]))
"""


def seconds(command: list[str]) -> float:
    """Wall-clock seconds of a whole process."""
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def main() -> None:
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description="A cold prediction against a plain librosa script.")
    parser.add_argument("--audio", type=Path, help="a song; 30 s of generated sound by default")
    parser.add_argument(
        "--model", default="gtzan", help="a bundle, or the name of a shipped model (default: %(default)s)"
    )
    parser.add_argument("--repeats", type=int, default=5, help="measured pairs (default: %(default)s)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        song = arguments.audio or _generated(Path(folder))
        ours = [
            sys.executable,
            "-m",
            "genrekit",
            "predict",
            "--no-cache",
            "--model",
            arguments.model,
            str(song),
        ]
        plain = [sys.executable, "-c", PLAIN, str(song), str(here)]
        seconds(plain), seconds(ours)
        pairs = [(seconds(plain), seconds(ours)) for _ in range(arguments.repeats)]
    ratio = statistics.median(ours_s / plain_s for plain_s, ours_s in pairs)
    print(f"{song.name}, {os.cpu_count()} cores, median of {arguments.repeats} pairs of new processes")
    print(f"plain librosa script {statistics.median(p for p, _ in pairs):6.2f} s")
    print(f"genrekit predict     {statistics.median(o for _, o in pairs):6.2f} s")
    print(f"genrekit / plain     {ratio:6.2f}")


def _generated(folder: Path) -> Path:
    import soundfile as sf

    sys.path.insert(0, str(Path(__file__).parent))
    from features import SR, generated_clip

    path = folder / "generated.wav"
    sf.write(path, generated_clip(), SR)
    return path


if __name__ == "__main__":
    main()
