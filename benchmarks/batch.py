"""How fast a batch of songs goes on two processes: against a plain librosa loop, and against one process.

    python benchmarks/batch.py [--clips N] [--sample N] [--jobs N]
    python benchmarks/batch.py --curve 10000

The plain loop loads a clip and computes the same 57 features with librosa, one after the other in one process; it is
measured on a sample of the same files. ``--curve`` runs many short clips instead, and shows the memory of all
processes on the way (Linux).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile as sf

SR = 22050
DIFFERENT = 50

PLAIN = """
import sys, time
sys.path.insert(0, sys.argv[1])
import librosa
from features import plain_librosa
plain_librosa(librosa.load(sys.argv[2], sr=22050)[0])
start = time.perf_counter()
for path in sys.argv[3:]:
    plain_librosa(librosa.load(path, sr=22050)[0])
print(time.perf_counter() - start)
"""


def make_clips(folder: Path, n: int, seconds: float) -> None:
    """``n`` names of ``DIFFERENT`` files: chords under noise, as 16-bit wav."""
    rng = np.random.default_rng(0)
    t = np.arange(int(seconds * SR)) / SR
    for k in range(min(n, DIFFERENT)):
        pitches = 110 * 2 ** (rng.integers(0, 36, 4) / 12)
        beat = 0.5 + 0.5 * np.sign(np.sin(2 * np.pi * rng.uniform(1, 3) * t))
        y = beat * sum(np.sin(2 * np.pi * hz * t) for hz in pitches) + 0.3 * rng.standard_normal(len(t))
        sf.write(folder / f"{k:06}.wav", 0.1 * y, SR)
    for k in range(DIFFERENT, n):
        os.link(folder / f"{k % DIFFERENT:06}.wav", folder / f"{k:06}.wav")


def command(folder: Path, output: Path, jobs: int) -> list[str]:
    words = ["predict", str(folder), "--model", "gtzan", "--no-cache", "--overwrite", "--jobs", str(jobs)]
    return [sys.executable, "-m", "genrekit", *words, "-o", str(output)]


def seconds_of(folder: Path, output: Path, jobs: int) -> float:
    start = time.perf_counter()
    subprocess.run(command(folder, output, jobs), check=True)
    return time.perf_counter() - start


def memory_mb(parent: int) -> float:
    """Resident size of a process and its children, shared pages counted once a process."""
    total = 0
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
            if parent in (int(entry.parent.name), int(fields[1])):
                total += int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
        except OSError:
            continue
    return total / 1e6


def curve(n: int, jobs: int) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder, output = Path(place, "clips"), Path(place, "out.jsonl")
        folder.mkdir()
        make_clips(folder, n, 2)
        journal = Path(place, "out.jsonl.run", "journal.jsonl")
        process = subprocess.Popen(command(folder, output, jobs))
        print(f"{n:,} clips of 2 s, {jobs} processes: done, memory of all processes")
        done = reported = 0
        with tempfile.TemporaryFile():
            while process.poll() is None:
                time.sleep(0.2)
                if journal.exists():
                    with journal.open("rb") as file:
                        file.seek(0)
                        done = sum(1 for _ in file)
                if done >= reported + n // 10:
                    reported = done
                    print(f"{done:7,} {memory_mb(process.pid):7.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description="A batch of songs against a plain loop.")
    parser.add_argument("--clips", type=int, default=1000, help="clips of 30 s (default: %(default)s)")
    parser.add_argument(
        "--sample", type=int, default=20, help="clips for the plain loop (default: %(default)s)"
    )
    parser.add_argument("--jobs", type=int, default=2, help="processes (default: %(default)s)")
    parser.add_argument("--curve", type=int, metavar="N", help="memory over N short clips instead")
    arguments = parser.parse_args()
    if arguments.curve:
        curve(arguments.curve, arguments.jobs)
        return
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "clips")
        folder.mkdir()
        make_clips(folder, arguments.clips, 30)
        sample = sorted(map(str, folder.iterdir()))[: arguments.sample]
        plain = [sys.executable, "-c", PLAIN, str(Path(__file__).parent), sample[0], *sample]
        loop_s = float(subprocess.run(plain, capture_output=True, text=True, check=True).stdout)
        rates = {
            jobs: arguments.clips / seconds_of(folder, Path(place, f"{jobs}.jsonl"), jobs)
            for jobs in (1, arguments.jobs)
        }
    loop = len(sample) / loop_s
    both = rates[arguments.jobs]
    print(f"{arguments.clips:,} clips of 30 s, {os.cpu_count()} cores; clips a second, start included")
    print(f"plain librosa loop, one process {loop:7.2f}   (on {len(sample)} clips, start not included)")
    print(f"genrekit, one process           {rates[1]:7.2f}")
    print(f"genrekit, {arguments.jobs} processes           {both:7.2f}")
    print(f"times the plain loop            {both / loop:7.1f}")
    print(f"of {arguments.jobs} times one process         {100 * both / (arguments.jobs * rates[1]):6.0f} %")


if __name__ == "__main__":
    main()
